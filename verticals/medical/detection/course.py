"""A judge's whole course: what it learns from, what it is checked on, and what the guard keeps of it.

It knows no files, no operating point and no checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....core.errors import InputError
from ....core.guard import Chosen
from ....core.model import Model
from ....core.progress import say
from ....core.trust.calibration import Platt
from ..simulation.cases import Case
from ..simulation.grounds import Ground, crowded, scans
from ..simulation.indications import Indications
from ..simulation.shapes import Shape
from .detector import Detector
from .judge import judge_config, new_judge
from .lessons import Example, Folds, gather, guarded, loss_of, start_of, train_judge, weighed

SEED = 55  # of the crowded scans; those without a nodule, and those of validation, have the next ones
CHECKED = 8  # one scan for so many of training is one more to validate on
BATCHES = 50  # that tell which epoch is the best


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """Grounds, shapes and words of the parts "train" and "validation"; and how much.

    `scans` are to learn from, with `crowd` nodules each, `bare` ones without; `held` fix what is kept of the judge.
    """

    grounds: Mapping[str, Sequence[Ground]]
    shapes: Mapping[str, Sequence[Shape]]
    words: Mapping[str, Indications]
    scans: int = 80
    bare: int = 16
    crowd: int = 16
    held: int = 48
    epochs: int = 10
    seed: int = 0

    def crowded(self, part: str, count: int, nodules: int, seed: int) -> Iterator[Case]:
        """Scans of that part."""
        where, what, why = self.grounds[part], self.shapes[part], self.words[part]
        return crowded(where, what, why, count=count, nodules=nodules, seed=self.seed + seed)

    def checks(self) -> list[Case]:
        """Scans as patients have them, of validation."""
        where, what, why = self.grounds["validation"], self.shapes["validation"], self.words["validation"]
        return list(scans(where, what, why, count=self.held, seed=self.seed + 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Graduate:
    """A trained judge, the line from the detector's logits to where it starts, and what the guard kept of it."""

    model: Model
    start: Platt
    kept: Sequence[Chosen]

    def card(self) -> dict[str, dict[str, object]]:
        """By subset of modalities, the shares of residual and experts."""
        return {
            "+".join(each.modalities): {"residual": each.choice.residual, "powers": list(each.choice.powers)}
            for each in self.kept
        }


def taught(detector: Detector, course: Course, checks: Sequence[Case]) -> Graduate:
    """The judge of a detector; `checks` are the scans that say what the guard keeps.

    Raises:
        InputError: the detector finds no nodule that it could learn from.
    """
    learnt = gather(detector, course.crowded("train", course.scans, course.crowd, SEED))
    learnt += gather(detector, course.crowded("train", course.bare, 0, SEED + 1))
    more = -(-course.scans // CHECKED)
    held = gather(detector, course.crowded("validation", more, course.crowd, SEED + 2))
    known = gather(detector, checks)
    for name, some in (("to learn from", learnt), ("to choose by", held), ("of whole scans held out", known)):
        say(f"judge: {len(some)} candidates {name}, {sum(each.nodule for each in some)} of them nodules")
        if not any(each.nodule for each in some):
            raise InputError("the detector finds none of the inserted nodules yet: train it for more epochs")
    model = new_judge(judge_config(), detector, seed=course.seed)
    train_judge(
        model,
        Folds(model=model, examples=learnt, indications=course.words["train"], seed=course.seed),
        Folds(model=model, examples=held, indications=course.words["validation"], seed=course.seed, batches=BATCHES),
        epochs=course.epochs,
        seed=course.seed,
    )
    return _graduate(model, held + known)


def _graduate(model: Model, examples: Sequence[Example]) -> Graduate:
    """Detector and judge weighed against each other; where that is no better than the detector alone, it stays alone.

    The share of nodules differs between crowded scans and others; calibration mends that later.
    """
    alone, start = start_of(examples), weighed(model, examples)
    kept = guarded(model, examples, start)
    best = next(each.loss for each in kept if each.modalities == ("ct",))
    say(f"judge: detector {alone}, loss {loss_of(alone, examples):.4f}; beside the judge {start}, loss {best:.4f}")
    if best >= loss_of(alone, examples):
        start, kept = alone, guarded(model, examples, alone)
    for each in kept:
        say(f"judge: {'+'.join(each.modalities)} keeps {each.choice}, loss {each.loss:.4f} (fused {each.fused:.4f})")
    return Graduate(model=model, start=start, kept=kept)
