"""`industrial/inspection`: the verbs for one part, from files at the border to a verdict with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from ....core import digest
from ....core.checkpoint import Checkpoint
from ....core.errors import InputError, MissingModality, UnknownName
from ....core.pipeline import Answered, FitOptions, Pipeline
from ....core.result import Evaluation
from ....core.training.continual import replayed
from ....core.trust.subsets import subset_name
from .. import industrial
from ..points.deviation import regions
from ..records import SENSES, Defect
from ..tasks import inspection
from .answers import Inspected, appearance, unmeasured
from .decision import Verdict, joined, needed
from .experts import POINT, Seen
from .model import Inspector

if TYPE_CHECKING:
    from ....core.export.program import Program

__all__ = ["InspectionPipeline", "industrial"]

TOLERANCE = 0.25  # mm of local deviation, where the drawing says nothing else
STEPS = 25  # of the camera's head for each epoch, where a fit is told how many
LEAST_AREA = 2.0  # mm^2
TOGETHER = "together"
UNFAMILIAR = 100.0  # spreads of good units: rather another part, lamp or microphone than a defect


class Judgement(NamedTuple):
    """Verdicts of all that could judge, why, and what the user should know; they grow as each has its say.

    `scores` are those of the judged senses together and, by name, of each alone.
    """

    verdicts: list[Verdict]
    reasons: list[str]
    warnings: list[str]
    scores: Mapping[str, float]


@dataclass
class InspectionPipeline(Pipeline):
    """Inspects a unit by any of: a scan with its nominal part, a photograph, a recording.

    `tolerance_mm` is the largest local deviation that the drawing allows; set it on the object for another part.
    """

    inspector: Inspector
    card: Mapping[str, Any] = field(default_factory=dict)
    tolerance_mm: float = TOLERANCE

    task = inspection
    weights = Path(__file__).parents[1] / "weights" / "inspection"
    explains = "log-odds of a defect (0 where nothing is known)"

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        from .store import unpack

        inspector = unpack(checkpoint)
        return cls(inspector, checkpoint.card, float(checkpoint.config["tolerance_mm"]))

    def to_checkpoint(self) -> Checkpoint:
        from .store import pack

        return pack(self.inspector, kind=self.task.name, card=self.card, tolerance_mm=self.tolerance_mm)

    @property
    def senses(self) -> tuple[str, ...]:
        """The senses that were learned, in their order."""
        return tuple(sense for sense in SENSES if sense in self.inspector.scale.centre)

    def setting(self, name: str, value: str) -> Self:
        """`false_rejects=0.005`: the rate that the thresholds promise; `tolerance_mm=0.3`: what the drawing allows."""
        if name not in ("false_rejects", "tolerance_mm"):
            raise InputError(f"{self.task.name} has the settings false_rejects and tolerance_mm, not {name}={value}")
        try:
            number = float(value)
        except ValueError:
            raise InputError(f"{name} takes a number, got {value!r}") from None
        other = copy(self)
        if name == "tolerance_mm":
            if not 0 < number < float("inf"):
                raise InputError(f"tolerance_mm is a length above 0 mm, got {value}")
            other.tolerance_mm = number
            return other
        if not 0 < number < 1:
            raise InputError(f"false_rejects is a share between 0 and 1, got {value}")
        thresholds = {name: replace(each, rate=number) for name, each in self.inspector.thresholds.items()}
        other.inspector = replace(self.inspector, thresholds=thresholds)
        return other

    def read(self, modality: str, value: Any) -> Any:
        from .recipes import READERS

        return READERS[modality](value)

    # ---- predict ------------------------------------------------------------------------------------------------

    def answer(self, record: Mapping[str, Any]) -> Answered:
        if not any(name in record for name in SENSES):
            raise MissingModality(
                "a nominal part alone cannot be inspected: give a scan, an image or a sound of a unit"
            )
        if self.inspector.experts.camera is not None:
            self.inspector.experts.camera.serve()
        observed = self.inspector.experts.look(record)
        said = self.verdict(observed, record)
        verdict = joined(said.verdicts or ["unmeasurable"])
        answer = self._inspected(observed, record, verdict, said)
        notes = [note for value in record.values() for note in getattr(value, "notes", ())]
        gates = self.inspector.gates(self._judged(observed, record))
        from .report import write

        warnings = tuple(dict.fromkeys([*notes, *said.warnings]))
        report = write(answer, observed, record, self, gates=gates, warnings=warnings)
        status = "ok" if verdict != "unmeasurable" else "unmeasurable"
        return Answered(answer=answer, status=status, warnings=warnings, report=report, gates=gates)

    def verdict(self, observed: Mapping[str, Seen], record: Mapping[str, Any]) -> Judgement:
        """The strictest of what the score, the tolerance and senses that could not be measured say."""
        judged = self._judged(observed, record)
        said = Judgement([], [], [], self._scored(judged))
        if "scan" in record and "scan" not in observed:
            said.warnings.append("the scan was not judged: it comes without the nominal part that it is held against")
        for sense, seen in observed.items():
            if not seen.usable:
                said.verdicts.append("unmeasurable")
                said.reasons.append(f"{sense}: {seen.refused}")
        self._by_score(judged, said)
        if "scan" in observed and observed["scan"].usable and observed["scan"].shown is not None:
            self._by_tolerance(observed["scan"].score, said)
        if self._another(record):
            said.warnings.append(
                "this nominal part is not the one that was learned: the scan was held against the tolerance of "
                f"{self.tolerance_mm:g} mm alone, without a promise on false rejects; image and sound were not judged"
            )
        return said

    def _by_score(self, judged: Mapping[str, Seen], said: Judgement) -> None:
        threshold = self.inspector.thresholds.get(subset_name(judged)) if judged else None
        if threshold is None:
            return
        score = said.scores[TOGETHER]
        said.verdicts.append(threshold.verdict(score))
        said.reasons.append(f"score {score:.2f}, threshold {threshold.value:.2f} for {' and '.join(judged)}")
        if threshold.promised > threshold.rate:
            said.warnings.append(
                f"{len(threshold.scores)} good units promise at most {threshold.promised:.1%} false rejects: "
                f"{threshold.rate:.1%} takes {needed(threshold.rate)} good units for the thresholds"
            )
        spreads = {
            sense: self.inspector.scale.z(sense, seen.score) for sense, seen in judged.items() if sense != "scan"
        }
        far = [sense for sense, spread in spreads.items() if spread > UNFAMILIAR]
        if far:
            said.warnings.append(
                f"{' and '.join(far)} lie over {UNFAMILIAR:g} spreads from good units: is it the part, and the set-up, "
                "that was learned?"
            )

    def _by_tolerance(self, deviation: float, said: Judgement) -> None:
        beyond = deviation > self.tolerance_mm
        said.verdicts.append("reject" if beyond else "pass")
        if beyond:
            said.reasons.append(f"deviation {deviation:.2f} mm is beyond the tolerance of {self.tolerance_mm:.2f} mm")

    def _another(self, record: Mapping[str, Any]) -> bool:
        """Whether a part is given that is not the one that was learned."""
        coverage = self.inspector.experts.coverage
        return "nominal" in record and coverage is not None and not coverage.matches(record["nominal"])

    def _judged(self, observed: Mapping[str, Seen], record: Mapping[str, Any]) -> dict[str, Seen]:
        """The senses that the learned model may judge: usable, learned, and of the part that was learned."""
        if self._another(record):
            return {}
        return {sense: seen for sense, seen in observed.items() if self.inspector.judges(sense, seen)}

    def _inspected(
        self, observed: Mapping[str, Seen], record: Mapping[str, Any], verdict: Verdict, said: Judgement
    ) -> Inspected:
        judged = self._judged(observed, record)
        threshold = self.inspector.thresholds.get(subset_name(judged)) if judged else None
        score = said.scores.get(TOGETHER, float("nan"))
        scan = observed.get("scan")
        defects, places = self._defects(observed)
        return Inspected(
            verdict=verdict,
            score=score,
            p_value=threshold.p(score) if threshold is not None else float("nan"),
            threshold=threshold.value if threshold is not None else float("nan"),
            promised_false_rejects=threshold.promised if threshold is not None else None,
            judged=tuple(judged),
            scores={sense: seen.score for sense, seen in observed.items()},
            spreads={sense: self.inspector.scale.z(sense, seen.score) for sense, seen in judged.items()},
            reasons=tuple(said.reasons),
            defects=tuple(defects),
            tolerance_mm=self.tolerance_mm,
            registration=scan.shown.registration if scan is not None and scan.shown is not None else None,
            p_values=self._alone(said),
            kinds=self.inspector.kinds(judged) if judged and verdict == "reject" else {},
            dimensions=scan.shown.dimensions if scan is not None and scan.shown is not None else (),
            lines=observed["sound"].shown[1].lines if "sound" in observed and observed["sound"].usable else (),
            surface=scan.shown if scan is not None else None,
            anomaly=observed["image"].shown if "image" in observed else None,
            places=tuple(places),
        )

    def _scored(self, judged: Mapping[str, Seen]) -> dict[str, float]:
        """The score of the senses together and of each alone, in one pass."""
        if not judged:
            return {}
        rows = [judged, *({sense: seen} for sense, seen in judged.items())]
        return dict(zip((TOGETHER, *judged), map(float, self.inspector.scores(rows)), strict=True))

    def _alone(self, said: Judgement) -> dict[str, float]:
        """The conformal p-value that each sense would have alone."""
        thresholds = self.inspector.thresholds
        return {sense: thresholds[sense].p(score) for sense, score in said.scores.items() if sense in thresholds}

    def _defects(self, observed: Mapping[str, Seen]) -> tuple[list[Defect], list[np.ndarray]]:
        """Regions beyond what good units show (at least half the tolerance where the part is unknown)."""
        found: list[Defect] = []
        places: list[np.ndarray] = []
        scan = observed.get("scan")
        if scan is not None and scan.usable and scan.shown is not None:
            limit = min(max(1.3 * self.inspector.floor_mm, 0.06), self.tolerance_mm)
            surface, strange = scan.shown, None
            if surface.odds is not None:
                strange = surface.odds > self.point_limit
            for defect, points in regions(
                surface.deviation, surface.nominal, limit=limit, least_area=LEAST_AREA, strange=strange
            ):
                found.append(defect)
                places.append(points)
        image = observed.get("image")
        if image is not None and image.usable:
            seen = appearance(image, self.pixel_limit)
            if not seen and self.inspector.judges("image", image) and self._strange(image):
                peak, usual = float(image.shown[1].max()), self.inspector.scale.centre["image"]["strange"]
                seen = appearance(image, usual + 0.5 * (peak - usual))[:1]
            found += seen
        return found[:20], places[:20]

    def _strange(self, image: Seen) -> bool:
        """Whether the picture as a whole is stranger than good ones though no place of it alone is."""
        threshold = self.inspector.thresholds.get("image")
        return threshold is not None and threshold.verdict(self.inspector.score({"image": image})) == "reject"

    @property
    def point_limit(self) -> float:
        """The log-odds that the strangest cells of good scans stay below."""
        scale = self.inspector.scale
        if POINT not in scale.centre.get("scan", {}):
            return float("inf")
        return scale.centre["scan"][POINT] + 4 * scale.spread["scan"][POINT]

    @property
    def pixel_limit(self) -> float:
        """The anomaly that the worst pixel of good photographs stays below."""
        scale = self.inspector.scale
        if "image" not in scale.centre:
            return float("inf")
        return scale.centre["image"]["worst"] + 4 * scale.spread["image"]["worst"]

    # ---- explain, fit, evaluate, export -------------------------------------------------------------------------

    def measure(self, record: Mapping[str, Any]) -> float:
        return self.measuring(record)(record)

    def measuring(self, record: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], float]:
        """Looked at once; every part of the record is then scored from what was seen."""
        seen = self._judged(self.inspector.experts.look(record), record)

        def of(part: Mapping[str, Any]) -> float:
            kept = {
                sense: each for sense, each in seen.items() if sense in part and (sense != "scan" or "nominal" in part)
            }
            return self.inspector.score(kept) if kept else 0.0

        return of

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Regions of the surface and of the picture, and each expert's numbers in spreads of good units."""
        observed = self.inspector.experts.look(record)
        judged = self._judged(observed, record)
        numbers = {sense: dict(self.inspector.scale.table(sense, seen).numbers) for sense, seen in judged.items()}
        defects, _ = self._defects(observed)
        return {"regions": defects, "asinh_spreads": numbers, "unmeasured": unmeasured(observed)}

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        from .evaluation import evaluate

        return evaluate(self, data, layout=layout, seed=seed)

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        from . import recipes
        from .data import read_parts

        known = ("good-units", "demonstration")
        if options.recipe is not None and options.recipe not in known:
            raise UnknownName(f"recipe of {self.task.name}", options.recipe, known)
        if options.recipe == "demonstration":
            inspector, count = recipes.demonstration(data, seed=options.seed), 0
            data = data / "nominal.stl"
        else:
            units = replayed(
                recipes.trainable(read_parts(data)),
                None if options.replay is None else recipes.trainable(read_parts(options.replay)),
                seed=options.seed,
            )
            count = len(units)
            inspector = recipes.fit_good(
                units,
                seed=options.seed,
                start=self.inspector,
                epochs=options.epochs,
                method=options.method,
                steps=None if options.epochs is None else STEPS * options.epochs,
            )
        card = recipes.card(inspector, data=digest.of_file(data), units=count, options=options)
        return type(self)(inspector, card, self.tolerance_mm)

    def labelled_in(self, data: Path) -> Iterable[tuple[str, Mapping[str, Any], str, str]]:
        from .data import read_parts
        from .recipes import read_unit

        parts = read_parts(data)
        for unit in parts.train or parts.test:
            record = {name: noun for name, noun in read_unit(unit).items() if name in SENSES}
            yield unit.name, record, unit.defect, unit.group

    def program(self) -> Program:
        from .store import program

        return program(self.inspector)
