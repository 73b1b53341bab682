"""A pipeline for tasks that ask "which of these": a vertical says labels, encoders and readers, and gets every verb.

See docs/add_a_vertical.md for one in about sixty lines.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from . import digest
from .checkpoint import Checkpoint
from .classifier import COVERAGE, Classifier, train, untrained
from .data.labelled import Labelled, read_labelled
from .data.splits import grouped_split
from .errors import InputError, UnknownName
from .pipeline import Answered, FitOptions, Pipeline
from .result import Evaluation
from .training.continual import replayed
from .training.run import TrainingConfig
from .trust.calibration import brier, label_calibration_error
from .trust.intervals import bootstrap
from .trust.subsets import SubsetReport, subset_report, subsets_of
from .types import Array

if TYPE_CHECKING:
    from .export.program import Program


@dataclass(frozen=True, kw_only=True)
class Classified:
    """A label, how likely it is, the labels that cannot be ruled out, and every probability."""

    label: str
    probability: float
    possible: tuple[str, ...]
    coverage: float
    probabilities: Mapping[str, float]


def _told(found: Evaluation) -> dict[str, Any]:
    return {"metrics": found.metrics, "subsets": found.subsets, "baselines": found.baselines}


class ClassificationPipeline(Pipeline):
    """Abstract in three places: `labels`, `encoders` and `read`."""

    labels: ClassVar[tuple[str, ...]]
    training: ClassVar[TrainingConfig] = TrainingConfig(epochs=20)
    explains = "probability of the label that the whole record gets"

    def __init__(self, classifier: Classifier, card: Mapping[str, Any]) -> None:
        self.classifier, self.card = classifier, card

    @classmethod
    @abstractmethod
    def encoders(cls) -> Mapping[str, Any]:
        """The configuration of an encoder for each modality of the task."""

    @classmethod
    def start(cls, checkpoint: str | Path | None, *, seed: int) -> Self:
        if checkpoint is not None or cls.weights is not None:
            return super().start(checkpoint, seed=seed)
        return cls(untrained(cls.encoders(), labels=len(cls.labels), seed=seed), {})

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        if tuple(checkpoint.vocabulary.get("labels", ())) != cls.labels:
            raise ValueError(f"it knows the labels {checkpoint.vocabulary.get('labels')}, the task {list(cls.labels)}")
        return cls(Classifier.of(checkpoint.config, checkpoint.tensors), checkpoint.card)

    def to_checkpoint(self) -> Checkpoint:
        return Checkpoint(
            kind=self.task.name,
            config=self.classifier.to_plain(),
            tensors=self.classifier.tensors(),
            vocabulary={"labels": list(self.labels)},
            card=self.card,
        )

    def answer(self, record: Mapping[str, Any]) -> Answered:
        present = tuple(record)
        probabilities = self.classifier.probabilities([record], present)
        best = int(probabilities[0].argmax())
        sets = self.classifier.sets.get(self.classifier.subset(present))
        inside = sets(probabilities)[0] if sets is not None else np.ones(len(self.labels), bool)
        unknown = () if sets is not None else (f"no record with just {', '.join(present)} was seen in calibration",)
        answer = Classified(
            label=self.labels[best],
            probability=float(probabilities[0, best]),
            possible=tuple(label for label, there in zip(self.labels, inside, strict=True) if there),
            coverage=COVERAGE,
            probabilities={label: float(p) for label, p in zip(self.labels, probabilities[0], strict=True)},
        )
        return Answered(answer=answer, warnings=unknown, gates=self.classifier.gates(record))

    def measure(self, record: Mapping[str, Any]) -> float:
        return float(self.classifier.probabilities([record], tuple(record))[0].max())

    def measuring(self, record: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], float]:
        best = int(self.classifier.probabilities([record], tuple(record))[0].argmax())
        return lambda part: float(self.classifier.probabilities([part], tuple(part))[0, best])

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        if options.recipe is not None:
            raise UnknownName(f"recipe of {self.task.name}", options.recipe, ())
        rows = read_labelled(data, self.task, self.labels, self.read)
        split = grouped_split([row.group for row in rows], shares=(0.6, 0.2, 0.2), seed=options.seed)
        parts = [[rows[index] for index in part] for part in split]
        if options.replay is not None:  # to learn from only: the start has seen them, so they can calibrate nothing
            parts[0] = replayed(parts[0], self._old(options.replay), seed=options.seed)
        config = replace(self.training, epochs=options.epochs or self.training.epochs, seed=options.seed)
        fitted, told = train(self.classifier, *parts, minimum=self.task.minimum, config=config, method=options.method)
        card = {
            "task": self.task.name,
            "inputs": {each.name: each.takes for each in self.task.modalities},
            "outputs": {"labels": list(self.labels), "coverage": COVERAGE},
            "data": {
                "sha256": digest.of_file(data),
                "records": sum(map(len, parts)),
                "parts": [len(part) for part in parts],
            },
            "method": options.method,
            "seed": options.seed,
            **told,
        }
        pipeline = type(self)(fitted, card)
        calibration = pipeline._scores(parts[2], seed=options.seed)
        pipeline.card = {**card, "calibration_set": _told(calibration)}
        return pipeline

    def labelled_in(self, data: Path) -> Iterable[tuple[str, Mapping[str, Any], str, str]]:
        for row in read_labelled(data, self.task, self.labels, self.read):
            yield row.id, row.record, self.labels[row.label], row.group if row.group != row.id else ""

    def _old(self, data: Path) -> list[Labelled]:
        """Records to replay, under ids of their own."""
        found = read_labelled(data, self.task, self.labels, self.read)
        return [replace(row, id=f"replayed/{row.id}", group=f"replayed/{row.group}") for row in found]

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        if layout not in (None, "labels"):
            raise UnknownName(f"layout of {self.task.name}", layout, ("labels",))
        return self._scores(read_labelled(data, self.task, self.labels, self.read), seed=seed)

    def program(self) -> Program:
        from .export.multimodal import program_of

        if self.task.sample is None:
            raise InputError(f"{self.task.name} has no sample, and an export needs one record to trace: declare one")
        record, _ = self._record(self.task.sample())
        missing = [name for name in self.task.modality_names if name not in record]
        if missing:
            raise InputError(f"the sample of {self.task.name} lacks {', '.join(missing)}: an export needs them all")
        batch = self.classifier.model.collate([record, record])
        temperatures = {name: each.value for name, each in self.classifier.temperatures.items()}
        notes = {
            "after": "answers are log-probabilities: divide by the temperature of the subset (1 if none), then softmax",
            "temperatures": json.dumps(temperatures),
            "labels": json.dumps(self.labels),
        }
        return program_of(self.classifier.model, batch, enough=self.task.answers, notes=notes)

    def _scores(self, rows: Sequence[Labelled], *, seed: int) -> Evaluation:
        """Metrics over all records as given, with the subsets and baselines on those that have every modality."""
        labels = np.array([row.label for row in rows])
        probabilities = np.concatenate([self.classifier.probabilities([r.record], tuple(r.record)) for r in rows])
        right = (probabilities.argmax(axis=1) == labels).astype(float)
        groups = np.array([row.group for row in rows])
        metrics = {
            "accuracy": float(right.mean()),
            "ece": label_calibration_error(probabilities, labels),
            "brier": brier(probabilities, labels),
        }
        enough = len(set(groups)) > 1
        spread = bootstrap(lambda hits: float(hits.mean()), right, groups=groups, seed=seed) if enough else None
        report, baselines = self._subsets([row for row in rows if set(row.record) == set(self.task.modality_names)])
        return Evaluation(
            task=self.task.name,
            data=f"{len(rows)} labelled records",
            n=len(rows),
            metrics=metrics,
            intervals={"accuracy": (spread.low, spread.high)} if spread is not None else {},
            baselines=baselines,
            subsets=report.rows if report else {},
            worst_subset=report.worst if report else None,
        )

    def _subsets(self, rows: Sequence[Labelled]) -> tuple[SubsetReport | None, dict[str, dict[str, float]]]:
        if not rows:
            return None, {}
        records, labels = [row.record for row in rows], np.array([row.label for row in rows])
        model = self.classifier
        subsets = subsets_of(model.model.modalities, enough=self.task.answers)
        report = subset_report(lambda names: model.probabilities(records, names), labels, subsets, sets=model.sets)
        late: Array = model.logits(records, late=True)
        baselines = {
            "late product of experts": {"accuracy": float((late.argmax(axis=1) == labels).mean())},
            "most frequent label": {"accuracy": float(np.bincount(labels).max() / len(labels))},
        }
        alone = {name: row for name, row in report.rows.items() if "+" not in name}
        if alone:
            best = max(alone, key=lambda name: alone[name]["accuracy"])
            baselines[f"best single modality ({best})"] = {"accuracy": alone[best]["accuracy"]}
        return report, baselines
