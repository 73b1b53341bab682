"""What one seed of the AV-digits proof trains, chooses and tests on: pairs of one label, in noise, by speaker.

It knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import digits
import numpy as np
import torch
from torch import Tensor, nn

from colonnade.core.random import numpy_generator, torch_generator
from colonnade.core.types import Batch, Packed

COMPONENTS, SNR, CLASSES = 5, 12.0, 10
MODALITIES = ("image", "audio")
VERSIONS = 6  # noisy copies of each training recording
LEVELS = (-12, -8, -4, 0, 4, 8, 12, 16, 20, 24)
CLEAN = float("inf")  # the SNR of a projection that nothing was added to


class Pairs(NamedTuple):
    """Images, sounds and labels by row, and of which image and recording each row is made."""

    images: Tensor
    sounds: Tensor
    labels: Tensor
    image: Tensor
    recording: Tensor


@dataclass
class Part:
    """Images by row, recordings by row and noisy copy, and how to pair them by label."""

    images: Tensor
    image_labels: Tensor
    sounds: Tensor  # [copy, recording, frame, mel]
    sound_labels: Tensor

    def pairs(self, count: int, generator: torch.Generator) -> Pairs:
        """`count` pairs of one label; every image before any comes again, recordings at random."""
        rows = torch.cat(
            [torch.randperm(len(self.images), generator=generator) for _ in range(count // len(self.images) + 1)]
        )
        rows = rows[:count]
        labels = self.image_labels[rows]
        chance = torch.rand(count, generator=generator)
        order, counts = self.sound_labels.argsort(), torch.bincount(self.sound_labels, minlength=CLASSES)
        recordings = order[(counts.cumsum(0) - counts)[labels] + (chance * counts[labels]).long()]
        copies = torch.randint(len(self.sounds), (count,), generator=generator)
        return Pairs(self.images[rows], self.sounds[copies, recordings], labels, rows, recordings)


@dataclass
class Split:
    """What one seed trains, chooses and tests on. `halves` are two parts of the test speakers' pairs, apart in both."""

    train: Part
    validation: Part
    halves: tuple[Part, Part]
    levels: dict[float, Part]  # the test recordings again, at other noise levels


def prepare(data: digits.Digits, seed: int, test_speakers: Sequence[str]) -> Split:
    """Images by chance, recordings by speaker; the projection and every mean and scale come from training data."""
    generator = numpy_generator(seed, "split")
    order = generator.permutation(len(data.images))
    images = np.split(order, [round(0.5 * len(order)), round(0.6 * len(order)), round(0.8 * len(order))])
    others = sorted(set(data.speakers) - set(test_speakers))
    project = _projection(data.images[images[0]])
    usual = lambda rows, copies: np.full((copies, len(rows)), SNR)  # noqa: E731
    sounds = {
        "train": np.flatnonzero(np.isin(data.speakers, others[:-1])),
        "validation": np.flatnonzero(data.speakers == others[-1]),
        "test": generator.permutation(np.flatnonzero(np.isin(data.speakers, list(test_speakers)))),
    }
    varied = usual(sounds["train"], VERSIONS)
    varied[VERSIONS // 2 :] = generator.uniform(LEVELS[0], LEVELS[-1], varied[VERSIONS // 2 :].shape)

    def part(which: np.ndarray, recordings: np.ndarray, snr: np.ndarray) -> Part:
        copies = [digits.log_mel([data.clips[row] for row in recordings], each, generator) for each in snr]
        labels = torch.tensor(data.image_labels[which]), torch.tensor(data.clip_labels[recordings])
        return Part(project(data.images[which]), labels[0], torch.stack(copies) / 1.6, labels[1])

    halves = np.array_split(sounds["test"], 2)
    parts = [part(images[2 + half], rows, usual(rows, 4)) for half, rows in enumerate(halves)]
    levels = {
        level: part(images[3], sounds["test"], np.full((1, len(sounds["test"])), float(level))) for level in LEVELS
    }
    return Split(
        train=part(images[0], sounds["train"], varied),
        validation=part(images[1], sounds["validation"], usual(sounds["validation"], 2)),
        halves=(parts[0], parts[1]),
        levels=levels,
    )


def _projection(images: np.ndarray) -> Callable[[np.ndarray], Tensor]:
    """The first principal components, each scaled to a variance of 1, as series of one step `[image, 1, component]`."""
    from sklearn.decomposition import PCA

    fitted = PCA(COMPONENTS, whiten=True, random_state=0).fit(images)
    return lambda rows: torch.tensor(fitted.transform(rows), dtype=torch.float32)[:, None]


def blurred(images: Tensor, snr: Tensor, generator: torch.Generator) -> Tensor:
    """White noise on the projection, at that ratio in dB by row; an infinite one adds nothing."""
    noise = torch.randn(images.shape, generator=generator)
    return images + noise * (10 ** (-snr / 20))[:, None, None]


def varied(sounds: Tensor, generator: torch.Generator, *, most: float = 0.1) -> Tensor:
    """As other speakers might have said it, since few are heard in training.

    Time and frequency axes are scaled and shifted by up to `most` (pace, length of the vocal tract), the spectrum is
    tilted (voice, microphone), and a band of up to a fifth of the frequencies is blanked.
    """
    count, _, mels = sounds.shape
    change = (torch.rand(count, 2, 2, generator=generator) * 2 - 1) * most
    grid = torch.zeros(count, 2, 3)
    grid[:, [0, 1], [0, 1]], grid[:, :, 2] = 1 + change[:, 0], change[:, 1]
    grid = nn.functional.affine_grid(grid, [count, 1, *sounds.shape[1:]], align_corners=False)
    moved = nn.functional.grid_sample(sounds[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
    moved = moved + 0.3 * torch.randn(count, 1, 1, generator=generator) * torch.linspace(-1, 1, mels)
    low = torch.randint(mels, (count, 1, 1), generator=generator)
    high = low + torch.randint(mels // 5 + 1, (count, 1, 1), generator=generator)
    band = torch.arange(mels)
    return torch.where((band >= low) & (band < high), torch.zeros(()), moved)


def batch_of(images: Tensor | None, sounds: Tensor | None) -> Batch:
    """A batch of what is given; the other modality is absent in every row."""
    rows = len(images if images is not None else sounds)  # type: ignore[arg-type]
    packed = {}
    for name, x, shape in (("image", images, (1, COMPONENTS)), ("audio", sounds, (digits.FRAMES, digits.MELS))):
        x_or_none = x if x is not None else torch.zeros(rows, *shape)
        packed[name] = Packed(x_or_none, torch.full((rows, shape[0]), x is not None))
    return Batch(packed, torch.tensor([[images is not None, sounds is not None]]).expand(rows, -1))


class Epochs:
    """Training batches: pairs drawn anew each epoch, images blurred and sounds varied.

    Pairs are a function of part, seed and epoch, and are kept, since every network of a seed trains on the same ones.
    """

    def __init__(self, part: Part, seed: int, *, size: int = 128) -> None:
        self.part, self.seed, self.size = part, seed, size
        self.drawn: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def batches(self, epoch: int, subsets: Sequence[Sequence[str]] = (MODALITIES,)) -> list[tuple[Batch, Tensor]]:
        """Batches in which every pair comes once with each subset of modalities."""
        if epoch not in self.drawn:
            self.drawn[epoch] = self._draw(torch_generator(self.seed, f"pairs/{epoch}"))
        images, sounds, labels = self.drawn[epoch]
        made = []
        for rows in torch.arange(len(labels)).split(self.size):
            inputs, _ = batch_of(images[rows], sounds[rows])
            times = len(subsets)
            packed = {name: Packed(x.repeat(times, 1, 1), mask.repeat(times, 1)) for name, (x, mask) in inputs.items()}
            has = torch.tensor([[name in subset for name in MODALITIES] for subset in subsets])
            batch = Batch(packed, has.repeat_interleave(len(rows), dim=0))
            made.append((batch, labels[rows].repeat(times)))
        return made

    def _draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        count = len(self.part.images) // self.size * self.size
        images, sounds, labels, _, _ = self.part.pairs(count, generator)
        snr = torch.rand(count, generator=generator) * (LEVELS[-1] - LEVELS[0]) + LEVELS[0]
        snr = torch.where(torch.rand(count, generator=generator) < 0.5, snr, torch.tensor(CLEAN))
        return blurred(images, snr, generator), varied(sounds, generator), labels
