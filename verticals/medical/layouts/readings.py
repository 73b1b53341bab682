"""The XML of LIDC-IDRI: four readers' outlines of each nodule, which become one label map on the scan's own grid.

An outline runs on the first pixel outside the nodule; one with inclusion FALSE is a hole. Nodules of 3 mm and more are
outlined, smaller ones and non-nodules are points. What fewer than `READERS` outlined, and every point, is set aside.
Source: Armato et al., Med. Phys. 38 (2011).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ....core.errors import FileError, FormatError, GeometryError
from ....core.types import Array
from ..simulation.shapes import Drawing, filled, grouped
from ..studies.dicom import Stack
from .pair import Sphere

NAMESPACE = "{http://www.nih.gov}"
ROOT = f"{NAMESPACE}LidcReadMessage"
READERS = 3  # of four, as in LUNA16
BESIDE = 6.0  # mm, the diameter of what is set aside around a point
LARGEST = 64 * 2**20  # bytes; the largest of the collection has 2 MB


@dataclass(frozen=True, kw_only=True)
class Outline:
    """One closed line of one reader: slice by SOP instance and by height, points `[n, xy]` in pixels."""

    instance: str
    z: float
    inclusion: bool
    points: Array


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One thing that one reader marked: outlines of a nodule, or a point."""

    reader: int
    outlines: tuple[Outline, ...]
    ratings: Mapping[str, int]
    nodule: bool


def parsed(path: Path) -> ElementTree.Element:
    """The root of an XML file that declares no entities.

    Raises:
        FileError: it is no XML, too large, or declares a document type (which may hold what it unfolds to).
    """
    try:
        data = path.read_bytes()
        if len(data) > LARGEST or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise FileError(f"{path} is no XML of LIDC: it is too large or declares a document type")
        return ElementTree.fromstring(data)
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise FileError(f"{path} cannot be read as XML: {error}") from error


def series_of(root: ElementTree.Element) -> str:
    """The CT series that the message is about; empty for messages of another kind."""
    if root.tag != ROOT:
        return ""
    return (root.findtext(f"{NAMESPACE}ResponseHeader/{NAMESPACE}SeriesInstanceUid") or "").strip()


def readings_of(root: ElementTree.Element, origin: str) -> list[Reading]:
    """Everything that was marked.

    Raises:
        FormatError: an outline without points, or a value that is no number.
    """
    found = []
    try:
        for reader, session in enumerate(root.iter(f"{NAMESPACE}readingSession")):
            for nodule in session.findall(f"{NAMESPACE}unblindedReadNodule"):
                outlines = tuple(_outlines(nodule))
                ratings = {each.tag.removeprefix(NAMESPACE): int(each.text or "")
                           for each in nodule.find(f"{NAMESPACE}characteristics") or ()
                           if (each.text or "").strip()}  # fmt: skip
                large = bool(ratings) or any(len(each.points) > 1 for each in outlines)
                found.append(Reading(reader=reader, outlines=outlines, ratings=ratings, nodule=large))
            for other in session.findall(f"{NAMESPACE}nonNodule"):
                point = _point(other, f"{NAMESPACE}locus")
                found.append(Reading(reader=reader, outlines=(point,), ratings={}, nodule=False))
    except (TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{origin} holds an outline that cannot be read: {error}") from error
    return found


def _outlines(nodule: ElementTree.Element) -> Iterator[Outline]:
    for roi in nodule.findall(f"{NAMESPACE}roi"):
        yield _point(roi, f"{NAMESPACE}edgeMap")


def _point(roi: ElementTree.Element, tag: str) -> Outline:
    points = [
        (int(edge.findtext(f"{NAMESPACE}xCoord") or ""), int(edge.findtext(f"{NAMESPACE}yCoord") or ""))
        for edge in roi.findall(tag)
    ]
    if not points:
        raise ValueError("it has no points")
    return Outline(
        instance=(roi.findtext(f"{NAMESPACE}imageSOP_UID") or "").strip(),
        z=float(roi.findtext(f"{NAMESPACE}imageZposition") or ""),
        inclusion=(roi.findtext(f"{NAMESPACE}inclusion") or "TRUE").strip().upper() != "FALSE",
        points=np.array(points, int),
    )


def label_map(readings: Sequence[Reading], stack: Stack, origin: str) -> tuple[Array, tuple[Sphere, ...]]:
    """The nodules of at least `READERS` readers as labels `[column, row, slice]`, and what is set aside (RAS mm).

    A voxel belongs to a nodule where at least half of the readers who outlined it put it.

    Raises:
        GeometryError: an outline lies on a slice, or at a pixel, that the series does not have.
        FormatError: more nodules than a label map holds.
    """
    slices = _Slices(stack, origin)
    labels = np.zeros(stack.shape, np.uint8)
    aside = [slices.sphere(each) for each in readings if not each.nodule]
    drawn = [(each, _drawing(each, slices)) for each in readings if each.nodule]
    spacing = np.linalg.norm(stack.affine[:3, :3], axis=0)
    # Heights are slice numbers in mm here, so that outlines of one slice lie in one plane.
    groups = grouped([drawing for _, drawing in drawn], float(spacing[0]), float(spacing[2]))
    who = {id(drawing): reading for reading, drawing in drawn}
    number = 0
    for group in groups:
        masks = [_mask(drawing, stack.shape, float(spacing[2])) for drawing in group]
        readers = {who[id(drawing)].reader for drawing in group}
        if len(readers) < READERS:
            aside += [slices.sphere(who[id(drawing)]) for drawing in group]
            continue
        number += 1
        if number > 255:
            raise FormatError(f"{origin} outlines more than 255 nodules: a label map cannot hold them")
        low = np.min([box[0] for box in masks], axis=0)
        high = np.max([np.add(corner, mask.shape) for corner, mask in masks], axis=0)
        votes = np.zeros(high - low)
        for corner, mask in masks:
            votes[tuple(slice(a - b, a - b + n) for a, b, n in zip(corner, low, mask.shape, strict=True))] += mask
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        labels[box][votes >= len(masks) / 2] = number
    return labels, tuple(aside)


class _Slices:
    """Where outlines lie in a series: by SOP instance, or by height where the series has been given new ones."""

    def __init__(self, stack: Stack, origin: str) -> None:
        self._stack, self._origin = stack, origin
        self._by_instance = {str(each.get("SOPInstanceUID")): k for k, each in enumerate(stack.slices)}
        self.step = float(np.linalg.norm(stack.affine[:3, 2]))

    def height(self, k: int) -> float:
        return float((self._stack.affine @ [0, 0, k, 1])[2])

    def number(self, outline: Outline) -> int:
        """The slice of an outline."""
        k = self._by_instance.get(outline.instance)
        if k is None:
            heights = np.array([self.height(n) for n in range(self._stack.shape[2])])
            k = int(np.abs(heights - outline.z).argmin())
            if abs(heights[k] - outline.z) > 0.25 * self.step:
                raise GeometryError(f"{self._origin} outlines a slice at z = {outline.z:g} mm that the series lacks")
        elif abs(self.height(k) - outline.z) > 0.5 * self.step:
            raise GeometryError(
                f"{self._origin} puts a slice at z = {outline.z:g} mm that the series has at {self.height(k):g} mm"
            )
        columns, rows, _ = self._stack.shape
        if (outline.points < 0).any() or (outline.points >= (columns, rows)).any():
            raise GeometryError(f"{self._origin} outlines pixels outside {columns} x {rows}: another image's outlines")
        return k

    def sphere(self, reading: Reading) -> Sphere:
        """A sphere around everything that was marked."""
        places = np.concatenate([
            np.column_stack([each.points, np.full(len(each.points), self.number(each)), np.ones(len(each.points))])
            for each in reading.outlines
        ])  # fmt: skip
        world = (places @ self._stack.affine.T)[:, :3]
        middle = (world.min(axis=0) + world.max(axis=0)) / 2
        width = max(2 * float(np.linalg.norm(world - middle, axis=1).max()), BESIDE)
        return Sphere(center_mm=(float(middle[0]), float(middle[1]), float(middle[2])), diameter_mm=width)


def _drawing(reading: Reading, slices: _Slices) -> Drawing:
    step = slices.step
    contours = tuple((slices.number(each) * step, each.inclusion, each.points) for each in reading.outlines)
    return Drawing(contours=contours, ratings=reading.ratings)


def _mask(drawing: Drawing, shape: tuple[int, int, int], step: float) -> tuple[Array, Array]:
    """Low corner `[column, row, slice]` and the voxels inside one reader's outlines."""
    points = np.concatenate([each for _, _, each in drawing.contours])
    numbers = [round(height / step) for height, _, _ in drawing.contours]
    low = np.array([*np.maximum(points.min(axis=0) - 1, 0), min(numbers)])
    high = np.array([*np.minimum(points.max(axis=0) + 2, shape[:2]), max(numbers) + 1])
    inside, holes = np.zeros(high - low, bool), np.zeros(high - low, bool)
    by_slice: dict[int, list[tuple[bool, Array]]] = defaultdict(list)
    for number, (_, inclusion, each) in zip(numbers, drawing.contours, strict=True):
        by_slice[number - int(low[2])].append((inclusion, each - low[:2]))
    plane = (int(high[0] - low[0]), int(high[1] - low[1]))
    for k, lines in by_slice.items():
        for inclusion, each in lines:
            if inclusion:
                inside[:, :, k] |= filled(each, plane, keep_outline=len(each) <= 4)
            else:
                holes[:, :, k] |= filled(each, plane, keep_outline=True)
    return low, inside & ~holes
