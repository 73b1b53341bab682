"""Scans: how long each stage takes, and FPFH and registration beside Open3D's at equal results.

    python benchmarks/points_speed.py      # two minutes on one core; OMP_NUM_THREADS=1 gives both one thread

Processor seconds, so that what else the machine does counts little; both sides in turn, medians of ratios. Open3D is
not needed by the project: pip install open3d-cpu, else its columns are left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from results import table, write

from colonnade.core.random import numpy_generator
from colonnade.core.types import Array
from colonnade.verticals.industrial.points.clouds import read_scan
from colonnade.verticals.industrial.points.deviation import measure
from colonnade.verticals.industrial.points.dimensions import dimensions
from colonnade.verticals.industrial.points.features import fpfh, nearest
from colonnade.verticals.industrial.points.memory import fit_shapes
from colonnade.verticals.industrial.points.normals import oriented, plane_normals
from colonnade.verticals.industrial.points.registration import register
from colonnade.verticals.industrial.points.thinning import cell_for, thin
from colonnade.verticals.industrial.records import Nominal, Scan
from colonnade.verticals.industrial.simulate.parts import part
from colonnade.verticals.industrial.simulate.sensors import Rig, body, rig, scan

COMMAND = "OMP_NUM_THREADS=1 python benchmarks/points_speed.py"
POSES, ROUNDS = 6, 5


def main() -> None:
    text = speed()
    print(text)
    beside = ("open3d-cpu",) if find_spec("open3d") is not None else ()
    write("Scans: speed beside Open3D", command=COMMAND, text=text, packages=("numpy", "scipy", *beside))


def speed() -> str:
    """Processor seconds on one thread, both sides in turn, medians of ratios."""
    made = rig(part("flange"), spacing=0.35)
    draws = numpy_generator(0, "benchmark of speed")
    scanned = scan(made, None, body(made.part, draws), draws)
    taken = read_scan(scanned.points)
    nominal = made.part.nominal
    memory = fit_shapes([taken], seed=0)
    pose = register(taken, nominal)
    stages: dict[str, Callable[[], Any]] = {
        "read and sort": lambda: read_scan(scanned.points),
        "register": lambda: register(taken, nominal),
        "deviation": lambda: measure(pose.apply(taken.points), nominal),
        "dimensions": lambda: dimensions(pose.apply(taken.points), nominal),
        "memory of shapes": lambda: memory.look(taken),
    }
    rows = [[name, f"{np.median([_seconds(stage)[0] for _ in range(3)]):.2f}"] for name, stage in stages.items()]
    text = f"A scan of {len(taken.points):,} points, processor seconds (one core):\n\n{table(['stage', 's'], rows)}"
    if find_spec("open3d") is None:
        return f"{text}\n\nBeside Open3D: not measured, it is not installed (pip install open3d-cpu)."
    return f"{text}\n\n{_features_beside(taken)}\n\n{_poses_beside()}"


def _features_beside(taken: Scan) -> str:
    """FPFH on the same thinned points and normals, at one scale and at three."""
    import open3d

    points = thin(taken.points, cell_for(taken.points, 20_000))
    near = nearest(points, 20)[1]
    normals = oriented(points, plane_normals(points, near), near)
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    cloud.normals = open3d.utility.Vector3dVector(normals)

    def theirs(scales: Sequence[int]) -> Array:
        of = open3d.pipelines.registration.compute_fpfh_feature
        return np.concatenate(
            [of(cloud, open3d.geometry.KDTreeSearchParamKNN(scale)).data.T for scale in scales], axis=1
        )

    rows = []
    for scales in ((40,), (40, 80, 120)):
        pairs = []
        for _ in range(ROUNDS):
            own, mine = _seconds(lambda scales=scales: fpfh(points, normals, scales))
            other, yours = _seconds(lambda scales=scales: theirs(scales))
            pairs.append((own, other, float(np.abs(mine - yours).mean())))
        own, other, off = np.array(pairs).T
        ratio = float(np.median(other / own))
        cells = [f"{np.median(own):.3f}", f"{np.median(other):.3f}", f"{ratio:.2f}", f"{off.mean():.4f}"]
        rows.append([", ".join(map(str, scales)), *cells])
    head = ["neighbours", "ours, s", "Open3D, s", "Open3D / ours", "mean difference (of 600 a row)"]
    return f"FPFH of the same {len(points):,} points and normals, search included, one thread:\n\n{table(head, rows)}"


def _poses_beside() -> str:
    """A hidden pose: ours from any start, beside Open3D's RANSAC on FPFH with ICP, and its ICP from near the pose."""
    rows = []
    for name in ("bracket", "plate"):
        made = rig(part(name), spacing=0.8)
        told: dict[str, list[tuple[float, float, float]]] = {}
        for number in range(POSES):
            draws = numpy_generator(number, f"poses of {name}")
            scanned = scan(made, None, body(made.part, draws), draws)
            turn = np.linalg.qr(draws.normal(size=(3, 3)))[0]
            turn[:, 0] *= np.sign(np.linalg.det(turn))
            pose = scanned.pose.copy()
            pose[:3] = turn @ pose[:3]
            taken = read_scan(scanned.points @ turn.T)
            for way, of in WAYS.items():
                seconds, matrix = _seconds(lambda of=of, made=made, taken=taken, turn=turn: of(taken, made, turn))
                told.setdefault(way, []).append((seconds, *_judged(matrix, pose, taken, made)))
        own = np.array(told[next(iter(WAYS))])[:, 0]
        for way, values in told.items():
            seconds, error, residual = np.array(values).T
            cells = [f"{np.median(seconds):.2f}", f"{np.median(seconds / own):.1f}", f"{np.median(error):.3f}"]
            below = f"{int((error < 0.1).sum())} of {POSES}"
            rows.append([f"{name}: {way}", *cells, below, f"{np.median(residual):.4f}"])
    head = ["", "s", "ratio to ours", "pose error, mm (median)", "below 0.1 mm", "residual, mm"]
    return f"Registration, {POSES} poses of two parts, processor seconds:\n\n{table(head, rows)}"


def _judged(matrix: Array, pose: Array, taken: Scan, made: Rig) -> tuple[float, float]:
    """How far a pose takes the samples from where they belong, and the scan from the surface: root mean squares, mm."""
    whole, nominal = matrix @ pose, made.part.nominal
    moved = nominal.samples @ whole[:3, :3].T + whole[:3, 3] - nominal.samples
    lain = np.sort(np.abs(measure(taken.points @ matrix[:3, :3].T + matrix[:3, 3], nominal).raw))
    return float(np.sqrt((moved**2).sum(axis=1).mean())), float(np.sqrt((lain[: int(0.9 * len(lain))] ** 2).mean()))


def _clouds(taken: Scan, nominal: Nominal) -> tuple[Any, Any]:
    import open3d

    scanned = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(taken.points))
    goal = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(nominal.samples))
    goal.normals = open3d.utility.Vector3dVector(nominal.normals)
    return scanned, goal


def _ransac(taken: Scan, made: Rig, turn: Array) -> Array:
    """Open3D's usual way: voxels of 2 mm, FPFH, RANSAC, then point-to-plane ICP on all points."""
    import open3d

    tools, voxel = open3d.pipelines.registration, 2.0
    scanned, goal = _clouds(taken, made.part.nominal)
    small = [cloud.voxel_down_sample(voxel) for cloud in (scanned, goal)]
    small[0].estimate_normals(open3d.geometry.KDTreeSearchParamHybrid(2 * voxel, 30))
    small[0].orient_normals_consistent_tangent_plane(15)
    found_ = [
        tools.compute_fpfh_feature(cloud, open3d.geometry.KDTreeSearchParamHybrid(5 * voxel, 100)) for cloud in small
    ]
    result = tools.registration_ransac_based_on_feature_matching(
        *small,
        *found_,
        True,
        1.5 * voxel,
        tools.TransformationEstimationPointToPoint(False),
        3,
        [tools.CorrespondenceCheckerBasedOnEdgeLength(0.9), tools.CorrespondenceCheckerBasedOnDistance(1.5 * voxel)],
        tools.RANSACConvergenceCriteria(100_000, 0.999),
    )
    return _refined(scanned, goal, result.transformation)


def _icp(taken: Scan, made: Rig, turn: Array) -> Array:
    """Open3D's ICP from where the generator lays a part: about six degrees and two millimetres off."""
    start = np.eye(4)
    start[:3, :3] = turn.T
    return _refined(*_clouds(taken, made.part.nominal), start)


def _refined(scanned: Any, goal: Any, start: Array) -> Array:
    import open3d

    tools = open3d.pipelines.registration
    for reach in (5.0, 1.0):
        plane = tools.TransformationEstimationPointToPlane(tools.TukeyLoss(k=0.2 * reach))
        start = tools.registration_icp(
            scanned, goal, reach, start, plane, tools.ICPConvergenceCriteria(1e-7, 1e-7, 60)
        ).transformation
    return np.asarray(start)


def _seconds(of: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of one call: what others do on the machine does not count."""
    start = time.process_time()
    answer = of()
    return time.process_time() - start, answer


WAYS: dict[str, Callable[[Scan, Rig, Array], Array]] = {
    "ours, any start": lambda taken, made, turn: register(taken, made.part.nominal).matrix,
    "Open3D, RANSAC and ICP": _ransac,
    "Open3D, ICP from 6 degrees off": _icp,
}


if __name__ == "__main__":
    main()
