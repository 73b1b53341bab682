"""Nodules in their surroundings on the grids that scanners write: what the network that redraws them learns from.

Half of them lie on the even grid of the backgrounds; the others on a grid of other pixels and slices. It knows nothing
of clicks or networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ....core.types import Array, Volume
from ..detection.detector import STEP
from ..simulation.patches import Background, cut_patch, draw_patch
from ..simulation.shapes import Shape
from ..simulation.simulate import insert, lesion_of
from .outline import sampled

WIDE = 48  # voxels a side of the background that is cut out
FIELD = 46.0  # mm a side of a scene on another grid
PIXELS, SLICES = (0.5, 1.0), (0.8, 1.25, 2.0, 2.5, 3.0, 4.0, 5.0)  # mm


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Hounsfield units, the voxels of one nodule, and those of others."""

    volume: Volume
    truth: Array
    aside: Array


def draw_scene(
    backgrounds: Sequence[Background], shapes: Sequence[Shape], generator: np.random.Generator
) -> Scene | None:
    """One nodule, half of the time a small one: what is missed is small. None where none came to lie inside."""
    among = 4 if generator.random() < 0.5 else 1
    shapes = [_smallest(shapes, among, generator) for _ in range(3)]
    if generator.random() < 0.5:
        patch = draw_patch(backgrounds, shapes, generator, size=WIDE, margin=WIDE // 3)
        values, truth, spacing = patch.values, patch.truth, np.full(3, STEP)
    else:
        drawn = _on_another_grid(backgrounds, shapes, generator)
        if drawn is None:
            return None
        values, truth, spacing = drawn
    labels, count = ndimage.label(truth)
    if not count:
        return None
    chosen = labels == 1 + int(generator.integers(count))
    volume = Volume(voxels=values, affine=np.diag([*spacing, 1.0]))
    return Scene(volume=volume, truth=chosen, aside=(labels > 0) & ~chosen)


def _smallest(shapes: Sequence[Shape], among: int, generator: np.random.Generator) -> Shape:
    """The smallest of as many shapes, drawn at random."""
    return min((shapes[int(n)] for n in generator.integers(len(shapes), size=among)), key=lambda shape: shape.diameter)


def _on_another_grid(
    backgrounds: Sequence[Background], shapes: Sequence[Shape], generator: np.random.Generator
) -> tuple[Array, Array, Array] | None:
    """Values, truth and spacing of a nodule that was put in after the background had its grid."""
    background = backgrounds[int(generator.integers(len(backgrounds)))]
    places = background.places[int(generator.integers(len(background.places)))]
    corner = places[int(generator.integers(len(places)))].astype(int) - WIDE // 2
    values = cut_patch(background.values, corner, -1000.0, WIDE)
    lung = cut_patch(background.room, corner, False, WIDE).astype(np.float32)
    pixel, thick = generator.uniform(*PIXELS), SLICES[int(generator.integers(len(SLICES)))]
    spacing = np.array([pixel, pixel, thick])
    if thick > STEP:
        values = ndimage.uniform_filter1d(values, max(round(thick / STEP), 1), axis=2)
    counts = np.ceil(FIELD / spacing).astype(int)
    shift = generator.uniform(-0.5, 0.5, 3)
    lines = [
        (np.arange(n) - (n - 1) / 2 + off) * mm / STEP + WIDE / 2
        for n, off, mm in zip(counts, shift, spacing, strict=True)
    ]
    values, room = sampled(values, lines), sampled(lung, lines, beyond=0.0) > 0.5
    lesion = lesion_of(shapes[int(generator.integers(len(shapes)))], generator)
    centre = (counts - 1) / 2 + generator.uniform(-3, 3, 3) / spacing
    placed = insert(values, spacing, lesion, centre, room=room, generator=generator)
    if placed is None:
        return None
    truth = np.zeros(values.shape, bool)
    truth[tuple(slice(a, a + n) for a, n in zip(placed.low, placed.mask.shape, strict=True))] = placed.mask
    level = float(np.exp(generator.uniform(np.log(5), np.log(40))))
    rough = generator.standard_normal(values.shape, dtype=np.float32)
    rough = ndimage.gaussian_filter(rough, (*(generator.uniform(0.3, 0.9, 1) / pixel).repeat(2), 0.3 / thick))
    return (values + level * rough / (rough.std() + 1e-6)).astype(np.float32), truth, spacing
