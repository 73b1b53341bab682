"""A few good scans are enough to see a dent in any pose, without a nominal part; the score does not see the pose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from colonnade.core.errors import ConfigError, InputError
from colonnade.verticals.industrial.points.clouds import read_scan
from colonnade.verticals.industrial.points.memory import ShapeConfig, ShapeMemory, coreset, fit_shapes

SMALL = ShapeConfig(points=4_000, groups=1_200, scales=(20, 40), plane=12, gathered=24, bank=800)
PLACE = np.array([-18.0, 12.0])


def turned(points, seed):
    return points @ Rotation.random(random_state=seed).as_matrix().T + seed


def dented(points, depth=0.8, radius=4.0):
    away = np.linalg.norm(points[:, :2] - PLACE, axis=1) / radius
    deep = depth * 0.5 * (1 + np.cos(np.pi * np.clip(away, 0, 1))) * (points[:, 2] > 3)
    return points - deep[:, None] * [0, 0, 1]


@pytest.fixture(scope="module")
def memory(scanned):
    return fit_shapes([read_scan(turned(scanned(seed), seed)) for seed in range(3)], seed=0, config=SMALL)


def test_a_dent_is_strange_and_found_in_its_place(memory, scanned):
    good = [memory.look(read_scan(turned(scanned(seed), seed))).score for seed in range(10, 14)]
    points = dented(scanned(20))
    seen = memory.look(read_scan(turned(points, 5)))
    assert seen.score > max(good)
    back = (seen.points - 5) @ Rotation.random(random_state=5).as_matrix()
    worst = back[np.argsort(seen.anomaly)[-40:]]
    assert np.median(np.linalg.norm(worst[:, :2] - PLACE, axis=1)) < 6.0


def test_the_score_does_not_see_the_pose(memory, scanned):
    points = scanned(30)
    scores = [memory.look(read_scan(turned(points, seed))).score for seed in range(4)]
    assert np.ptp(scores) < 0.3 * np.mean(scores)  # the grid lies elsewhere, the shapes do not


def test_anomaly_is_carried_to_every_point_of_the_scan(memory, scanned):
    scan = read_scan(scanned(31))
    seen = memory.look(scan)
    assert seen.at(scan.points).shape == (len(scan.points),)
    assert set(np.unique(seen.at(scan.points))) <= set(np.unique(seen.anomaly))


def test_the_bank_is_searched_exactly(memory):
    shapes = np.asarray(memory.bank[:5], np.float32) + 1.0
    bank = np.asarray(memory.bank, np.float64)
    true = np.linalg.norm(shapes[:, None] - bank[None], axis=2).min(axis=1)
    assert memory.distances(shapes) == pytest.approx(true, rel=1e-3)


def test_the_bank_is_not_copied_for_every_scan(memory):
    memory.distances(np.asarray(memory.bank[:2], np.float32))
    first = memory._search[0]
    memory.distances(np.asarray(memory.bank[:2], np.float32))
    assert memory._search[0] is first


def test_a_memory_comes_back_from_its_arrays(memory, scanned):
    again = ShapeMemory(bank=memory.bank.copy(), cell=memory.cell, stride=memory.stride, config=SMALL)
    scan = read_scan(scanned(32))
    assert again.look(scan).score == memory.look(scan).score
    assert memory.bank.dtype == np.float16


def test_a_coreset_covers_what_it_leaves_out():
    shapes = np.random.default_rng(0).normal(size=(900, 8)).astype(np.float32)
    kept = coreset(shapes, 90, np.random.default_rng(1))
    assert len(set(kept.tolist())) == 90
    cover = np.linalg.norm(shapes[:, None] - shapes[kept][None], axis=2).min(axis=1).max()
    lot = np.linalg.norm(shapes[:, None] - shapes[:90][None], axis=2).min(axis=1).max()
    assert cover < lot


def test_a_scan_of_another_scale_is_refused(memory, scanned):
    with pytest.raises(InputError, match="millimetres"):
        memory.look(read_scan(scanned(33) / 25.4))


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(InputError, match="at least one"):
        fit_shapes([], seed=0)
    with pytest.raises(ConfigError):
        ShapeConfig(top=0.0)
