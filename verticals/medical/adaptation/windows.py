"""What a detector is adapted with: windows of the user's own scans, with the user's own nodules put in at other places.

Few labelled scans give endless windows so, and scans without labels serve at once: what is put in needs no label.
Where a scan has no labels and the detector is sure, there may be a nodule that nobody told of: nothing is learnt there.
Scans are kept on the detector's grid in the plane and in their own slices, where those are thicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ....core.random import numpy_generator
from ....core.types import Array, Volume
from ..detection.detect import candidates_in, slide, windows_over
from ..detection.detector import STEP, Detector, windowed
from ..simulation.patches import SIZE, Background, background_of
from ..simulation.simulate import Lesion
from ..studies.resampling import resampled
from .cuttings import cuttings, noise_of, put, turned

SURE = 0.3  # the detector's probability from which an unlabelled place may be a nodule
WIDE = 3  # voxels around such a place
MARGIN = 9  # voxels from a window's rim to its anchor
COUNTS = (0.25, 0.4, 0.25, 0.1)  # the share of windows that 0, 1, 2 and 3 nodules are put into
REAL, HARD = 0.35, 0.25  # the share of windows around real nodules, and around what is none though it looks so


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """One scan: HU, where a nodule may be, and places to put one, all `[i, j, slice]` with slices `step` mm apart.

    `truth` are real nodules, `unsure` places of which nothing is known; `hard` are places that the detector wrongly
    takes for nodules.
    """

    values: Array
    step: float
    room: Array
    places: tuple[Array, ...]
    truth: Array
    unsure: Array
    hard: Array
    noise: float
    labelled: bool

    @property
    def spacing(self) -> Array:
        return np.array([STEP, STEP, self.step])

    @property
    def depth(self) -> int:
        """Voxels of the detector's grid from the first slice to the last."""
        return int((self.values.shape[2] - 1) * self.step / STEP) + 1


def ground_of(volume: Volume, labels: Array | None, detector: Detector) -> tuple[Ground, list[Lesion]] | None:
    """A canonical scan made ready, and the nodules cut out of it; None without lungs. Labels are above 0 in nodules."""
    background = background_of(volume, labels=labels)
    if background is None or not background.places:
        return None
    values, step = _on_own_slices(volume, background)
    where = np.arange(values.shape[2]) * step / STEP
    z = np.minimum(np.round(where).astype(int), background.values.shape[2] - 1)
    truth = np.zeros(values.shape, bool) if background.truth is None else background.truth[:, :, z]
    unsure, hard = _doubtful(detector, background)
    room = background.room[:, :, z]
    ground = Ground(
        values=np.round(values).astype(np.int16), step=step, room=room, truth=truth, unsure=unsure[:, :, z],
        places=tuple(_on_slices(each, step) for each in background.places), hard=_on_slices(hard, step),
        noise=noise_of(values, room), labelled=labels is not None,
    )  # fmt: skip
    named = ndimage.label(truth, structure=np.ones((3, 3, 3)))[0]
    return ground, list(cuttings(values, named, ground.spacing))


def _on_own_slices(volume: Volume, background: Background) -> tuple[Array, float]:
    """The background's box on its grid in the plane, with slices as they are where they are thicker than its grid's;
    and their distance in mm."""
    ratio, shape = np.array(background.ratio, float), np.array(background.values.shape)
    low = np.round(background.low).astype(int)
    high = np.minimum(low + np.ceil((shape - 1) * ratio).astype(int) + 1, volume.voxels.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    own = np.array([ratio[0], ratio[1], max(ratio[2], 1.0)])
    values = resampled(volume.voxels[box], own)[: shape[0], : shape[1]]
    return values, float(STEP * own[2] / ratio[2])


def _on_slices(index: Array, step: float) -> Array:
    """Indices of the detector's grid as indices of a ground."""
    moved = np.array(index, float).reshape(-1, 3)
    moved[:, 2] *= STEP / step
    return np.round(moved).astype(np.int16)


def _doubtful(detector: Detector, background: Background) -> tuple[Array, Array]:
    """On the detector's grid: where an unlabelled scan may hold a nodule, and what a labelled one shows to be none."""
    region = ndimage.binary_dilation(background.room, iterations=4)
    heat = slide(detector, background.values, windows_over(region)) * region
    if background.truth is None:
        unsure = ndimage.binary_dilation(heat > SURE, iterations=WIDE)
        return unsure, np.zeros((0, 3))
    near = ndimage.binary_dilation(background.truth, iterations=2)
    found = [each.centre for each in candidates_in(heat, background.values)]
    hard = [each for each in found if not near[tuple(np.round(each).astype(int))]]
    return np.zeros(background.values.shape, bool), np.array(hard).reshape(-1, 3)


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """Hounsfield units, truth and loss weight `[i, j, k]` on the detector's grid, and the nodules put in."""

    values: Array
    truth: Array
    weight: Array
    placed: int


def draw_window(ground: Ground, lesions: Sequence[Lesion], generator: np.random.Generator) -> Window:
    """A window around a real nodule, around what only looks like one, or elsewhere; with 0 to 3 nodules put in."""
    anchor, free = _anchor(ground, generator)
    corner = anchor - generator.integers(MARGIN, SIZE - MARGIN, 3)
    corner = np.clip(corner, 0, np.maximum(np.array([*ground.values.shape[:2], ground.depth]) - SIZE, 0))
    where = (corner[2] + np.arange(SIZE)) * STEP / ground.step
    first = int(where[0])
    last = min(int(np.ceil(where[-1])) + 1, ground.values.shape[2])
    box = (slice(corner[0], corner[0] + SIZE), slice(corner[1], corner[1] + SIZE), slice(first, last))
    values, room, truth = ground.values[box].astype(np.float32), ground.room[box].copy(), ground.truth[box].copy()
    at = np.array([*(anchor - corner)[:2], anchor[2] * STEP / ground.step - first])
    weight = np.where(ground.unsure[box], 0.0, 1.0).astype(np.float32)
    _weigh(weight, truth, ground)
    room &= ~ndimage.binary_dilation(truth | (weight == 0), iterations=2)
    placed = 0
    for number in range(int(generator.choice(len(COUNTS), p=COUNTS)) if lesions else 0):
        mask = _put(ground, values, room, at if free and not number else None, lesions, generator)
        if mask is not None:
            placed += 1
            truth |= mask
            weight[mask] = _share(mask, ground)
            room &= ~ndimage.binary_dilation(mask, iterations=4)
    values, soft, weight = (deepened(each, where - first) for each in (values, truth.astype(np.float32), weight))
    return _finished(values, soft, weight, placed, generator)


def _anchor(ground: Ground, generator: np.random.Generator) -> tuple[Array, bool]:
    """A point of the detector's grid that the window shall hold, and whether a nodule may be put there."""
    draw, places, free = generator.random(), ground.places[int(generator.integers(len(ground.places)))], True
    if draw < REAL and ground.truth.any():
        places, free = np.argwhere(ground.truth), False
    elif draw > 1 - HARD and len(ground.hard):
        places, free = ground.hard, False
    anchor = places[int(generator.integers(len(places)))].astype(float)
    anchor[2] *= ground.step / STEP
    return np.round(anchor).astype(int), free


def _put(
    ground: Ground, values: Array, room: Array, at: Array | None, lesions: Sequence[Lesion],
    generator: np.random.Generator,
) -> Array | None:  # fmt: skip
    """One nodule at `at` or where there is room; the mask of it."""
    for _ in range(4):
        if at is None:
            spots = np.argwhere(room[6:-6:2, 6:-6:2, 1:-1])
            if not len(spots):
                return None
            at = spots[int(generator.integers(len(spots)))] * (2, 2, 1) + (6, 6, 1)
        cutting = turned(lesions[int(generator.integers(len(lesions)))], generator)
        centre = at + generator.uniform(-0.5, 0.5, 3)
        placed = put(values, ground.spacing, cutting, centre, room=room, noise=ground.noise, generator=generator)
        if placed is not None:
            mask = np.zeros(values.shape, bool)
            mask[tuple(slice(a, a + n) for a, n in zip(placed.low, placed.mask.shape, strict=True))] = placed.mask
            return mask
        at = None
    return None


def _weigh(weight: Array, truth: Array, ground: Ground) -> None:
    """Each real nodule counts about alike."""
    named, count = ndimage.label(truth, structure=np.ones((3, 3, 3)))
    for number in range(1, count + 1):
        mask = named == number
        weight[mask] = _share(mask, ground)


def _share(mask: Array, ground: Ground) -> float:
    return float(np.clip(200 / (mask.sum() * ground.step / STEP), 0.3, 8))


def deepened(values: Array, where: Array) -> Array:
    """Slices interpolated to the positions `where`; beyond the last one air, or nothing."""
    low = np.clip(np.floor(where).astype(int), 0, values.shape[2] - 1)
    high = np.minimum(low + 1, values.shape[2] - 1)
    share = np.clip(where - low, 0, 1).astype(np.float32)
    return values[:, :, low] * (1 - share) + values[:, :, high] * share


def _finished(values: Array, truth: Array, weight: Array, placed: int, generator: np.random.Generator) -> Window:
    """Of full size, mirrored by chance, and a little denser or fainter as calibration has it."""
    short = [(0, SIZE - n) for n in values.shape]
    values = np.pad(values + generator.normal(0, 8), short, constant_values=-1000.0)
    truth, weight = np.pad(truth > 0.5, short), np.pad(weight, short, constant_values=1.0)
    weight = np.where(truth, weight, np.minimum(weight, 1.0))  # what is near a nodule is no more than the rest
    axes = tuple(int(axis) for axis in np.flatnonzero(generator.random(3) < 0.5))
    turned = [np.ascontiguousarray(np.flip(each, axes)) for each in (values, truth, weight)]
    return Window(values=turned[0].astype(np.float32), truth=turned[1], weight=turned[2], placed=placed)


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """Called with an epoch it gives that epoch's batches `(voxels, truth, weight)`, drawn when asked for.

    Every other window is of a scan with labels, where there are such with and without.
    """

    grounds: Sequence[Ground]
    lesions: Sequence[Lesion]
    size: int
    batches: int
    seed: int = 0

    def __call__(self, epoch: int) -> WindowEpoch:
        return WindowEpoch(self, epoch)

    def batch(self, epoch: int, number: int) -> tuple[Tensor, Tensor, Tensor]:
        generator = numpy_generator(self.seed, f"windows/{epoch}/{number}")
        pools = [pool for pool in ([g for g in self.grounds if g.labelled == told] for told in (True, False)) if pool]
        drawn = []
        for row in range(self.size):
            pool = pools[(number * self.size + row) % len(pools)]
            drawn.append(draw_window(pool[int(generator.integers(len(pool)))], self.lesions, generator))
        values = torch.from_numpy(np.stack([each.values for each in drawn])[:, None])
        truth = torch.from_numpy(np.stack([each.truth for each in drawn])[:, None].astype(np.float32))
        return windowed(values), truth, torch.from_numpy(np.stack([each.weight for each in drawn])[:, None])


class WindowEpoch(Sequence[tuple[Tensor, Tensor, Tensor]]):
    """One epoch of `Windows`."""

    def __init__(self, windows: Windows, epoch: int) -> None:
        self._windows, self._epoch = windows, epoch

    def __len__(self) -> int:
        return self._windows.batches

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._windows.batch(self._epoch, index)
