"""A trained classifier over any subset of modalities: a model, a temperature and conformal sets for each subset.

It knows records and numbers of labels; nothing of files, verbs or fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .config import from_plain, to_plain
from .data.batches import Batches
from .data.labelled import Labelled
from .data.missing import ModalityDropout
from .data.quality import weights_of
from .decoding.heads import ClassHead
from .fusion.start import Largest, LargestConfig
from .guard import Labelled as Targets
from .guard import guard
from .model import Model, ModelConfig, build
from .objective import losses
from .training.adaptation import SHARE, LoraConfig, Parts, begin, finish
from .training.curriculum import Curriculum, Presence
from .training.events import Stopped, Validated
from .training.loop import fit
from .training.run import TrainingConfig
from .training.watch import size_of
from .trust.calibration import Temperature, fit_temperatures
from .trust.conformal import Sets, Thresholds, fit_sets
from .trust.subsets import subset_name, subsets_of
from .types import Array, Batch

HEAD = "label"
BATCH = 64
COVERAGE = 0.9
ANSWERING = ("decoder", "queries", "residuals", "experts", "gates", "reweigh", "heads")  # nearest the answer
PARTS = Parts(
    groups=(ANSWERING, ("fusion", "projections", "stand_ins"), ("",)),
    lora=LoraConfig(trained=("residuals", "reweigh", "heads"), share=SHARE),
    every=2,
)


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """Probabilities and sets of labels for records that hold any of the modalities."""

    config: ModelConfig
    model: Model
    temperatures: Mapping[str, Temperature]
    sets: Mapping[str, Sets]

    def logits(self, records: Sequence[Mapping[str, Any]], *, late: bool = False) -> Array:
        """Log-probabilities `[record, label]` before calibration; `late` gives the plain product of experts."""
        self.model.eval()
        found = []
        with torch.no_grad():
            for start in range(0, len(records), BATCH):
                output = self.model(self.model.collate(records[start : start + BATCH]))
                found.append((output.late if late else output.answers)[HEAD])
        return torch.cat(found).double().numpy()

    def probabilities(self, records: Sequence[Mapping[str, Any]], present: tuple[str, ...]) -> Array:
        """Calibrated probabilities `[record, label]` for records that have these modalities (others are not read)."""
        kept = [{name: record[name] for name in present if name in record} for record in records]
        return self._temperature(present).probabilities(self.logits(kept))

    def gates(self, record: Mapping[str, Any]) -> dict[str, float]:
        """How far each modality was listened to for this record; 0 where it is absent."""
        self.model.eval()
        with torch.no_grad():
            gates = self.model(self.model.collate([record])).gates[0]
        return {name: float(gate) for name, gate in zip(self.model.modalities, gates, strict=True)}

    def _temperature(self, present: tuple[str, ...]) -> Temperature:
        return self.temperatures.get(self.subset(present), Temperature())

    def subset(self, present: Iterable[str]) -> str:
        """The name that temperatures and sets have for these modalities, in whatever order they are given."""
        present = set(present)
        return subset_name(name for name in self.model.modalities if name in present)

    def to_plain(self) -> dict[str, Any]:
        """All but the weights, as JSON types."""
        return {
            "model": to_plain(self.config),
            "temperatures": {name: each.value for name, each in self.temperatures.items()},
            "sets": {name: _finite(each.thresholds.by_stratum) for name, each in self.sets.items()},
            "coverage": COVERAGE,
        }

    def tensors(self) -> dict[str, Array]:
        """The weights by name."""
        return {name: value.detach().cpu().numpy() for name, value in self.model.state_dict().items()}

    @classmethod
    def of(cls, plain: Mapping[str, Any], tensors: Mapping[str, Array]) -> Classifier:
        """The classifier that `to_plain` and `tensors` describe."""
        config = from_plain(ModelConfig, plain["model"])
        model = build(config)
        model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()}, strict=True)
        model.eval()
        sets = {
            name: Sets(method="lac", thresholds=Thresholds(by_stratum=_infinite(each), coverage=plain["coverage"]))
            for name, each in plain["sets"].items()
        }
        temperatures = {name: Temperature(value=value) for name, value in plain["temperatures"].items()}
        return cls(config=config, model=model, temperatures=temperatures, sets=sets)


def untrained(encoders: Mapping[str, Any], *, labels: int, seed: int, start: LargestConfig | None = None) -> Classifier:
    """A classifier with weights drawn from the seed; `start` is the plain rule that its answers begin with."""
    starts = {HEAD: start} if start is not None else {}
    config = ModelConfig(encoders=encoders, heads={HEAD: ClassHead(classes=labels)}, starts=starts)
    return Classifier(config=config, model=build(config, seed=seed), temperatures={}, sets={})


def train(
    start: Classifier,
    train_on: Sequence[Labelled],
    validate_on: Sequence[Labelled],
    calibrate_on: Sequence[Labelled],
    *,
    minimum: Sequence[Sequence[str]],
    config: TrainingConfig,
    method: str = "full",
) -> tuple[Classifier, dict[str, Any]]:
    """A new classifier, and what training says of itself: epochs, why it stopped, the best validation loss.

    The three sets share no group: weights move on the first; stopping, the guard and the temperatures read the second;
    conformal sets the third, so that coverage is promised from records that nothing else was chosen on.
    """
    model = build(start.config)
    model.load_state_dict(start.model.state_dict())
    presence = Presence(ModalityDropout(model.modalities, minimum=minimum), Curriculum(alone=1, ramp=2))
    _begin(model, train_on)

    def change(batch: Targets, epoch: int, generator: torch.Generator) -> Targets:
        return batch._replace(batch=presence.change(batch.batch, epoch, generator))

    def step(batch: Targets) -> dict[str, torch.Tensor]:
        return losses(model, model(batch.batch), batch.targets)

    held = _counted(model, validate_on)
    sizes = [len(batch.targets[HEAD]) for batch in held]

    def validate() -> dict[str, float]:
        return {"loss": float(np.average([float(step(batch)[HEAD]) for batch in held], weights=sizes))}

    size = size_of(min(32, max(4, len(train_on) // 8)), len(train_on))  # little data still makes a few updates an epoch
    weights = weights_of([each.source or each.id for each in train_on])
    batches = Batches(
        train_on, lambda rows: _batch(model, rows), size=size, seed=config.seed, change=change, weights=weights.tolist()
    )
    unfreezing = begin(model, method, PARTS)
    events = list(fit(model, batches, step, config=config, validate=validate, unfreezing=unfreezing, label="fit"))
    finish(model, method)
    guard(model, held)
    stopped = events[-1]
    assert isinstance(stopped, Stopped)
    told: dict[str, Any] = {"epochs": sum(isinstance(event, Validated) for event in events), "stopped": stopped.reason}
    told["validation_loss"] = stopped.best
    return _calibrated(start.config, model, (validate_on, calibrate_on), minimum), told


def _begin(model: Model, rows: Sequence[Labelled]) -> None:
    """Where answers start, from training rows: the plain rule if the model has one, else the shares of the labels."""
    if HEAD not in model.starts:
        model.heads[HEAD].fit_prior(torch.from_numpy(_labels(rows)), None)  # type: ignore[operator]
        return
    rule = model.starts[HEAD]
    assert isinstance(rule, Largest)
    batch = model.collate([each.record for each in rows])
    largest, known = rule.largest(batch.inputs, batch.presence)
    rule.use(largest[known].double().numpy(), _labels(rows)[known.numpy()] == 1)


def _batch(model: Model, rows: Sequence[Labelled]) -> Targets:
    batch: Batch = model.collate([each.record for each in rows])
    return Targets(batch, {HEAD: torch.tensor([each.label for each in rows])})


def _counted(model: Model, rows: Sequence[Labelled]) -> list[Targets]:
    """Batches of all rows that say which of them were made of one."""
    sources = [each.source or each.id for each in rows]
    number = {source: index for index, source in enumerate(dict.fromkeys(sources))}
    groups = torch.tensor([number[source] for source in sources])
    parts = [slice(start, start + BATCH) for start in range(0, len(rows), BATCH)]
    return [_batch(model, rows[part])._replace(groups=groups[part]) for part in parts]


def _calibrated(
    config: ModelConfig,
    model: Model,
    rows: tuple[Sequence[Labelled], Sequence[Labelled]],
    minimum: Sequence[Sequence[str]],
) -> Classifier:
    """Temperatures from the first rows, sets from the second, for every subset that some row has."""
    bare = Classifier(config=config, model=model, temperatures={}, sets={})
    enough = [
        subset for subset in subsets_of(model.modalities) if any(set(needed) <= set(subset) for needed in minimum)
    ]
    temperatures: dict[str, Temperature] = {}
    sets: dict[str, Sets] = {}
    for subset in enough:
        name, (tuning, held) = subset_name(subset), (_having(each, subset) for each in rows)
        if tuning:
            temperatures |= fit_temperatures({name: _asked(bare, tuning, subset)}, _labels(tuning))
        if held:
            probabilities = temperatures.get(name, Temperature()).probabilities(_asked(bare, held, subset))
            sets[name] = fit_sets(probabilities, _labels(held), coverage=COVERAGE)
    return Classifier(config=config, model=model, temperatures=temperatures, sets=sets)


def _having(rows: Sequence[Labelled], subset: tuple[str, ...]) -> list[Labelled]:
    return [each for each in rows if set(subset) <= set(each.record)]


def _asked(bare: Classifier, rows: Sequence[Labelled], subset: tuple[str, ...]) -> Array:
    return bare.logits([{key: each.record[key] for key in subset} for each in rows])


def _labels(rows: Sequence[Labelled]) -> Array:
    return np.array([each.label for each in rows])


def _finite(thresholds: Mapping[str, float]) -> dict[str, float | None]:
    """JSON knows no infinity: a threshold without a promise is written as null."""
    return {name: value if math.isfinite(value) else None for name, value in thresholds.items()}


def _infinite(written: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.inf if value is None else value for name, value in written.items()}
