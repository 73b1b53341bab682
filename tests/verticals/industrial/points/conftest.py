"""A plate with bores whose every size is known exactly: as a closed mesh, and as scanned points of a unit like it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from colonnade.core.types import Array
from colonnade.verticals.industrial.points.clouds import nominal_of
from colonnade.verticals.industrial.records import Nominal

TILE, HEIGHT, STEPS = 20.0, 8.0, 64
BORES = {(0, 0): 5.0, (2, 1): 5.0, (1, 1): 8.0}  # tile -> radius: no mirror image of it is the same part
COLUMNS, ROWS = 3, 2


def middle(tile: tuple[int, int]) -> Array:
    return np.array([(tile[0] - (COLUMNS - 1) / 2) * TILE, (tile[1] - (ROWS - 1) / 2) * TILE])


def square() -> Array:
    """Points on the border of a tile, as many as a circle has, anticlockwise from its lower right corner."""
    side = np.arange(STEPS // 4) / (STEPS // 4) * TILE - TILE / 2
    half = np.full(STEPS // 4, TILE / 2)
    return np.concatenate(
        [np.stack(pair, axis=1) for pair in ((half, side), (-side, half), (-half, -side), (side, -half))]
    )


def plate_triangles(bores: Mapping[tuple[int, int], float] = BORES) -> Array:
    """The closed surface, centred."""
    border = square()
    angle = np.arctan2(border[:, 1], border[:, 0])
    flat, walls = [], []
    for tile in ((x, y) for x in range(COLUMNS) for y in range(ROWS)):
        outer = border + middle(tile)
        after = np.roll(outer, -1, axis=0)
        if tile in bores:
            inner = bores[tile] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + middle(tile)
            behind = np.roll(inner, -1, axis=0)
            flat += [np.stack([inner, outer, after], axis=1), np.stack([inner, after, behind], axis=1)]
            walls.append((behind, inner))
        else:
            flat.append(np.stack([np.broadcast_to(middle(tile), outer.shape), outer, after], axis=1))
        rim = (np.abs(outer + after) / 2 > np.array([COLUMNS, ROWS]) * TILE / 2 - 1e-6).any(axis=1)
        walls.append((outer[rim], after[rim]))
    top = np.concatenate(flat)
    lift = lambda points, z: np.concatenate([points, np.full((*points.shape[:-1], 1), z)], axis=-1)  # noqa: E731
    low, high = -HEIGHT / 2, HEIGHT / 2
    sides = [np.stack([lift(one, low), lift(two, low), lift(two, high)], axis=1) for one, two in walls] + [
        np.stack([lift(one, low), lift(two, high), lift(one, high)], axis=1) for one, two in walls
    ]
    return np.concatenate([lift(top, high), lift(top, low)[:, ::-1], *sides])


def plate_points(
    seed: int = 0,
    *,
    density: float = 3.0,
    sigma: float = 0.02,
    bores: Mapping[tuple[int, int], float] = BORES,
    shift: Mapping[tuple[int, int], tuple[float, float]] = {},
    thickness: float = HEIGHT,
) -> Array:
    """Noisy points of a unit: `density` a mm^2, bores round and where they are said to be."""
    draw = np.random.default_rng(seed)
    size = np.array([COLUMNS, ROWS]) * TILE
    pieces = []
    for z in (-thickness / 2, thickness / 2):
        flat = (draw.random((int(density * size.prod()), 2)) - 0.5) * size
        kept = np.ones(len(flat), bool)
        for tile, radius in bores.items():
            kept &= np.linalg.norm(flat - middle(tile) - shift.get(tile, (0.0, 0.0)), axis=1) > radius
        pieces.append(np.concatenate([flat[kept], np.full((kept.sum(), 1), z)], axis=1))
    for tile, radius in bores.items():
        count = int(density * 2 * np.pi * radius * thickness)
        angle, z = draw.random(count) * 2 * np.pi, (draw.random(count) - 0.5) * thickness
        centre = middle(tile) + shift.get(tile, (0.0, 0.0))
        pieces.append(np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle), z], axis=1))
    for axis in (0, 1):
        for sign in (-0.5, 0.5):
            count = int(density * size[1 - axis] * thickness)
            wall = np.zeros((count, 3))
            wall[:, axis], wall[:, 1 - axis] = sign * size[axis], (draw.random(count) - 0.5) * size[1 - axis]
            wall[:, 2] = (draw.random(count) - 0.5) * thickness
            pieces.append(wall)
    points = np.concatenate(pieces)
    return np.asarray(points + draw.normal(size=points.shape) * sigma)


@pytest.fixture(scope="session")
def exact() -> Nominal:
    return nominal_of(plate_triangles())


@pytest.fixture(scope="session")
def scanned() -> Callable[..., Array]:
    return plate_points


@pytest.fixture(scope="session")
def mesh() -> Array:
    return plate_triangles()
