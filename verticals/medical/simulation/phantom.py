"""A chest drawn from a seed: two lungs with vessel and airway trees, fissures, wall, ribs, heart, mimics of nodules.

It stands for a scan where none can be shipped, and gives a detector vessels, crossings and pleura to be wrong about.
Vessel radii follow Murray's law (1926). It is no patient: it knows anatomy only as far as the list above.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ....core.random import numpy_generator
from ....core.types import Array, Volume

EXTENT = (290.0, 210.0, 230.0)  # mm: right, anterior, superior


def draw_chest(seed: int, *, step: float = 1.25, extent: tuple[float, float, float] = EXTENT) -> Volume:
    """A chest on an even grid of `step` mm in Hounsfield units, axes RAS, without noise."""
    generator = numpy_generator(seed, "phantom")
    shape = [int(size / step) for size in extent]
    x, y, z = (
        ((np.arange(n) + 0.5) / n * 2 - 1).reshape([-1 if a == b else 1 for b in range(3)]) for a, n in enumerate(shape)
    )
    voxels, lungs = _torso(x, y, z, np.array(extent), generator)
    for side in (-1, 1):
        _fill_lung(voxels, lungs & (np.sign(x) == side), side, step, generator)
    voxels += ndimage.gaussian_filter(generator.standard_normal(shape, dtype=np.float32), 1.2) * 12
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = -np.array(extent) / 2
    return Volume(voxels=ndimage.gaussian_filter(voxels, 0.35).astype(np.float32), affine=affine)


def _torso(x: Array, y: Array, z: Array, extent: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """Air, skin, wall, ribs, spine, heart, diaphragm; and where the lungs are."""
    wobble = generator.uniform(0.92, 1.05, 8)
    body = (x / 0.97) ** 2 + (y / 0.95) ** 2
    narrow = 1 - 0.35 * np.clip(z - 0.1, 0, 1) ** 2
    chest = (x / (0.83 * wobble[0] * narrow)) ** 2 + (y / (0.78 * wobble[1] * narrow)) ** 2
    voxels = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), -1000.0, np.float32)
    voxels[np.broadcast_to(body < 1, voxels.shape)] = -95
    voxels[np.broadcast_to(chest < 1.28, voxels.shape)] = 45
    angle = np.arctan2(y, x)
    ribs = (
        (np.sin(z * 26 * wobble[2] + 2.2 * np.abs(np.sin(angle / 2 + 0.7)) + generator.uniform(0, 6)) > 0.35)
        & (chest > 1.06)
        & (chest < 1.2)
    )
    voxels[np.broadcast_to(ribs, voxels.shape)] = generator.uniform(350, 700)
    lungs = np.broadcast_to(chest < 1, voxels.shape).copy()
    middle = (x / 0.2) ** 2 + ((y - 0.05) / 0.95) ** 2 < 1
    heart = ((x + 0.13) / (0.42 * wobble[3])) ** 2 + ((y - 0.22) / (0.5 * wobble[4])) ** 2 + (
        (z + 0.38) / 0.55
    ) ** 2 < 1
    dome = z < -0.55 * wobble[5] - 0.75 * (np.abs(np.abs(x) - 0.42) ** 2 * 1.2 + (y - 0.1) ** 2 * 0.7)
    spine = (x / 0.14) ** 2 + ((y + 0.78) / 0.24) ** 2 < 1
    apex = z > 0.88 * wobble[6] - 0.5 * (np.abs(x) - 0.38) ** 2 - 0.4 * y**2
    blood = 45.0 if generator.random() < 0.5 else generator.uniform(120, 350)
    for part, value in ((middle, 20.0), (heart, blood), (dome, 60.0), (apex, 35.0), (spine, 220.0)):
        inside = np.broadcast_to(part, voxels.shape) & np.broadcast_to(chest < 1.05, voxels.shape)
        voxels[inside] = value
        lungs &= ~inside
    trachea = (x / 0.065) ** 2 + ((y + 0.12) / 0.075) ** 2 + 0 * z
    voxels[np.broadcast_to((trachea < 1) & (z > 0.05), voxels.shape)] = -1000
    gravity = (-830 - 45 * y + generator.normal(0, 15)).astype(np.float32)
    slow = ndimage.zoom(generator.standard_normal((8, 8, 8)), np.array(voxels.shape) / 8, order=1) * 14
    voxels[lungs] = (np.broadcast_to(gravity, voxels.shape) + slow)[lungs]
    return voxels, lungs


def _fill_lung(voxels: Array, lung: Array, side: int, step: float, generator: np.random.Generator) -> None:
    """Trees, fissures and mimics in one lung."""
    where = np.argwhere(lung)
    if len(where) < 1000:
        return
    middle = where.mean(axis=0)
    hilum = middle.copy()
    hilum[0] -= side * 0.42 * np.ptp(where[:, 0])
    blood = generator.uniform(20, 60) if generator.random() < 0.5 else generator.uniform(100, 320)
    leaves = int(len(where) * step**3 / 1e6 * generator.uniform(450, 750))
    for _ in range(2):
        root = hilum + generator.normal(0, 5 / step, 3)
        targets = where[generator.integers(len(where), size=leaves)]
        for start, end, radius in _tree(root, targets.astype(float), leaf=0.55 / step, generator=generator):
            _tube(voxels, lung, start, end, radius, blood)
    targets = where[generator.integers(len(where), size=60)]
    for start, end, radius in _tree(hilum, targets.astype(float), leaf=1.0 / step, generator=generator):
        _tube(voxels, lung, start, end, radius + max(0.3 * radius, 0.6 / step), -250.0)
        _tube(voxels, lung, start, end, radius, -985.0, hollow=True)
    _fissures(voxels, lung, middle, step, generator)
    _mimics(voxels, lung, where, step, generator)


def _tree(
    root: Array, targets: Array, *, leaf: float, generator: np.random.Generator
) -> list[tuple[Array, Array, float]]:
    """Segments (start, end, radius in voxels) that reach every target; radii cubed add up at each fork."""
    order = np.argsort(np.linalg.norm(targets - root, axis=1))
    nodes, parents = [root], [-1]
    path = [0.0]
    for target in targets[order]:
        places = np.array(nodes)
        away = np.linalg.norm(places - target, axis=1)
        best = int(np.argmin(away + 0.25 * np.array(path)))
        if away[best] > 6:
            bend = (places[best] + target) / 2 + generator.normal(0, 0.08 * away[best], 3)
            nodes.append(bend)
            parents.append(best)
            path.append(path[best] + float(np.linalg.norm(bend - places[best])))
            best = len(nodes) - 1
        nodes.append(target)
        parents.append(best)
        path.append(path[best] + float(np.linalg.norm(target - nodes[best])))
    cubes = np.zeros(len(nodes))
    children = np.bincount([parent for parent in parents if parent >= 0], minlength=len(nodes))
    for index in range(len(nodes) - 1, 0, -1):
        cubes[index] = max(cubes[index], leaf**3) if not children[index] else cubes[index]
        cubes[parents[index]] += cubes[index]
    return [(nodes[parents[i]], nodes[i], float(cubes[i] ** (1 / 3))) for i in range(1, len(nodes))]


def _tube(
    voxels: Array, lung: Array, start: Array, end: Array, radius: float, value: float, *, hollow: bool = False
) -> None:
    """A capsule blended in by partial volume, only inside the lung; never through what is denser, unless hollow."""
    low = np.maximum(np.floor(np.minimum(start, end) - radius - 1.5).astype(int), 0)
    high = np.minimum(np.ceil(np.maximum(start, end) + radius + 1.5).astype(int) + 1, voxels.shape)
    if (high <= low).any():
        return
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    grid = [
        np.arange(a, b, dtype=np.float32).reshape([-1 if n == m else 1 for m in range(3)])
        for n, (a, b) in enumerate(zip(low, high, strict=True))
    ]
    axis = end - start
    length = float(axis @ axis) + 1e-6
    along = np.clip(sum((g - s) * d for g, s, d in zip(grid, start, axis, strict=True)) / length, 0, 1)
    away = np.sqrt(sum((g - s - along * d) ** 2 for g, s, d in zip(grid, start, axis, strict=True)))
    share = np.clip(radius - away + 0.5, 0, 1) * np.minimum(1, (2 * radius) ** 2 if radius < 0.5 else 1) * lung[box]
    here = voxels[box]
    target = np.float32(value) if hollow else np.maximum(here, value)
    voxels[box] = here + share * (target - here)


def _fissures(voxels: Array, lung: Array, middle: Array, step: float, generator: np.random.Generator) -> None:
    """One or two thin curved sheets."""
    grid = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in voxels.shape), indexing="ij", sparse=True)
    for _ in range(int(generator.integers(1, 3))):
        normal = np.array([generator.normal(0, 0.15), generator.uniform(0.4, 0.9), generator.uniform(0.5, 1.0)])
        normal /= np.linalg.norm(normal)
        offset = generator.normal(0, 12 / step)
        plane = sum((g - m) * n for g, m, n in zip(grid, middle, normal, strict=True)) + offset
        plane = plane + 3 / step * np.sin((grid[0] - middle[0]) * step / generator.uniform(20, 40))
        sheet = np.clip(1.0 - np.abs(plane), 0, 1) * lung
        voxels += sheet * generator.uniform(60, 220)


def _mimics(voxels: Array, lung: Array, where: Array, step: float, generator: np.random.Generator) -> None:
    """Scars, plates and dependent density: dense, and not round."""
    depth = ndimage.distance_transform_edt(lung) * step
    back = np.clip(1 - (np.arange(voxels.shape[1]) - where[:, 1].min()) * step / generator.uniform(8, 30), 0, 1)[
        None, :, None
    ]
    haze = lung * np.exp(-depth / generator.uniform(2, 5)) * back
    voxels += (haze * generator.uniform(0, 500)).astype(np.float32)
    tree = cKDTree(where[:: max(len(where) // 20000, 1)])
    for _ in range(int(generator.integers(2, 6))):
        start = where[generator.integers(len(where))].astype(float)
        for _ in range(int(generator.integers(1, 5))):
            direction = generator.normal(size=3)
            end = start + direction / np.linalg.norm(direction) * generator.uniform(6, 25) / step
            _, near = tree.query(end)
            _tube(
                voxels,
                lung,
                start,
                np.asarray(tree.data[near]),
                generator.uniform(0.5, 1.3) / step,
                generator.uniform(-350, 0),
            )
