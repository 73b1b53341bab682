from __future__ import annotations

import itertools

import numpy as np
import pytest

from colonnade.core.types import Volume
from colonnade.verticals.medical.studies.geometry import canonical, places_of, regrid, restore, to_index, to_world

TURNS = [(axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)]


@pytest.mark.parametrize(("axes", "signs"), TURNS)
def test_every_orientation_of_one_scan_becomes_the_same_canonical_scan(
    axes: tuple[int, ...], signs: tuple[int, ...], block: Volume
) -> None:
    voxels = np.flip(block.voxels.transpose(axes), [n for n, sign in enumerate(signs) if sign < 0])
    turn = np.eye(4)[:, [*axes, 3]]
    for n, sign in enumerate(signs):
        if sign < 0:
            mirror = np.eye(4)
            mirror[n, n], mirror[n, 3] = -1, voxels.shape[n] - 1
            turn = turn @ mirror
    source = Volume(voxels=voxels, affine=block.affine @ turn)
    found = canonical(source)
    np.testing.assert_array_equal(found.voxels, block.voxels)
    np.testing.assert_allclose(found.affine, block.affine, atol=1e-9)
    np.testing.assert_array_equal(restore(found.voxels, source), source.voxels)


def test_world_and_index_are_inverse(block: Volume) -> None:
    index = np.array([[0, 0, 0], [3.5, 2.25, 7]])
    np.testing.assert_allclose(to_index(block.affine, to_world(block.affine, index)), index, atol=1e-9)


def test_the_working_grid_keeps_a_ramp_in_its_place(block: Volume) -> None:
    i, j, k = np.meshgrid(*(np.arange(n) for n in block.voxels.shape), indexing="ij")
    world = to_world(block.affine, np.stack([i, j, k], axis=-1))
    ramp = Volume(voxels=world @ [1.0, -2.0, 0.5], affine=block.affine)
    grid = regrid(ramp, 1.25, low=np.array([4, 4, 2]), high=np.array([30, 36, 11]))
    inner = np.array([[5, 6, 3], [8, 9, 5]])
    expected = to_world(block.affine, grid.to_source(inner)) @ [1.0, -2.0, 0.5]
    np.testing.assert_allclose(grid.values[tuple(inner.T)], expected, atol=0.02)
    np.testing.assert_allclose(grid.from_source(grid.to_source(inner)), inner)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_voxels_of_each_label_are_found_in_one_pass(order: str) -> None:
    labels = np.asarray(np.random.default_rng(0).choice([0, 1, 2, 5], (9, 8, 7)), np.uint8, order=order)  # type: ignore[call-overload]
    found = places_of(labels)
    assert set(found) == {1, 2, 5}
    for label, places in found.items():
        np.testing.assert_array_equal(places, np.argwhere(labels == label))
    assert places_of(np.zeros((3, 3, 3), np.uint8)) == {}
