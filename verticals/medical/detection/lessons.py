"""What the judge learns: the detector's own candidates in whole scans with their answers, by the core's loop.

It is not told what the detector thinks: a judge that knows learns nothing more. Only afterwards are the two weighed
against each other, on other scans. A candidate is drawn the more often the less sure the detector is of it. It knows no
files and no checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor

from ....core.guard import Chosen, Labelled, guard
from ....core.model import Model
from ....core.objective import losses
from ....core.progress import say
from ....core.random import numpy_generator
from ....core.training.events import Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ....core.trust.calibration import Platt, fit_platt
from ....core.types import Array, Batch, Text
from ..simulation.cases import Case, inside_of
from ..simulation.indications import Indications
from ..studies.geometry import to_world
from .detect import CROP, candidates_of, cut, look
from .detector import Detector
from .judge import HEAD, ROWS, batch_of, offsets_of, quick, stacked
from .views import middle, turned

BROAD = 40  # voxels a side of a crop to learn from: what is seen after a turn lies inside
LEAST = 0.03  # how often a candidate is drawn of which the detector is sure; 0.25 is the most
GRAIN = 0.02  # SD of what is added to all of a crop, of a window from -1 to 1

RIDGE = 1e-5  # on the weights of detector and judge: where few candidates tell the classes apart, they stay finite
TRUE = 0.75  # the share of indications that fit the patient: words are no certainty

Lesson = tuple[Batch, Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """A candidate with its answer; `patient` says whether the scan has a nodule at all."""

    crop: Array  # Hounsfield units [BROAD, BROAD, BROAD]
    logit: float
    nodule: bool
    patient: bool
    indication: str | None = None


def gather(detector: Detector, cases: Iterable[Case]) -> list[Example]:
    """Every candidate of every case, matched as the metrics match it."""
    found: list[Example] = []
    for case in cases:
        seen = look(detector, case.volume)
        if seen is None:
            continue
        candidates = candidates_of(seen)
        index = np.array([seen.grid.to_source(each.centre) for each in candidates]).reshape(-1, 3)
        centres, inside = to_world(case.volume.affine, index), inside_of(case, index)
        for candidate, centre, within in zip(candidates, centres, inside, strict=True):
            near = any(np.linalg.norm(centre - truth.centre) <= truth.radius for truth in case.truths)
            found.append(
                Example(
                    crop=cut(seen.grid.values, candidate.centre, BROAD).astype(np.float16), logit=candidate.logit,
                    nodule=bool(within >= 0 or near), patient=bool(case.truths), indication=case.indication,
                )
            )  # fmt: skip
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Folds:
    """Called with an epoch it gives the judge's batches: each example turned by chance, words in some of them."""

    model: Model
    examples: Sequence[Example]
    indications: Indications
    size: int = 16
    batches: int = 125
    seed: int = 0
    words: float = 0.3

    def __call__(self, epoch: int) -> list[Lesson]:
        generator = numpy_generator(self.seed, f"judge/{epoch}")
        start = start_of(self.examples)
        chance = start.probabilities(np.array([each.logit for each in self.examples]))
        weight = chance * (1 - chance) + LEAST
        drawn = generator.choice(len(self.examples), (self.batches, self.size), p=weight / weight.sum())
        return [self._batch(rows, generator) for rows in drawn]

    def _batch(self, rows: Array, generator: np.random.Generator) -> Lesson:
        examples = [self.examples[int(row)] for row in rows]
        x = turned(stacked([each.crop for each in examples]), CROP, generator)
        x = x + torch.from_numpy(generator.normal(0, GRAIN, (len(x), 1, 1, 1, 1)).astype(np.float32))
        texts = [self._words(each, generator) for each in examples]
        return batch_of(self.model, x, texts), torch.tensor([int(each.nodule) for each in examples])

    def _words(self, example: Example, generator: np.random.Generator) -> Text | None:
        """An indication as patients with, or without, nodules have it, more or less; often none."""
        suspicious = example.patient == (generator.random() < TRUE)
        pool = self.indications.nodule if suspicious else self.indications.plain
        given, chosen = generator.random() < self.words, pool[int(generator.integers(len(pool)))]
        return Text(text=chosen) if given else None


def start_of(examples: Sequence[Example]) -> Platt:
    """The line that turns the detector's logits into the log-odds of nodule among these examples."""
    nodule = np.array([each.nodule for each in examples], bool)
    if not nodule.any() or nodule.all():
        return Platt()
    line = fit_platt(np.array([each.logit for each in examples]), nodule)
    return line if line.slope > 0.05 else Platt()


def train_judge(
    model: Model, train: Folds, validation: Folds, *, epochs: int = 8, rate: float = 1e-3, seed: int = 0
) -> Model:
    """The judge trained in place by the core's losses: the fused answer, each expert alone, and the gates."""
    model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def step(lesson: Lesson) -> dict[str, Tensor]:
        inputs, target = lesson
        return losses(model, model(inputs), {HEAD: target})

    checks = validation(0)

    def validate() -> dict[str, float]:
        with quick(model):
            return {"loss": float(np.mean([float(step(lesson)[HEAD]) for lesson in checks]))}

    config = TrainingConfig(epochs=epochs, rate=rate, patience=0, seed=seed)
    for event in fit(model, train, step, config=config, validate=validate, label="judge"):
        if isinstance(event, Validated):
            say(
                f"judge: epoch {event.epoch + 1}: fused {event.losses[HEAD]:.3f}; "
                f"validation {event.metrics['loss']:.3f}{' (best)' if event.best else ''}"
            )
    return model


@torch.no_grad()
def weighed(model: Model, examples: Sequence[Example]) -> Platt:
    """The line from the detector's logits to where the judge starts, where both count as much as they are worth.

    A logistic regression on the detector's logit and what the judge says of the crop alone. The detector by itself
    (`start_of`) is more sure, since it then stands for both.
    """
    nodule = np.array([each.nodule for each in examples], float)
    own = np.array([each.logit for each in examples])
    flat = [np.zeros(0)]
    for batch, _ in _batches(model, examples, words=False):
        with quick(model):
            answers = model(batch).answers[HEAD].double()
        flat.append((answers[:, 1] - answers[:, 0]).numpy())
    columns = np.stack([own, np.concatenate(flat), np.ones(len(own))], axis=1)

    def loss(weights: Array) -> tuple[float, Array]:
        answer = columns @ weights
        slope = columns.T @ (expit(answer) - nodule) / len(nodule) + 2 * RIDGE * weights
        return float(np.mean(np.logaddexp(0, answer) - nodule * answer) + RIDGE * weights @ weights), np.asarray(slope)

    found = minimize(loss, np.array([1.0, 0.5, 0.0]), jac=True, method="BFGS").x
    return Platt(slope=max(float(found[0]), 0.05), offset=float(found[2]))


def guarded(model: Model, examples: Sequence[Example], start: Platt) -> list[Chosen]:
    """What the core's guard keeps of the judge for each subset of modalities, from candidates of whole scans."""
    batches = []
    for batch, some in _batches(model, examples, words=True):
        target = torch.tensor([int(each.nodule) for each in some])
        batches.append(Labelled(batch, {HEAD: target}, offsets_of([each.logit for each in some], start)))
    with quick(model):
        return guard(model, batches)


def loss_of(start: Platt, examples: Sequence[Example]) -> float:
    """The mean negative log-likelihood of the detector by itself."""
    answer = start.slope * np.array([each.logit for each in examples]) + start.offset
    nodule = np.array([each.nodule for each in examples], float)
    return float(np.mean(np.logaddexp(0, answer) - nodule * answer))


def _batches(model: Model, examples: Sequence[Example], *, words: bool) -> Iterator[tuple[Batch, Sequence[Example]]]:
    """The examples in turn as the judge sees them in prediction."""
    for first in range(0, len(examples), ROWS):
        some = examples[first : first + ROWS]
        texts = [Text(text=each.indication) if words and each.indication else None for each in some]
        yield batch_of(model, middle(stacked([each.crop for each in some]), CROP), texts), some
