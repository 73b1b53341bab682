"""FPFH equals a slow float64 reference, does not see the pose, and normals agree on which side is outside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from colonnade.core.errors import ConfigError
from colonnade.verticals.industrial.points.features import fpfh, nearest
from colonnade.verticals.industrial.points.normals import oriented, plane_normals
from colonnade.verticals.industrial.points.thinning import cell_for, thin


def egg(count: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Points evenly on an ellipsoid, and its normals."""
    step = np.arange(count) + 0.5
    z, turn = 1 - 2 * step / count, np.pi * (1 + 5**0.5) * step
    ball = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)
    axes = np.array([4.0, 3.0, 2.0])
    normals = ball / axes
    return ball * axes, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def pair(p, n, q, m):
    """The three angles of one pair, as Rusu writes them down."""
    line = (q - p) / np.linalg.norm(q - p)
    if abs(n @ line) < abs(m @ line):
        n, m, line = m, n, -line
    u = n
    v = np.cross(line, u)
    v = v / np.linalg.norm(v)
    w = np.cross(u, v)
    return np.arctan2(w @ m, u @ m), v @ m, u @ line


def slow(points, normals, count):
    """FPFH point after point, pair after pair, in float64."""
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = np.argsort(away, axis=1, kind="stable")[:, :count]
    simple = np.zeros((len(points), 33))
    for i in range(len(points)):
        for j in near[i, 1:]:
            first, second, third = pair(points[i], normals[i], points[j], normals[j])
            shares = ((first + np.pi) / (2 * np.pi), (second + 1) / 2, (third + 1) / 2)
            for number, share in enumerate(shares):
                simple[i, 11 * number + min(max(int(11 * share), 0), 10)] += 100 / (count - 1)
    whole = np.zeros_like(simple)
    for i in range(len(points)):
        for j in near[i, 1:]:
            whole[i] += simple[j] / away[i, j] ** 2
        for number in range(3):
            third = slice(11 * number, 11 * number + 11)
            whole[i, third] *= 100 / whole[i, third].sum()
    return whole + simple


def test_histograms_equal_a_slow_reference():
    points, normals = egg()
    points = points + np.random.default_rng(0).normal(size=points.shape) * 0.01
    fast = fpfh(points, normals, (8, 16))
    for scale, count in enumerate((8, 16)):
        off = np.abs(fast[:, 33 * scale : 33 * scale + 33] - slow(points, normals, count))
        assert np.median(off) < 1e-4
        assert off.mean() < 0.02  # a pair on the edge between two bins may fall to either side in float32


def test_histograms_do_not_see_the_pose():
    points, normals = egg(400)
    turn = Rotation.from_euler("xyz", [20, 50, 110], degrees=True).as_matrix()
    one, two = fpfh(points, normals, (20,)), fpfh(points @ turn.T + 30, normals @ turn.T, (20,))
    assert np.abs(one - two).mean() < 0.05
    assert one.reshape(400, 3, 11).sum(axis=2) == pytest.approx(200, abs=0.01)


def test_equal_points_leave_the_histograms_finite():
    points, normals = egg(100)
    again = np.concatenate([points, points[:30]]), np.concatenate([normals, normals[:30]])
    assert np.isfinite(fpfh(*again, (10, 20))).all()


def test_scales_must_rise():
    with pytest.raises(ConfigError, match="rising"):
        fpfh(*egg(50), (20, 10))


def test_normals_look_outwards_in_bores_too(exact):
    points = thin(exact.samples, 1.0)
    near = nearest(points, 20)[1]
    normals = oriented(points, plane_normals(points, near), near)
    truth = exact.normals[exact.tree.query(points)[1]]
    assert (np.einsum("ij,ij->i", normals, truth) > 0).mean() > 0.97


def test_thinning_leaves_about_the_points_asked_for_and_less_noise():
    draw = np.random.default_rng(1)
    flat = np.concatenate([draw.random((40_000, 2)) * 50, draw.normal(size=(40_000, 1)) * 0.03], axis=1)
    thinned = thin(flat, cell_for(flat, 4_000))
    assert 3_000 < len(thinned) < 5_300
    assert thinned[:, 2].std() < 0.5 * 0.03
