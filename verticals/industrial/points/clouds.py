"""Reads scans and nominal parts: PLY, STL, OBJ (trimesh), PCD, XYZ, NPZ, TIFF. Knows files and units, not defects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import FileError, FormatError, GeometryError
from ....core.random import numpy_generator
from ....core.types import Array, PointCloud
from ..records import Nominal, Scan
from .features import nearest
from .normals import oriented, plane_normals
from .organised import read_organised
from .pcd import read_pcd
from .quality import checked

MESHES = (".ply", ".stl", ".obj", ".off")
LISTS = (".xyz", ".txt", ".csv", ".asc", ".pts")
MOST_POINTS = 250_000
FEWEST_POINTS = 50
SAMPLES = 30_000
LARGEST_FILE = 2_000_000_000  # bytes
UNITS = {1000.0: "metres", 25.4: "inches", 10.0: "centimetres", 0.001: "micrometres"}


def read_scan(value: Any) -> Scan:
    """A path, an array `[point, 3]`, a PointCloud or a mesh file (its surface is sampled) becomes a Scan.

    Points that are NaN, as organised scanners write where they saw nothing, are dropped and counted.
    """
    if isinstance(value, Scan):
        return value
    points = value.points if isinstance(value, PointCloud) else _array(value, "scan")
    points = np.asarray(points, np.float64)
    notes: list[str] = []
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        notes.append(f"{int((~finite).sum())} of {len(points)} points were NaN or infinite and were dropped")
        points = points[finite]
    own = distinct(points)
    if len(own) < len(points):
        notes.append(f"{len(points) - len(own)} of {len(points)} points were exact duplicates and were dropped")
        points = points[own]
    if len(points) < FEWEST_POINTS:
        raise FormatError(
            f"the scan holds {len(points)} finite points in different places: at least {FEWEST_POINTS} are needed"
        )
    if np.linalg.matrix_rank(points[:: max(1, len(points) // 1000)] - points.mean(axis=0), tol=1e-9) < 2:
        raise GeometryError("the points of the scan lie on one line or in one place: it shows no surface")
    if len(points) > MOST_POINTS:
        notes.append(f"the scan has {len(points)} points: at most {MOST_POINTS} of them, drawn evenly, were used")
        points = _drawn(points)
    return Scan(cloud=PointCloud(points=points[morton_order(points)]), notes=tuple(notes))


def read_nominal(value: Any) -> Nominal:
    """A mesh file, or triangles `[triangle, 3, 3]`, becomes a Nominal; a cloud becomes one without triangles."""
    if isinstance(value, Nominal):
        return value
    if isinstance(value, PointCloud):
        return nominal_of_cloud(value.points)
    if isinstance(value, np.ndarray):
        return nominal_of(value) if value.ndim == 3 else nominal_of_cloud(value)
    path = _path(value, "nominal")
    if path.suffix.lower() in MESHES:
        points, triangles = _mesh(path)
        if len(triangles):
            return nominal_of(triangles)
        return nominal_of_cloud(points)
    return nominal_of_cloud(_array(path, "nominal"))


def nominal_of(triangles: Array) -> Nominal:
    """Even samples on the triangles `[triangle, corner, xyz]`, drawn from a fixed seed."""
    triangles = np.asarray(triangles, np.float64)
    if triangles.ndim != 3 or triangles.shape[1:] != (3, 3) or not np.isfinite(triangles).all():
        raise FormatError(f"triangles are finite numbers [triangle, 3, 3], got shape {triangles.shape}")
    cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    double = np.linalg.norm(cross, axis=1)
    keep = double > 1e-12 * max(float(double.max(initial=0)), 1e-30)
    triangles, double = triangles[keep], double[keep]
    if not len(triangles):
        raise GeometryError("the nominal part has no triangle with an area: export its surface again")
    triangles, mesh = checked(triangles)
    cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    notes = list(mesh.notes)
    inner = triangles - triangles.mean(axis=(0, 1))  # an open surface encloses a volume about its middle only
    volume = float(np.einsum("ij,ij->i", inner[:, 0], np.cross(inner[:, 1], inner[:, 2])).sum() / 6)
    if volume < 0:
        notes.append("the triangles of the nominal part face inwards: they were turned round")
        triangles, cross = triangles[:, ::-1], -cross
    generator = numpy_generator(0, "nominal samples")
    steps = (np.arange(SAMPLES) + generator.random(SAMPLES)) / SAMPLES  # stratified: even, yet without a grid
    edges = np.cumsum(double) / double.sum()
    which = np.minimum(np.searchsorted(edges, steps), len(triangles) - 1)
    a, b = generator.random((2, SAMPLES, 1))
    root = np.sqrt(a)
    corner = triangles[which]
    samples = (1 - root) * corner[:, 0] + root * (1 - b) * corner[:, 1] + root * b * corner[:, 2]
    order = morton_order(samples)
    return Nominal(
        triangles=triangles,
        samples=samples[order],
        normals=(cross / double[:, None])[which[order]],
        triangle=which[order],
        notes=tuple(notes),
    )


def nominal_of_cloud(points: Array) -> Nominal:
    """A measured master instead of a design: normals by local planes, turned outwards."""
    points = read_scan(np.asarray(points)).points
    if len(points) > SAMPLES:
        points = points[:: -(-len(points) // SAMPLES)]
    near = nearest(points, 12)[1]
    normals = oriented(points, plane_normals(points, near), near)
    note = "the nominal part is a cloud: which side of it is outside was judged from its points"
    return Nominal(
        triangles=np.zeros((0, 3, 3)),
        samples=points,
        normals=normals,
        triangle=np.zeros(0, np.int64),
        notes=(note,),
    )


def distinct(points: Array) -> Array:
    """Indices of the first of each set of equal points, rising: a stuck scanner writes one place a million times."""
    bits = np.ascontiguousarray(points + 0.0).view(np.uint64)  # + 0.0 makes -0.0 and 0.0 the same bits
    with np.errstate(over="ignore"):
        key = (bits[:, 0] * np.uint64(_ODD[0])) ^ _mixed(bits[:, 1] * np.uint64(_ODD[1]))
        key = _mixed(key) ^ (bits[:, 2] * np.uint64(_ODD[2]))
    return np.sort(np.unique(key, return_index=True)[1])


_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


def _mixed(key: Array) -> Array:
    """High bits into low ones, so that no two axes can cancel."""
    return (key ^ (key >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def _drawn(points: Array) -> Array:
    """At most MOST_POINTS: first one a fine cell, so that a dense spot cannot crowd out the rest, then by lot."""
    from ....core.layers.morton import codes

    fine = float(np.ptp(points, axis=0).max()) / 4096
    points = points[np.unique(codes(points, cell=fine), return_index=True)[1]]
    if len(points) <= MOST_POINTS:
        return points
    kept = numpy_generator(0, "subsample").choice(len(points), MOST_POINTS, replace=False)
    return np.asarray(points[np.sort(kept)])


def morton_order(points: Array) -> Array:
    """The order along a Z-curve: neighbours in space become neighbours in memory, and k-d trees twice as fast."""
    low, extent = points.min(axis=0), float(np.ptp(points, axis=0).max()) or 1.0
    cells = ((points - low) / extent * 1023).astype(np.uint64)
    code = np.zeros(len(points), np.uint64)
    for bit in range(10):
        for axis in range(3):
            code |= ((cells[:, axis] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return np.argsort(code, kind="stable")


def unit_suspected(scan: Scan, nominal: Nominal) -> tuple[float, str] | None:
    """The factor and name of another unit, when it would bring the scan to the size of the nominal part."""
    low, high = np.percentile(scan.points, (1, 99), axis=0)
    ratio = nominal.size / max(float(np.linalg.norm(high - low)), 1e-12)
    if 0.4 < ratio < 2.5:
        return None
    for factor, name in UNITS.items():
        if 0.75 < ratio / factor < 1.45:
            return factor, name
    return None


def _array(value: Any, what: str) -> Array:
    if isinstance(value, np.ndarray):
        return _columns(value, what)
    path = _path(value, what)
    suffix = path.suffix.lower()
    if suffix in MESHES:
        points, triangles = _mesh(path)
        return nominal_of(triangles).samples if len(triangles) else _columns(points, str(path))
    if suffix == ".pcd":
        return read_pcd(path)
    if suffix in (".tif", ".tiff"):
        return read_organised(path)
    if suffix == ".npz":
        return _npz(path)
    if suffix in LISTS:
        return _listed(path)
    raise FormatError(
        f"{path}: a {what} is read from PLY, PCD, STL, OBJ, XYZ, NPZ or TIFF, "
        f"not from {suffix or 'a file without suffix'}"
    )


def _path(value: Any, what: str) -> Path:
    if not isinstance(value, (str, Path)):
        raise FormatError(f"a {what} is a path or an array of points, got {type(value).__name__}")
    path = Path(value)
    if path.is_dir():
        raise FileError(f"{what}: {path} is a folder, name the file in it")
    if path.stat().st_size > LARGEST_FILE:
        raise FileError(f"{path} has {path.stat().st_size} bytes, more than {LARGEST_FILE}: thin the scan first")
    return path


def _mesh(path: Path) -> tuple[Array, Array]:
    """Vertices and triangles of a mesh file; a PLY or OBJ may hold points alone."""
    import logging

    import trimesh

    logging.getLogger("trimesh").setLevel(logging.CRITICAL)  # its errors are ours to tell
    try:
        with path.open("rb") as stream:
            loaded = trimesh.load(stream, file_type=path.suffix.lower()[1:], process=False, skip_materials=True)
    except Exception as error:  # its readers raise whatever a hostile file makes them raise
        raise FileError(
            f"{path} is truncated or not a {path.suffix[1:].upper()} file: {type(error).__name__}: {error}"
        ) from error
    parts: list[Any] = list(loaded.geometry.values()) if isinstance(loaded, trimesh.Scene) else [loaded]
    vertices = [np.asarray(part.vertices, np.float64) for part in parts if hasattr(part, "vertices")]
    triangles = [np.asarray(part.triangles, np.float64) for part in parts if len(getattr(part, "faces", ()))]
    points = np.concatenate(vertices) if vertices else np.zeros((0, 3))
    if not len(points):
        raise FormatError(f"{path} holds no points and no triangles")
    return points, np.concatenate(triangles) if triangles else np.zeros((0, 3, 3))


def _npz(path: Path) -> Array:
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = [name for name in ("points", "xyz", "pc", "arr_0") if name in archive.files]
            if not names:
                raise FormatError(f"{path} has no array 'points' (it has {', '.join(archive.files) or 'none'})")
            values = archive[names[0]]
    except FormatError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have their own way to say it
        raise FileError(f"{path} is truncated or not an NPZ file of plain arrays: {error}") from error
    return _columns(values.reshape(-1, values.shape[-1]) if values.ndim == 3 else values, str(path))


def _listed(path: Path) -> Array:
    import warnings

    text = path.read_bytes()
    if b"\0" in text[:4096]:
        raise FormatError(f"{path} is not text: an XYZ file has x, y and z on each line")
    rows = text.decode("utf-8", "replace").replace(",", " ").replace(";", " ").splitlines()
    rows = [row for row in rows if row.strip() and not row.lstrip().startswith(("#", "//"))]
    if rows and not _numeric(rows[0]):
        rows = rows[1:]  # a header line, or the count of points
    elif rows and len(rows[0].split()) == 1:
        rows = rows[1:]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _columns(np.loadtxt(rows, usecols=(0, 1, 2), ndmin=2), str(path))
    except (ValueError, IndexError) as error:
        raise FormatError(f"{path} is not a list of points (x y z on each line): {error}") from error


def _numeric(row: str) -> bool:
    try:
        [float(word) for word in row.split()[:3]]
    except ValueError:
        return False
    return True


def _columns(values: Array, what: str) -> Array:
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] < 3 or values.dtype.kind not in "fiu":
        raise FormatError(f"{what}: points are numbers [point, xyz], got shape {values.shape} of {values.dtype}")
    if not len(values):
        raise FormatError(f"{what} holds no points")
    return values[:, :3].astype(np.float64)
