from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from colonnade.core.types import Array
from colonnade.verticals.medical.adaptation.cuttings import SCALES, cuttings, noise_of, put, turned
from colonnade.verticals.medical.simulation.simulate import Lesion

THICK = np.array([1.25, 1.25, 5.0])
EVEN = np.full(3, 1.25)
NOISE = 40.0


def balls(spacing: Array, *radii: float) -> tuple[Array, Array]:
    """Noisy lung with balls of 40 HU in it, and their labels."""
    shape = np.array([90, 90, int(120 / spacing[2])])
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    values = np.full(shape, -850.0)
    labels = np.zeros(shape, np.uint8)
    for number, radius in enumerate(radii, start=1):
        middle = shape * np.array([0.25 + 0.25 * number, 0.4, 0.5])
        inside = np.linalg.norm((grid - np.round(middle)) * spacing, axis=-1) < radius
        values[inside], labels[inside] = 40.0, number
    return (values + np.random.default_rng(0).normal(0, NOISE, shape)).astype(np.float32), labels


@pytest.fixture(scope="module")
def cut() -> tuple[Array, list[Lesion]]:
    values, labels = balls(EVEN, 7.0)
    return values, list(cuttings(values, labels, EVEN))


@pytest.mark.parametrize("spacing", [EVEN, THICK])
def test_a_cutting_keeps_size_and_density(spacing: Array) -> None:
    values, labels = balls(spacing, 5.0, 9.0)
    found = list(cuttings(values, labels, spacing, name="scan"))
    assert [each.shape.number for each in found] == [1, 2]
    for lesion, label in zip(found, (1, 2), strict=True):
        volume = (labels == label).sum() * spacing.prod()
        assert lesion.diameter == pytest.approx((6 / np.pi * volume) ** (1 / 3), rel=0.12)
        assert 0 < lesion.solid < 250, "the softened edge is allowed for"


def test_a_nodule_at_the_rim_is_not_cut_out() -> None:
    values, labels = balls(EVEN, 7.0)
    start = int(np.argwhere(labels)[:, 0].min())
    assert list(cuttings(values[start:], labels[start:], EVEN)) == []


def test_a_cutting_put_elsewhere_gives_a_mask_there_and_leaves_the_rest(cut: tuple[Array, list[Lesion]]) -> None:
    generator = np.random.default_rng(2)
    values = cut[0].copy()
    centre = np.array([24.0, 60.0, 30.0])
    room = np.ones(values.shape, bool)
    placed = put(values, EVEN, cut[1][0], centre, room=room, noise=NOISE, generator=generator)
    assert placed is not None
    np.testing.assert_allclose(placed.low + np.argwhere(placed.mask).mean(axis=0), centre, atol=1)
    assert placed.diameter == pytest.approx(cut[1][0].diameter, rel=0.15)
    box = tuple(slice(a, a + n) for a, n in zip(placed.low, placed.mask.shape, strict=True))
    assert np.median(values[box][placed.mask]) > -150
    untouched = np.ones(values.shape, bool)
    untouched[box] = False
    np.testing.assert_allclose(values[untouched], cut[0][untouched], atol=0.01)


def test_the_noise_of_the_place_stays(cut: tuple[Array, list[Lesion]]) -> None:
    """A nodule as smooth as glass in a noisy scan would be told by that."""
    values = cut[0].copy()
    room = np.ones(values.shape, bool)
    generator = np.random.default_rng(2)
    placed = put(values, EVEN, cut[1][0], np.array([24.0, 60.0, 30.0]), room=room, noise=NOISE, generator=generator)
    assert placed is not None
    box = tuple(slice(a, a + n) for a, n in zip(placed.low, placed.mask.shape, strict=True))
    core = ndimage.binary_erosion(placed.mask, iterations=3)
    assert noise_of(values[box], core) > 0.6 * noise_of(cut[0], room)


def test_where_there_is_no_room_nothing_changes(cut: tuple[Array, list[Lesion]]) -> None:
    values = cut[0].copy()
    room = np.zeros(values.shape, bool)
    generator = np.random.default_rng(2)
    where = np.array([24.0, 60.0, 30.0])
    assert put(values, EVEN, cut[1][0], where, room=room, noise=NOISE, generator=generator) is None
    np.testing.assert_array_equal(values, cut[0])


def test_a_turned_cutting_is_another_one_of_about_its_size(cut: tuple[Array, list[Lesion]]) -> None:
    drawn = [turned(cut[1][0], np.random.default_rng(seed)) for seed in range(8)]
    assert all(SCALES[0] <= each.scale <= SCALES[1] for each in drawn)
    assert len({round(each.solid) for each in drawn}) == 8
    for each in drawn:
        np.testing.assert_allclose(each.turn @ each.turn.T, np.eye(3), atol=1e-9)
