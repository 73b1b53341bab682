"""Labelled scans from a folder, in the layouts that people have; a missing or strange pair is named.

    cases         <case>/image.* and <case>/label.*, and <case>/indication.txt where there is one
    pairs         <name>_image.* and <name>_label.* beside each other (as pyradiomics names them)

It reads and checks; what a label means is decided here too: each value above 0 is one nodule, and a mask of 0 and 1
is split where it does not hang together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ...core.errors import FileError, FormatError, GeometryError, UnknownName
from ...core.types import Array, Volume
from .cases import Case, truths_of
from .geometry import Scan, admit, canonical, turned
from .volumes import READERS, read_volume

SUFFIXES = tuple(suffix for suffixes, _ in READERS for suffix in suffixes)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Where a case's scan and label map lie."""

    name: str
    image: Path
    label: Path
    indication: str | None = None


def find_pairs(data: Path, layout: str | None = None) -> list[Pair]:
    """The pairs of a folder, by name; the layout is recognised, or named.

    Raises:
        UnknownName: no layout of that name.
        FormatError: the folder fits no layout, or a pair lacks its half.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    if not data.is_dir():
        raise FileError(f"{data} is no folder: labelled scans lie in a folder")
    for name, finder in LAYOUTS.items():
        if layout in (None, name) and (pairs := finder(data)):
            return pairs
    raise FormatError(
        f"{data} fits no layout: expected <case>/image.* with <case>/label.*, or <name>_image.* with <name>_label.* "
        f"({', '.join(SUFFIXES)})"
    )


def read_case(pair: Pair) -> tuple[Case, Scan]:
    """A pair as a case in canonical axes, and its scan.

    Raises:
        GeometryError: the label map has another grid than the scan.
        FormatError: the label map holds something that is no label.
    """
    scan = admit(read_volume(pair.image), str(pair.image))
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
    labels = separate(np.ascontiguousarray(turned(values, label.affine)).astype(np.uint8))
    volume = canonical(scan.volume)
    truths = truths_of(labels, volume)
    return Case(name=pair.name, volume=volume, labels=labels, truths=truths, indication=pair.indication), scan


def separate(labels: Array) -> Array:
    """A mask of 0 and 1 becomes one label for each part that hangs together; more labels are kept."""
    if labels.max(initial=0) > 1:
        return labels
    parts, count = ndimage.label(labels, structure=np.ones((3, 3, 3)))
    return parts.astype(np.uint8) if count < 256 else labels


def _cases(data: Path) -> list[Pair]:
    pairs = []
    for folder in sorted(each for each in data.iterdir() if each.is_dir()):
        image, label = _only(folder, "image"), _only(folder, "label")
        if image is None and label is None:
            continue
        if image is None or label is None:
            raise FormatError(f"{folder} holds only one of image.* and label.*: a case needs both")
        words = folder / "indication.txt"
        text = words.read_text(encoding="utf-8").strip() if words.is_file() else ""
        pairs.append(Pair(name=folder.name, image=image, label=label, indication=text or None))
    return pairs


def _pairs(data: Path) -> list[Pair]:
    pairs = []
    for image in sorted(data.iterdir()):
        stem, suffix = _split(image)
        if suffix and stem.endswith("_image"):
            name = stem.removesuffix("_image")
            label = image.with_name(f"{name}_label{suffix}")
            if not label.is_file():
                raise FormatError(f"{image} has no label map {label.name} beside it")
            pairs.append(Pair(name=name, image=image, label=label))
    return pairs


def _only(folder: Path, stem: str) -> Path | None:
    found = [each for each in sorted(folder.iterdir()) if _split(each)[0] == stem and _split(each)[1]]
    return found[0] if found else None


def _split(path: Path) -> tuple[str, str]:
    """Name and suffix, with .nii.gz as one."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)], path.name[-len(suffix) :]
    return path.name, ""


LAYOUTS: dict[str, Callable[[Path], list[Pair]]] = {"cases": _cases, "pairs": _pairs}


def backgrounds_in(data: Path) -> Iterator[tuple[str, Volume]]:
    """Canonical CTs that lie directly in a folder (files, and folders of DICOM), to put shapes into; no label maps."""
    from .dicom import read_series

    for item in sorted(data.iterdir()):
        stem, suffix = _split(item)
        if item.is_file() and suffix and not stem.endswith("_label"):
            yield item.name, canonical(admit(read_volume(item), str(item)).volume)
        elif item.is_dir() and any(
            each.suffix.lower() in (".dcm", ".ima", "") for each in item.iterdir() if each.is_file()
        ):
            volume, _ = read_series(item)
            yield item.name, canonical(admit(volume, str(item)).volume)
