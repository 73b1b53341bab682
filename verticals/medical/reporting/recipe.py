"""How the composer of the report's sentences was made: from pairs of facts and sentences drawn from style.py.

    python -m colonnade.verticals.medical.reporting.recipe --out FOLDER [--epochs 10]

It needs no data: what a sentence can be asked to say is drawn, and one of the ways to say it. Minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ....core.checkpoint import Checkpoint
from ....core.config import to_plain
from ....core.progress import say
from ....core.random import numpy_generator
from ....core.training.events import Stopped, Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from .composer import Composer, ComposerConfig, Vocabulary, padded
from .generated import KIND
from .style import Asked, drawn_asked, worded

EPOCHS, BATCHES, SIZE, HELD, SPOKEN = 10, 100, 32, 128, 8_000
Pair = tuple[Asked, str]


def make(
    *, epochs: int = EPOCHS, batches: int = BATCHES, seed: int = 0, config: ComposerConfig | None = None
) -> Checkpoint:
    """The trained composer with its vocabulary and card."""
    config = config or ComposerConfig()
    spoken = drawn(SPOKEN, seed, "vocabulary")
    vocabulary = Vocabulary.of([each for _, each in spoken], [asked.facts() for asked, _ in spoken])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        composer = Composer(config, words=len(vocabulary.words), facts=len(vocabulary.facts))
    held = tensors(drawn(HELD, seed, "validation"), vocabulary)

    def step(batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return composer.loss(*batch).value.mean()

    training = TrainingConfig(epochs=epochs, rate=4e-3, patience=0, precision="fp32", seed=seed)
    lessons = lambda epoch: Lessons(epoch, batches, seed, vocabulary)  # noqa: E731
    best: float | None = None
    for event in fit(composer, lessons, step, config=training, validate=lambda: {"loss": float(step(held))},
                     label="wording"):  # fmt: skip
        if isinstance(event, Validated):
            say(f"epoch {event.epoch + 1}: {event.metrics['loss']:.3f} nats a word")
        elif isinstance(event, Stopped):
            best = event.best
    return Checkpoint(
        kind=KIND,
        config={"composer": to_plain(composer.config)},
        tensors={name: each.numpy().astype(np.float16) for name, each in composer.state_dict().items()},
        vocabulary=vocabulary.plain(),
        card={
            "recipe": "colonnade.verticals.medical.reporting.recipe",
            "seed": seed, "epochs": epochs, "sentences": epochs * batches * SIZE,
            "data": "facts and sentences drawn from reporting/style.py; its proportions of words were counted in the "
            "Indiana radiograph reports (Open-i)",
            "validation": {"nats a word": None if best is None else round(best, 3)},
            "inputs": "which facts a sentence has, by name, and the words of those that wording depends on; no number",
            "outputs": "a template with each fact's slot once; what it says is verified before it is printed",
            "use": "research only, not for diagnosis",
        },
    )  # fmt: skip


class Lessons(Sequence[tuple[torch.Tensor, torch.Tensor]]):
    """One epoch's batches of target and facts, each a function of (seed, epoch, number)."""

    def __init__(self, epoch: int, batches: int, seed: int, vocabulary: Vocabulary) -> None:
        self._epoch, self._batches, self._seed, self._vocabulary = epoch, batches, seed, vocabulary

    def __len__(self) -> int:
        return self._batches

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return tensors(drawn(SIZE, self._seed, f"lessons/{self._epoch}/{index}"), self._vocabulary)


def drawn(count: int, seed: int, purpose: str) -> list[Pair]:
    """So many times what a sentence is asked to say, and one way to say it."""
    draw = numpy_generator(seed, f"wording/{purpose}")
    asked = [drawn_asked(draw) for _ in range(count)]
    return [(each, worded(each, draw)) for each in asked]


def tensors(pairs: Sequence[Pair], vocabulary: Vocabulary) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets that end with the end, and facts; both filled with -1."""
    target = padded([[*vocabulary.ids(template), 1] for _, template in pairs])
    return target, padded([vocabulary.fact_ids(asked.facts()) for asked, _ in pairs])


def main(words: Sequence[str] | None = None) -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--epochs", type=int, default=EPOCHS)
    given = asked.parse_args(words)
    say(f"written to {make(epochs=given.epochs).save(given.out)}")


if __name__ == "__main__":
    main()
