"""How good an inspector is on a labelled folder: every sense, every subset, beside the baselines, with intervals.

Scores are raw. Nothing is fitted here: thresholds come with the inspector, and a test label moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.errors import InputError
from ....core.progress import track
from ....core.result import Evaluation
from ....core.trust.intervals import bootstrap
from ....core.trust.subsets import subset_name, subsets_of
from ....core.types import Array
from ..records import SENSES, Unit
from .data import read_parts
from .experts import Seen
from .metrics import aupro, average_precision, pixel_auroc, roc_auc
from .model import Inspector, Observed

if TYPE_CHECKING:
    from .pipeline import InspectionPipeline

MAP_SIDE = 128  # pixels that anomaly maps are scaled to before they are measured


@dataclass(frozen=True, kw_only=True, eq=False)
class Looked:
    """Test units, what the senses gave, and maps with masks where both are known."""

    units: Sequence[Unit]
    observed: Sequence[Observed]
    maps: Sequence[Array] = ()
    masks: Sequence[Array] = ()

    @property
    def labels(self) -> Array:
        return np.array([not unit.good for unit in self.units])

    @property
    def groups(self) -> Array:
        return np.array([unit.group for unit in self.units])


def evaluate(pipeline: InspectionPipeline, data: Path, *, layout: str | None, seed: int) -> Evaluation:
    """Metrics on the test side of a folder."""
    parts = read_parts(data, layout)
    known = set(pipeline.inspector.groups)
    units = [unit for unit in parts.test if unit.group not in known]
    notes = []
    if len(units) < len(parts.test):
        notes.append(
            f"{len(parts.test) - len(units)} test units were left out: the inspector has learned the same tiles"
        )
    if not any(unit.good for unit in units) or all(unit.good for unit in units):
        raise InputError(f"{data} needs good and defective test units (test/good and test/<defect>) to be evaluated on")
    return measured(pipeline.inspector, look(pipeline.inspector, units), name=str(data), seed=seed, notes=notes)


def look(inspector: Inspector, units: Sequence[Unit]) -> Looked:
    """Every unit through the experts; anomaly maps are kept small."""
    from .recipes import read_unit

    observed, maps, masks = [], [], []
    for unit in track(units, "looking at test units"):
        record = read_unit(unit)
        seen = inspector.experts.look(record)
        if "image" in seen and seen["image"].usable:
            mask = _mask(unit, seen["image"].shown[1].shape)
            if mask is not None:
                maps.append(small(seen["image"].shown[1]))
                masks.append(small(mask.astype(np.float32)) > 0.5)
        observed.append({sense: Seen(numbers=e.numbers, score=e.score, refused=e.refused) for sense, e in seen.items()})
    return Looked(units=units, observed=observed, maps=maps, masks=masks)


def measured(inspector: Inspector, looked: Looked, *, name: str, seed: int, notes: Sequence[str] = ()) -> Evaluation:
    """The table: metrics with intervals, baselines, and a row for every subset of the learned senses."""
    labels, notes = looked.labels, list(notes)
    fused = inspector.scores(looked.observed)
    metrics = {"roc_auc": roc_auc(labels, fused), "average_precision": average_precision(labels, fused)}
    intervals = {"roc_auc": _interval(labels, fused, looked.groups, seed)}
    baselines = {"late product of experts": {"roc_auc": roc_auc(labels, inspector.scores(looked.observed, late=True))}}
    baselines["largest surprise of any sense"] = {"roc_auc": roc_auc(labels, largest(inspector, looked.observed))}
    for sense in [each for each in SENSES if each in inspector.scale.centre]:
        scores = raw(inspector, looked.observed, sense)
        known = np.isfinite(scores)
        if labels[known].any() and not labels[known].all():
            title = "CAD deviation alone" if sense == "scan" else f"{sense} expert alone"
            baselines[title] = {"roc_auc": roc_auc(labels[known], scores[known])}
            if sense == "image":
                metrics["image_auroc"] = baselines[title]["roc_auc"]
                intervals["image_auroc"] = _interval(labels[known], scores[known], looked.groups[known], seed)
    if looked.masks and any(mask.any() for mask in looked.masks):
        metrics |= {"pixel_auroc": pixel_auroc(looked.maps, looked.masks), "aupro_30": aupro(looked.maps, looked.masks)}
    rows = subsets(inspector, looked)
    whole = next(iter(rows.values()), {})
    metrics |= {key: whole[key] for key in ("false_rejects", "recall") if key in whole}
    for kind in sorted({unit.defect for unit in looked.units} - {"good"}):
        chosen = np.array([unit.defect in ("good", kind) for unit in looked.units])
        metrics[f"roc_auc.{kind}"] = roc_auc(labels[chosen], fused[chosen])
    refused = sum(not seen.usable for each in looked.observed for seen in each.values())
    if refused:
        notes.append(f"{refused} scans, images or sounds could not be measured and took no part in a score")
    return Evaluation(
        task="industrial/inspection",
        data=name,
        n=len(looked.units),
        metrics=metrics,
        intervals=intervals,
        baselines=baselines,
        subsets=rows,
        worst_subset=min(rows, key=lambda each: rows[each]["roc_auc"]) if rows else None,
        notes=tuple(notes),
    )


def subsets(inspector: Inspector, looked: Looked) -> dict[str, dict[str, float]]:
    """For each subset of the learned senses: fused, late product, best single; false rejects and recall as promised."""
    senses = tuple(sense for sense in SENSES if sense in inspector.scale.centre)
    rows = {}
    for subset in subsets_of(senses):
        chosen = [index for index, each in enumerate(looked.observed) if _whole(each, subset)]
        labels = looked.labels[chosen]
        if not labels.any() or labels.all():
            continue
        observed = [{sense: looked.observed[index][sense] for sense in subset} for index in chosen]
        fused = inspector.scores(observed)
        singles = [_alone(inspector, observed, sense, labels) for sense in subset]
        row = {
            "roc_auc": roc_auc(labels, fused),
            "late_roc_auc": roc_auc(labels, inspector.scores(observed, late=True)),
            "largest_spread_roc_auc": roc_auc(labels, largest(inspector, observed)),
            "best_single_roc_auc": max(singles),
            "n": float(len(chosen)),
        }
        threshold = inspector.thresholds.get(subset_name(subset))
        if threshold is not None:
            rejected = np.array([threshold.verdict(float(score)) == "reject" for score in fused])
            row |= {"promised": threshold.promised, "false_rejects": float(rejected[~labels].mean())}
            row["recall"] = float(rejected[labels].mean())
        rows[subset_name(subset)] = row
    return rows


def _alone(inspector: Inspector, observed: Sequence[Observed], sense: str, labels: Array) -> float:
    """The better of a sense's raw score and of what the inspector would answer with that sense alone."""
    alone = inspector.scores([{sense: each[sense]} for each in observed])
    return max(roc_auc(labels, raw(inspector, observed, sense)), roc_auc(labels, alone))


def raw(inspector: Inspector, observed: Sequence[Observed], sense: str) -> Array:
    """The expert's raw score for each unit; NaN where it gave none."""
    return np.array([each[sense].score if sense in each and each[sense].usable else np.nan for each in observed])


def largest(inspector: Inspector, observed: Sequence[Observed]) -> Array:
    """The baseline that needs no training: the largest of the senses' surprises."""
    answer = []
    for each in observed:
        spreads = [
            inspector.scale.surprise(sense, seen) for sense, seen in each.items() if inspector.judges(sense, seen)
        ]
        answer.append(max(spreads, default=0.0))
    return np.array(answer)


def _whole(observed: Mapping[str, Seen], subset: tuple[str, ...]) -> bool:
    return all(sense in observed and observed[sense].usable for sense in subset)


def _interval(labels: Array, scores: Array, groups: Array, seed: int) -> tuple[float, float]:
    found = bootstrap(roc_auc, labels, scores, groups=groups, rounds=400, seed=seed)
    return found.low, found.high


def _mask(unit: Unit, shape: tuple[int, ...]) -> Array | None:
    """The defect's pixels at the size of the photograph; empty for a good unit; None where it is not known."""
    given: Any = unit.truth.get("mask")
    if isinstance(given, Path):
        from ..camera.images import read_image

        return read_image(given).pixels[:, :, 0] > 0.5
    if given is not None:
        return np.asarray(given, bool)
    return np.zeros(shape, bool) if unit.good else None


def small(values: Array) -> Array:
    """Scaled so that the longer side has at most 128 pixels (the mean over what becomes one pixel)."""
    import torch
    import torch.nn.functional as F

    height, width = values.shape
    scale = min(1.0, MAP_SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    picture = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]
    return F.interpolate(picture, size=size, mode="area")[0, 0].numpy()
