from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.detection.lungs import find_lungs
from colonnade.verticals.medical.simulation.patches import SIZE, background_of, draw_patch
from colonnade.verticals.medical.simulation.shapes import RATINGS, STEP, Shape
from colonnade.verticals.medical.simulation.simulate import insert, lesion_of, scanned


def ball(radius: float, **ratings: float) -> Shape:
    line = (np.arange(2 * int(radius / STEP + 5) + 1) - int(radius / STEP + 5)) * STEP
    away = np.sqrt(line[:, None, None] ** 2 + line[:, None] ** 2 + line**2)
    plain = dict.fromkeys(RATINGS, 5.0) | {"spiculation": 1.0, "calcification": 6.0} | ratings
    return Shape(patient="A", number=0, distance=(radius - away).astype(np.float32), ratings=plain)


@pytest.mark.parametrize("spacing", [(1.25, 1.25, 1.25), (0.6, 0.6, 5.0)])
def test_an_inserted_ball_has_its_volume_and_its_density(spacing: tuple[float, ...]) -> None:
    generator = np.random.default_rng(1)
    voxels = np.full((70, 70, 30), -850.0, np.float32)
    lesion = lesion_of(ball(8.0), generator)
    found = insert(
        voxels,
        np.array(spacing),
        lesion,
        np.array([35.0, 35, 15]),
        room=np.ones(voxels.shape, bool),
        generator=generator,
    )
    assert found is not None
    assert found.diameter == pytest.approx(lesion.diameter, rel=0.08)
    box = tuple(slice(a, a + n) for a, n in zip(found.low, found.mask.shape, strict=True))
    assert np.median(voxels[box][found.mask]) == pytest.approx(lesion.solid, abs=60)
    assert voxels[0, 0, 0] == -850


def test_ground_glass_is_fainter_than_solid() -> None:
    generator = np.random.default_rng(1)
    assert lesion_of(ball(6.0, texture=1.0), generator).solid < -400
    drawn = [lesion_of(ball(6.0, calcification=3.0), generator).calcified for _ in range(20)]
    assert max(drawn) >= 200
    assert lesion_of(ball(6.0), generator).calcified == 0


def test_a_lesion_without_room_changes_nothing() -> None:
    generator = np.random.default_rng(1)
    voxels = np.full((40, 40, 40), -850.0, np.float32)
    before = voxels.copy()
    room = np.zeros(voxels.shape, bool)
    room[:15] = True
    lesion = lesion_of(ball(8.0), generator)
    assert insert(voxels, np.full(3, 1.25), lesion, np.array([20.0, 20, 20]), room=room, generator=generator) is None
    np.testing.assert_array_equal(voxels, before)


def test_a_thick_slice_averages_what_lies_in_it() -> None:
    voxels = np.zeros((8, 8, 64), np.float32)
    voxels[:, :, 30:34] = 1000
    for seed in range(30):
        values, thickness = scanned(voxels, 1.25, np.random.default_rng(seed))
        if thickness == 5.0:
            assert values.max() < 1250
            assert values.mean() == pytest.approx(62.5, abs=45)
            return
    pytest.fail("no draw was 5 mm thick")


def test_lungs_are_found_in_a_chest_and_nowhere_else(chest: tuple[Volume, Array, Array], block: Volume) -> None:
    volume, mask, _ = chest
    lungs = find_lungs(volume)
    assert lungs is not None
    assert 500 < lungs.millilitres < 1500
    assert lungs.inside(np.argwhere(mask)).mean() > 0.95
    soft = Volume(voxels=np.where(volume.voxels < -400, 20, volume.voxels), affine=volume.affine)
    assert find_lungs(soft) is None


def test_a_patch_is_the_same_for_the_same_seed(bare: Volume) -> None:
    background = background_of(bare)
    assert background is not None
    one, other = (draw_patch([background], [ball(5.0)], np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.values, other.values)
    assert one.values.shape == (SIZE, SIZE, SIZE)
    assert one.truth.any() == bool(one.placed)
