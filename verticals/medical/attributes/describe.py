"""What a nodule is like: texture, margin, spiculation, lobulation, calcification, place, and how suspicious it looks.

Probabilities are those that a radiologist of LIDC would say so. Suspicion is theirs too: it is no probability of
cancer, which no reader of LIDC knew. Measurements are taken on a crop of 1 mm around the mask, so a corrected mask is
described anew. It finds nothing and says nothing of what should be done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.special import logit

from ....core.config import from_plain, to_plain
from ....core.result import Interval
from ....core.trust.calibration import Platt, VectorScaling
from ....core.types import Array, Volume
from ..detection.detect import Seen
from ..records import Attribute, Finding
from .crop import crop_of
from .heads import RATING, Heads
from .measures import measured
from .place import place_of

CLASSES: Mapping[str, tuple[str, ...]] = {
    "texture": ("solid", "part-solid", "ground-glass"),
    "margin": ("sharp", "ill-defined"),
    "spiculation": ("none", "marked"),
    "lobulation": ("none", "marked"),
    "calcification": ("none", "present"),
}
SCALE = (1.0, 5.0)  # of the readers' rating of suspicion
MIDDLE = 3.0
MOST = SCALE[1] - SCALE[0]  # a margin that rules nothing out
EVERYONE = ""  # the stratum of a nodule whose own was not calibrated
SIZES = (6.0, 10.0)  # mm, on the mask: bounds of suspicion are fixed for each size, and for what is not solid


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Raw logits to probabilities: times `scale`, plus `shifts`."""

    scale: float = 1.0
    shifts: tuple[float, ...] = ()

    def probabilities(self, logits: Array) -> Array:
        shifts = np.array(self.shifts) if self.shifts else np.zeros(logits.shape[-1])
        return VectorScaling(scale=self.scale, shifts=shifts).probabilities(logits)


@dataclass(frozen=True, kw_only=True)
class DescriberConfig:
    """What was fixed on patients that the networks did not learn from.

    `suspicion` turns the mean rating less 3 into the log-odds that the readers' mean is 3.5 or more, and not 2.5 or
    less. `margins` say, by stratum, how far the readers' mean rating may lie below and above the expected one so that
    `coverage` of all are held (bounds.py).
    """

    measures: tuple[str, ...]
    scalings: Mapping[str, Scaling] = field(default_factory=dict)
    suspicion: Platt = field(default_factory=Platt)
    margins: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    coverage: float = 0.9


@dataclass(frozen=True, kw_only=True)
class Described:
    """One nodule in words: attributes, suspicion, the readers' mean rating that is expected, the bounds that hold it,
    and by how much (SD) the networks disagree about the suspicion."""

    attributes: Mapping[str, Attribute]
    malignancy: Interval
    rating: float
    bounds: tuple[float, float]
    disagreement: float


class Describer:
    """Attributes and suspicion of findings, from the scan and their masks."""

    def __init__(self, config: DescriberConfig, heads: Heads) -> None:
        self.config, self.heads = config, heads

    @classmethod
    def from_tensors(cls, config: Mapping[str, Any], tensors: Mapping[str, Array]) -> Describer:
        """The describer whose `plain` and `tensors` were kept.

        Raises:
            CheckpointError: tensors and configuration do not belong together.
        """
        known: DescriberConfig = from_plain(DescriberConfig, config)
        return cls(known, Heads.from_tensors(known.measures, sizes(), tensors))

    def tensors(self) -> dict[str, Array]:
        """The networks' arrays by name."""
        return self.heads.tensors()

    def plain(self) -> dict[str, Any]:
        """The configuration as JSON types."""
        return dict(to_plain(self.config))

    def describe(
        self, volume: Volume, findings: Sequence[Finding], seen: Seen, *, labels: Array
    ) -> tuple[Finding, ...]:
        """The findings with attributes, place and suspicion; `labels` is their label map in the canonical frame of
        `volume`. A finding without a voxel there is left as it is."""
        rows, which = [], []
        boxes = ndimage.find_objects(np.asarray(labels))
        for index, finding in enumerate(findings):
            box = boxes[finding.label - 1] if 0 < finding.label <= len(boxes) else None
            if box is not None:
                low = np.array([each.start for each in box])
                rows.append(measured(crop_of(volume, low, labels[box] == finding.label)))
                which.append(index)
        found = list(findings)
        for index, said in zip(which, self.read(rows), strict=True):
            place = place_of(np.array(found[index].center_mm), volume, seen)
            attributes = {**said.attributes, "location": place}
            found[index] = replace(
                found[index], attributes=attributes, malignancy=said.malignancy, disagreement=said.disagreement
            )
        return tuple(found)

    def read(self, rows: Sequence[Mapping[str, float]]) -> list[Described]:
        """From measurements alone."""
        if not rows:
            return []
        raw = self.heads(rows)
        chances = {
            name: self.config.scalings.get(name, Scaling()).probabilities(raw[name].mean(axis=0)) for name in CLASSES
        }
        ratings = np.clip(MIDDLE + raw[RATING][:, :, 0], *SCALE)
        return [
            self._described(row, {name: each[n] for name, each in chances.items()}, ratings[:, n])
            for n, row in enumerate(rows)
        ]

    def _described(self, row: Mapping[str, float], chances: Mapping[str, Array], ratings: Array) -> Described:
        attributes = {name: attribute_of(CLASSES[name], each) for name, each in chances.items()}
        rating = float(ratings.mean())
        below, above = self.margin(stratum(row, attributes["texture"].value))
        bounds = (max(rating - below, SCALE[0]), min(rating + above, SCALE[1]))
        return Described(
            attributes=attributes, malignancy=self.suspicion(rating, bounds), rating=rating, bounds=bounds,
            disagreement=float(self.chance(ratings).std()),
        )  # fmt: skip

    def margin(self, name: str) -> tuple[float, float]:
        """How far the bounds reach down and up for a stratum; one that is not known has everyone's."""
        margins = self.config.margins
        return margins.get(name, margins.get(EVERYONE, (MOST, MOST)))

    def suspicion(self, rating: float, bounds: tuple[float, float]) -> Interval:
        """The chance that readers rate it suspicious rather than not; low and high are where the bounds that hold the
        readers' own mean rating, in `coverage` of all nodules, lie on the same curve."""
        value, least, most = (float(each) for each in self.chance(np.array([rating, *bounds])))
        return Interval(value=value, low=least, high=most, coverage=self.config.coverage)

    def chance(self, ratings: Array) -> Array:
        """Suspicion of mean ratings, 0 to 1."""
        return self.config.suspicion.probabilities(np.asarray(ratings, np.float64) - MIDDLE)

    def rating(self, chance: float) -> float:
        """The mean rating, 1 to 5, that a suspicion stands for: the way back."""
        platt = self.config.suspicion
        return float(np.clip(MIDDLE + (logit(np.clip(chance, 1e-9, 1 - 1e-9)) - platt.offset) / platt.slope, *SCALE))


def sizes() -> dict[str, int]:
    """Outputs of each head."""
    return {**{name: len(values) for name, values in CLASSES.items()}, RATING: 1}


def attribute_of(values: Sequence[str], chances: Array) -> Attribute:
    """The likeliest value with its chance and those of all."""
    told = {name: round(float(each), 4) for name, each in zip(values, chances, strict=True)}
    best = max(told, key=told.__getitem__)
    return Attribute(value=best, probability=told[best], probabilities=told)


def stratum(row: Mapping[str, float], texture: str) -> str:
    """By which nodules the bounds of suspicion are fixed: their size where they are solid, else that they are not."""
    if texture != "solid":
        return "not solid"
    diameter = float(np.exp(row["log_diameter"]))
    return next((f"below {size:g} mm" for size in SIZES if diameter < size), f"{SIZES[-1]:g} mm and more")
