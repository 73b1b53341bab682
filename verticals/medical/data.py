"""Labelled scans from a folder, in the layouts that people have; a missing or strange pair is named.

    cases, pairs, folders, nnunet    label maps beside scans            (layouts/folders.py)
    monai                            a datalist, label maps or boxes    (layouts/monai.py)
    luna16                           annotations.csv beside MHD files   (layouts/luna16.py)
    lidc                             DICOM with the readers' XML        (layouts/lidc.py)

It reads and checks; what a label means is decided here too: each value above 0 is one nodule, and a mask of 0 and 1
is split where it does not hang together. Where only a middle and a diameter are known a sphere stands for the nodule,
and `outlined` says that its outline is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from ...core.errors import FileError, FormatError, GeometryError, UnknownName
from ...core.types import Array, Volume
from .layouts.folders import cases, folders, nnunet, pairs
from .layouts.lidc import lidc
from .layouts.luna16 import luna16
from .layouts.monai import monai
from .layouts.pair import SUFFIXES, Pair, Part, Sphere, split_name
from .simulation.cases import Case, Truth, truths_of
from .studies.geometry import Scan, admit, canonical, to_index, to_world, turned
from .studies.read import read_study
from .studies.volumes import read_volume

__all__ = ["LAYOUTS", "Pair", "backgrounds_in", "chosen", "find_pairs", "read_case", "separate"]

LAYOUTS: dict[str, Callable[[Path], list[Pair]]] = {
    "monai": monai, "luna16": luna16, "nnunet": nnunet, "lidc": lidc, "cases": cases, "pairs": pairs,
    "folders": folders,
}  # fmt: skip


def find_pairs(data: Path, layout: str | None = None) -> list[Pair]:
    """The pairs of a folder (or of a datalist), by name; the layout is recognised, or named.

    Raises:
        UnknownName: no layout of that name.
        FormatError: the folder fits no layout, or a pair lacks its half.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    if not data.is_dir() and not (data.suffix.lower() == ".json" and layout in (None, "monai")):
        raise FileError(f"{data} is no folder: labelled scans lie in a folder, or are named by a datalist (.json)")
    for name, finder in LAYOUTS.items():
        if layout in (None, name) and (data.is_dir() or name == "monai") and (found := finder(data)):
            return found
    raise FormatError(
        f"{data} fits no layout ({', '.join(LAYOUTS) if layout is None else layout}): expected <case>/image.* with "
        "<case>/label.*, <name>_image.* with <name>_label.*, images/ with labels/, nnU-Net's folders, a MONAI list, "
        f"LUNA16's annotations.csv or LIDC's XML; scans end in {', '.join(SUFFIXES)} or are DICOM"
    )


def chosen(pairs: Sequence[Pair], *parts: Part) -> list[Pair]:
    """The pairs of the first of these parts that the data set has; all of them where it names no parts."""
    for part in parts:
        if found := [each for each in pairs if each.part == part]:
            return found
    return list(pairs)


def read_case(pair: Pair) -> tuple[Case, Scan]:
    """A pair as a case in canonical axes, and its scan.

    Raises:
        GeometryError: the label map has another grid than the scan, or nodules lie outside it.
        FormatError: the label map holds something that is no label.
    """
    if pair.readings is not None:
        return _read_by_readers(pair)
    scan = read_study(pair.image)
    volume = canonical(scan.volume)
    if pair.spheres is not None:
        labels = _balls(pair.spheres, volume, str(pair.image))
        truths = tuple(_truth(each, n) for n, each in enumerate(pair.spheres, start=1))
        return _case(pair, volume, labels, truths, outlined=False), scan
    labels = _label_map(pair, scan)
    return _case(pair, volume, labels, truths_of(labels, volume), outlined=True), scan


def _case(pair: Pair, volume: Volume, labels: Array, truths: tuple[Truth, ...], *, outlined: bool) -> Case:
    aside = tuple(_truth(each, 0) for each in pair.aside)
    return Case(
        name=pair.name, volume=volume, labels=labels, truths=truths, indication=pair.indication, aside=aside,
        outlined=outlined,
    )  # fmt: skip


def _truth(sphere: Sphere, label: int) -> Truth:
    return Truth(
        centre=np.array(sphere.center_mm), radius=sphere.diameter_mm / 2, label=label, diameter=sphere.diameter_mm
    )


def _label_map(pair: Pair, scan: Scan) -> Array:
    """The labels in canonical axes, one value a nodule."""
    if pair.label is None:
        raise FormatError(f"{pair.image} has no labels")
    label = read_volume(pair.label)
    if label.voxels.shape != scan.volume.voxels.shape:
        raise GeometryError(
            f"{pair.label} has {label.voxels.shape} voxels, its scan has {scan.volume.voxels.shape}: "
            "they must share a grid"
        )
    if not np.allclose(label.affine, scan.volume.affine, atol=0.05):
        raise GeometryError(f"{pair.label} lies elsewhere than its scan (another affine): they must share a grid")
    values = label.voxels
    if (values < 0).any() or (values != np.round(values)).any() or values.max() > 255:
        raise FormatError(f"{pair.label} holds values that are no labels: whole numbers from 0 to 255 are read")
    labels = np.ascontiguousarray(turned(values, label.affine)).astype(np.uint8)
    return separate(np.isin(labels, pair.classes).astype(np.uint8) if pair.classes else labels)


def separate(labels: Array) -> Array:
    """A mask of 0 and 1 becomes one label for each part that hangs together; more labels are kept."""
    if labels.max(initial=0) > 1:
        return labels
    parts, count = ndimage.label(labels, structure=np.ones((3, 3, 3)))
    return parts.astype(np.uint8) if count < 256 else labels


def _balls(spheres: Sequence[Sphere], volume: Volume, origin: str) -> Array:
    """Spheres as labels.

    Raises:
        GeometryError: a sphere's middle lies outside the scan.
        FormatError: more of them than a label map holds.
    """
    if len(spheres) > 255:
        raise FormatError(f"{origin} has {len(spheres)} nodules: a label map holds 255")
    shape, spacing = np.array(volume.voxels.shape), np.array(volume.spacing)
    labels = np.zeros(volume.voxels.shape, np.uint8)
    for number, sphere in enumerate(spheres, start=1):
        middle = to_index(volume.affine, np.array(sphere.center_mm))
        if (middle < -0.5).any() or (middle > shape - 0.5).any():
            raise GeometryError(_outside(sphere, volume, origin))
        reach = np.ceil(sphere.diameter_mm / 2 / spacing) + 1
        low = np.maximum(np.floor(middle - reach), 0).astype(int)
        high = np.minimum(np.ceil(middle + reach) + 1, shape).astype(int)
        mesh = np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij")
        away = np.sqrt(sum(((m - c) * s) ** 2 for m, c, s in zip(mesh, middle, spacing, strict=True)))
        ball = away <= max(sphere.diameter_mm / 2, away.min())
        labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))][ball] = number
    return labels


def _outside(sphere: Sphere, volume: Volume, origin: str) -> str:
    """What is wrong with a middle outside the scan, and whether mirroring x and y would mend it."""
    x, y, z = sphere.center_mm
    mirrored = to_index(volume.affine, np.array([-x, -y, z]))
    inside = bool(((mirrored >= 0) & (mirrored <= np.array(volume.voxels.shape) - 1)).all())
    ends = to_world(volume.affine, np.array([[0, 0, 0], np.array(volume.voxels.shape) - 1]))
    low, high = ends.min(axis=0), ends.max(axis=0)
    box = ", ".join(f"{a:.0f} to {b:.0f}" for a, b in zip(low, high, strict=True))
    cure = (
        "mirrored in x and y it lies inside: these coordinates are RAS where LPS is read, or the other way round"
        if inside
        else "are these coordinates of another scan, or voxels?"
    )
    return f"{origin} spans {box} mm (RAS) and a nodule lies at {x:.1f}, {y:.1f}, {z:.1f}: {cure}"


def _read_by_readers(pair: Pair) -> tuple[Case, Scan]:
    """A LIDC series and its XML."""
    from .layouts.readings import label_map, parsed, readings_of
    from .studies.dicom import read_series, read_stack

    assert pair.readings is not None
    origin = str(pair.readings)
    stack = read_stack(pair.image, series=pair.series)
    labels, aside = label_map(readings_of(parsed(pair.readings), origin), stack, origin)
    volume, flags = read_series(pair.image, series=pair.series)
    scan = admit(volume, str(pair.image), flags=flags)
    labels = np.ascontiguousarray(turned(labels, volume.affine))
    around = canonical(scan.volume)
    truths = tuple(_truth(each, 0) for each in aside)
    case = Case(name=pair.name, volume=around, labels=labels, truths=truths_of(labels, around), aside=truths)
    return case, scan


def backgrounds_in(data: Path) -> Iterator[tuple[str, Volume]]:
    """Canonical CTs that lie directly in a folder (files, and folders of DICOM), to put shapes into; no label maps."""
    from .studies.dicom import read_series

    for item in sorted(data.iterdir()):
        stem, suffix = split_name(item)
        if item.is_file() and suffix and not stem.endswith("_label"):
            yield item.name, canonical(admit(read_volume(item), str(item)).volume)
        elif item.is_dir() and any(
            each.suffix.lower() in (".dcm", ".ima", "") for each in item.iterdir() if each.is_file()
        ):
            volume, _ = read_series(item)
            yield item.name, canonical(admit(volume, str(item)).volume)
