"""A real chest as other patients."""

from __future__ import annotations

import numpy as np

from colonnade.core.types import Volume
from colonnade.verticals.medical.simulation.warp import warped


def chest() -> Volume:
    voxels = np.full((40, 36, 30), 40.0, np.float32)
    voxels[6:18, 6:30, 4:26] = -850
    voxels[22:34, 6:30, 4:26] = -850
    voxels[10:13, 14:17, 10:13] = 300
    return Volume(voxels=voxels, affine=np.diag([3.0, 3.0, 4.0, 1.0]))


def test_the_same_seed_gives_the_same_patient_and_another_seed_another() -> None:
    one, again, other = warped(chest(), 4), warped(chest(), 4), warped(chest(), 5)
    assert np.array_equal(one.voxels, again.voxels)
    assert not np.array_equal(one.voxels, other.voxels)


def test_a_patient_keeps_the_grid_the_lungs_and_plausible_values() -> None:
    before, lung = chest(), []
    for seed in range(6):
        after = warped(before, seed)
        assert after.voxels.shape == before.voxels.shape
        assert np.array_equal(after.affine, before.affine)
        assert after.voxels.min() >= -1024
        assert after.voxels.max() <= 3000
        lung.append((after.voxels < -500).sum() / (before.voxels < -500).sum())
    assert min(lung) > 0.5
    assert max(lung) < 2
    assert np.ptp(lung) > 0.05
