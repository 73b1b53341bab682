"""`medical/nodules`: from a CT (and what else is known: indication, patient, earlier CT) to findings and report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

import numpy as np
import torch

from ...core.checkpoint import Checkpoint
from ...core.config import from_plain, to_plain
from ...core.errors import FormatError, InputError, UnknownName
from ...core.model import Model, ModelConfig, build
from ...core.pipeline import Answered, Documents, FitOptions, Pipeline
from ...core.result import Evaluation, Result
from ...core.types import Array, Text, Volume
from ...core.vertical import Task
from . import nodules
from .attributes.describe import Describer
from .detection.detect import FAINT, Candidate, Seen, candidates_of, look
from .detection.detector import Detector, DetectorConfig, exportable
from .detection.evidence import evidence
from .detection.findings import ALONE, WITH_WORDS, Judged, Operating, findings_of, middle_of
from .detection.fitness import doubts, qualities
from .detection.judge import judge, judge_config
from .followup.comparison import Comparison, Examined, compare
from .patient import read_patient
from .records import Finding, Nodules
from .reporting.sentences import Wordings
from .studies import dates
from .studies.dates import Between
from .studies.geometry import Scan, admit, canonical, turned
from .studies.read import read_study

LEAST = 300.0  # mL of lung that must be seen for the answer to be about a chest


class NodulePipeline(Pipeline):
    """Detector, judge, operating point and, where there is one, what describes findings. Millimetres are RAS."""

    task: ClassVar[Task] = nodules
    weights: ClassVar[Path | None] = Path(__file__).parent / "weights" / "nodules"
    explains: ClassVar[str] = "the highest calibrated score of any candidate"
    wording: Wordings = "grammar"

    def __init__(
        self, detector: Detector, model: Model, operating: Operating, *, config: ModelConfig | None = None,
        describer: Describer | None = None, card: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.detector = detector.eval().to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.judge = model.eval()
        self.operating = operating
        self.config = config or judge_config()
        self.describer = describer
        self.card = dict(card or {})
        self._last: tuple[int, Seen | None, list[Candidate]] | None = None

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        config = from_plain(ModelConfig, checkpoint.config["judge"])
        detector = Detector(from_plain(DetectorConfig, checkpoint.config["detector"]))
        model = build(config)
        for prefix, part in (("detector.", detector), ("judge.", model)):
            own = _own(checkpoint, prefix)
            part.load_state_dict({name: torch.from_numpy(each.astype(np.float32)) for name, each in own.items()})
        described = checkpoint.config.get("describer")
        return cls(
            detector, model, Operating.of(checkpoint.config["operating"]), config=config, card=checkpoint.card,
            describer=Describer.from_tensors(described, _own(checkpoint, "describer.")) if described else None,
        )  # fmt: skip

    def to_checkpoint(self) -> Checkpoint:
        """Convolutions are kept as float16: half the size, and the answer moves less than its third digit."""
        tensors = {}
        for prefix, part in (("detector.", self.detector), ("judge.", self.judge)):
            for name, each in part.state_dict().items():
                tensors[prefix + name] = each.detach().float().numpy().astype(np.float16)
        config = {
            "detector": to_plain(self.detector.config),
            "judge": to_plain(self.config),
            "operating": to_plain(self.operating),
        }
        if self.describer is not None:
            tensors |= {f"describer.{name}": each for name, each in self.describer.tensors().items()}
            config["describer"] = self.describer.plain()
        return Checkpoint(kind=self.task.name, config=config, tensors=tensors, card=self.card)

    def predict(self, *, wording: str | None = None, **given: Any) -> Result:
        """As every pipeline; `wording` says whose sentences the report has, "grammar" or "generated" (None: the
        pipeline's own). Both say the same facts, verified in the same way.

        Raises:
            UnknownName: another wording.
        """
        return super(NodulePipeline, self.worded(wording) if wording is not None else self).predict(**given)

    def worded(self, wording: str) -> Self:
        """The same weights, with reports in these words."""
        if wording not in get_args(Wordings):
            raise UnknownName("wording", wording, get_args(Wordings))
        other = copy(self)
        other.wording = wording  # type: ignore[assignment]
        return other

    def setting(self, name: str, value: str) -> Self:
        """`wording`, "grammar" or "generated", and `sensitivity`, one that risk control promises, such as ".7"."""
        if name == "wording":
            return self.worded(value)
        if name != "sensitivity":
            raise UnknownName(f"setting of {self.task.name}", name, ("wording", "sensitivity"))
        try:
            promised = float(value)
        except ValueError as error:
            raise InputError(f"sensitivity is a share such as .7, got {value!r}") from error
        other = copy(self)
        other.operating = self.operating.promising(promised)
        return other

    # ---- one record ---------------------------------------------------------------------------------------------

    def read(self, modality: str, value: Any) -> Any:
        if modality == "indication":
            return value if isinstance(value, Text) else Text(text=str(value))
        if modality == "patient":
            return read_patient(value)
        if modality in ("ct", "earlier"):
            return read_scan(value, modality)
        raise UnknownName(f"modality of {self.task.name}", modality, self.task.modality_names)

    def answer(self, record: Mapping[str, Any]) -> Answered:
        scan: Scan = record["ct"]
        between = dates.between(record)
        volume = canonical(scan.volume)
        seen, candidates = self._looked(scan, volume)
        reasons = unfit(seen)
        if reasons or seen is None:
            millilitres = seen.lungs.millilitres if seen is not None else 0.0
            empty = Nodules(findings=(), lung_volume_ml=millilitres, spacing_mm=scan.volume.spacing,
                            threshold=self.operating.threshold, reasons=reasons)  # fmt: skip
            return self.concluded(empty, record, volume)
        judged = self.judged(candidates, record.get("indication"))
        kept = [each for each in judged if each.score >= self.operating.threshold]
        kept = self.evidenced(kept, record.get("indication"))
        found, labels = findings_of(seen, kept, scan=scan, canonical=volume, operating=self.operating)
        found = self.described(found, labels, scan, volume, seen)
        answer = Nodules(
            findings=found, lung_volume_ml=seen.lungs.millilitres, spacing_mm=scan.volume.spacing,
            threshold=self.operating.threshold, labels=labels, affine=scan.volume.affine,
            lung_middle_mm=middle_of(seen, volume), precision=seen.precision,
            doubts=doubts(
                qualities(seen.lungs, seen.grid), self.operating.learnt, seen.lungs, volume.spacing[2]
            ),
        )  # fmt: skip
        if between is not None:
            later = Examined(scan=scan, volume=volume, seen=seen, judged=judged)
            answer = replace(answer, comparison=self._compared(found, later, record["earlier"], between))
        answered = self.concluded(answer, record, volume)
        return replace(answered, gates=_mean_gates(kept or judged[:1]))

    def described(
        self, found: Sequence[Finding], labels: Array, scan: Scan, volume: Volume, seen: Seen
    ) -> tuple[Finding, ...]:
        """The findings with attributes, place and suspicion, where these weights can tell; `labels` lie in the frame of
        `scan`, of which `volume` is the canonical view."""
        if self.describer is None:
            return tuple(found)
        return self.describer.describe(volume, found, seen, labels=turned(labels, scan.volume.affine))

    def concluded(self, answer: Nodules, record: Mapping[str, Any], volume: Volume) -> Answered:
        """What follows from the findings: changes, management and report. A correction of findings ends here too."""
        from .reporting.conclusion import conclude

        return conclude(answer, record, volume, operating=self.operating, model=self.model, card=self.card,
                        wording=self.wording)  # fmt: skip

    def _compared(self, found: Sequence[Finding], later: Examined, scan: Scan, between: Between) -> Comparison:
        """The same detector over the earlier scan. Its words are those of today, so its candidates are judged alone."""
        volume = canonical(scan.volume)
        seen = look(self.detector, volume)
        reasons = unfit(seen)
        if reasons or seen is None:
            return Comparison(days=between.days, days_from=between.source, reasons=reasons)
        judged = self.judged(candidates_of(seen), None)
        earlier = Examined(scan=scan, volume=volume, seen=seen, judged=judged)
        return compare(found, later, earlier, between=between, operating=self.operating)

    def judged(self, candidates: list[Candidate], indication: Text | None) -> list[Judged]:
        """The candidates with calibrated score and gates, the surest of the detector first."""
        subset = ALONE if indication is None else WITH_WORDS
        logits, gates = judge(self.judge, candidates, indication, self.operating.start)
        scores = self.operating.calibration[subset].probabilities(logits)
        names = self.judge.modalities
        return [
            Judged(each, float(score), {name: round(float(gate), 4) for name, gate in zip(names, row, strict=True)})
            for each, score, row in zip(candidates, scores, gates, strict=True)
        ]

    def evidenced(self, judged: list[Judged], indication: Text | None) -> list[Judged]:
        """The same, the surest first with where their scores come from; as they are where the judge has no say."""
        if not self.judges:
            return judged
        ranked = sorted(judged, key=lambda each: -each.score)
        crops, logits = [each.candidate.crop for each in ranked], [each.candidate.logit for each in ranked]
        maps = evidence(self.judge, crops, logits, indication, self.operating.start)
        return [each._replace(evidence=map_) for each, map_ in zip(ranked, maps, strict=False)] + ranked[len(maps) :]

    @property
    def judges(self) -> bool:
        """Whether the guard lets the second look change a score."""
        return any(each["residual"] or each["powers"][0] for each in self.card.get("judge", {}).values())

    def scores(self, candidates: list[Candidate], indication: Text | None) -> Array:
        """The calibrated score of each candidate."""
        return np.array([each.score for each in self.judged(candidates, indication)])

    def measure(self, record: Mapping[str, Any]) -> float:
        """The highest score, 0 without a CT or without candidates: words alone find nothing."""
        if "ct" not in record:
            return 0.0
        _, candidates = self._looked(record["ct"], None)
        return float(self.scores(candidates, record.get("indication")).max()) if candidates else 0.0

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """The score of every candidate, with and without the words."""
        _, candidates = self._looked(record["ct"], None)
        words = record.get("indication")
        alone = self.scores(candidates, None)
        found = {"candidates": [round(float(each), 4) for each in alone]}
        if words is not None:
            found["candidates with indication"] = [round(float(each), 4) for each in self.scores(candidates, words)]
        return found

    def _looked(self, scan: Scan, volume: Volume | None) -> tuple[Seen | None, list[Candidate]]:
        """The detector's part, kept for the last scan: `explain` asks for it several times."""
        if self._last is None or self._last[0] != id(scan):
            seen = look(self.detector, volume if volume is not None else canonical(scan.volume))
            self._last = (id(scan), seen, candidates_of(seen) if seen is not None else [])
            self._scan = scan  # keeps the id from being given to another scan
        return self._last[1], self._last[2]

    # ---- what other systems and auditors read ---------------------------------------------------------------------

    def documents(self, result: Result, given: Mapping[str, Any], folder: str | Path) -> Documents:
        """DICOM-SEG, Structured Report and FHIR bundle, as far as the CT allows them."""
        from .documents.write import write_documents

        if not isinstance(given["ct"], (str, Path)):
            raise FormatError("documents refer to the images they are about: give the ct as a path")
        return write_documents(result, given["ct"], folder)

    def log(self, result: Result, path: str | Path) -> str:
        """With operating point, guidelines and their digests beside what every task logs."""
        from .log import log_answer

        return log_answer(result, path)

    # ---- labelled data ------------------------------------------------------------------------------------------

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        from .evaluate import evaluate

        return evaluate(self, data, layout=layout, seed=seed)

    def fit_on(self, data: Path, options: FitOptions) -> NodulePipeline:
        if options.recipe is not None:
            from .recipes import recipe

            return recipe(options.recipe)(data, options, self)
        from .adaptation.adapt import fit_folder

        return fit_folder(self, data, options)

    def labelled_in(self, data: Path) -> Iterable[tuple[str, Mapping[str, Any], str, str]]:
        from .data import find_pairs, read_case

        for pair in find_pairs(data):
            case, _ = read_case(pair)
            record: dict[str, Any] = {"ct": case.volume}
            if case.indication:
                record["indication"] = Text(text=case.indication)
            yield pair.name, record, "nodule" if case.truths else "none", pair.whose

    def with_operating(self, operating: Operating) -> NodulePipeline:
        """The same weights at another operating point."""
        return NodulePipeline(
            self.detector, self.judge, operating, config=self.config, describer=self.describer, card=self.card
        )

    def program(self) -> Any:
        from ...core.export.program import Program

        shape = (1, 32, 32, 32)
        lines = torch.linspace(-1, 1, 32)
        ball = ((lines[:, None, None] ** 2 + lines[:, None] ** 2 + lines**2) < 0.1).float() * 1.4 - 0.8
        example = torch.stack([ball, torch.full((32, 32, 32), -0.8)])[:, None].contiguous()
        return Program(
            module=exportable(self.detector),
            example=(example,),
            inputs=("ct",),
            outputs=("logit",),
            dynamic=({0: "batch"},),
            cases={"ct": (example,)},
            notes={
                "before": f"voxels of 1.25 mm, {shape[1]} a side, Hounsfield units from -1000..400 to -1..1",
                "after": f"sigmoid, peaks and the voxels around them above {FAINT}; then the judge, in torch",
            },
        )


def _own(checkpoint: Checkpoint, prefix: str) -> dict[str, Array]:
    """The tensors of one part, by their names in it."""
    return {name.removeprefix(prefix): each for name, each in checkpoint.tensors.items() if name.startswith(prefix)}


def _mean_gates(judged: Sequence[Judged]) -> dict[str, float]:
    """By modality, over the findings (or the surest candidate, where none is one); empty where nothing was judged."""
    names = judged[0].gates if judged else ()
    return {name: float(np.mean([each.gates[name] for each in judged])) for name in names}


def unfit(seen: Seen | None) -> tuple[str, ...]:
    """Why a scan cannot be judged, in sentences; empty if it can."""
    if seen is None:
        return ("no lung was found in the scan: is it a chest CT?",)
    if seen.lungs.millilitres < LEAST:
        return (f"only {seen.lungs.millilitres:.0f} mL of lung is in the scan, at least {LEAST:.0f} mL are needed",)
    return ()


def read_scan(value: Any, what: str = "ct") -> Scan:
    """A path (DICOM folder, file or zip, NIfTI, NRRD, MHA), a `Volume` or a `Scan`, through the geometry gate."""
    if isinstance(value, Scan):
        return value
    if isinstance(value, Volume):
        return admit(value, "the volume" if what == "ct" else f"the volume given as {what}")
    if not isinstance(value, (str, Path)):
        raise FormatError(f"{what} is a path or a Volume, got {type(value).__name__}")
    return read_study(value)
