"""A CT series from a DICOM folder: slices sorted by their position along the normal, the affine from position and
orientation.

What cannot be one even stack of axial CT slices is refused with the reason. It knows nothing of other file formats.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import FileError, FormatError, GeometryError
from ...core.types import Array, Volume
from .volumes import FLIP

# What readers raise on broken bytes.
BROKEN = (OSError, EOFError, ValueError, LookupError, AttributeError, TypeError, RuntimeError, struct.error, zlib.error)
TOLERANCE = 0.02  # of the slice step: how uneven positions may be


def read_series(path: Path) -> tuple[Volume, tuple[str, ...]]:
    """The one CT series in a folder, in Hounsfield units, and what was set aside.

    Raises:
        FileError: a file is truncated or its pixels cannot be decoded.
        FormatError: no CT, only scouts or derived images, several series, or no rescale.
        GeometryError: tilt, missing, duplicate or unevenly spaced slices, slices that differ in grid or orientation.
    """
    found = _datasets(path)
    slices, flags = _chosen(found, path)
    origin = str(path)
    if len(slices) < 2:
        raise GeometryError(f"{origin} holds one slice: a study needs a stack of them")
    rows, spacing = _frame(slices, origin)
    normal = np.cross(rows[0], rows[1])
    places = np.array([_numbers(each, "ImagePositionPatient", 3, origin) for each in slices])
    order = np.argsort(places @ normal)
    slices, places = [slices[index] for index in order], places[order]
    step = _step(places, normal, origin)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = rows[0] * spacing[1], rows[1] * spacing[0]
    affine[:3, 2], affine[:3, 3] = step, places[0]
    voxels = np.stack([_pixels(each, origin) for each in slices], axis=2)
    return Volume(voxels=voxels, affine=FLIP @ affine), flags


def _datasets(path: Path) -> list[Any]:
    """Every DICOM file below the folder."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    found, strange = [], []
    for file in files:
        try:
            found.append(pydicom.dcmread(file))
        except InvalidDicomError as error:
            if file.suffix.lower() in (".dcm", ".ima"):
                raise FileError(f"{file} is not DICOM or is broken: {error}") from error
            strange.append(file)
        except BROKEN as error:
            raise FileError(f"{file} is truncated or unreadable: {error}") from error
    found = [each for each in found if "MediaStorageDirectory" not in str(each.get("SOPClassUID", ""))]
    if not found:
        first = f", only files such as {strange[0].name}" if strange else ""
        raise FormatError(f"{path} holds no DICOM files{first}")
    return found


def _chosen(found: Sequence[Any], path: Path) -> tuple[list[Any], tuple[str, ...]]:
    """The slices of the one axial CT series, with a word on what was set aside."""
    reasons = [_unfit(each) for each in found]
    slices = [each for each, reason in zip(found, reasons, strict=True) if not reason]
    aside = Counter(reason for reason in reasons if reason)
    told = ", ".join(f"{count} {reason}" for reason, count in aside.items())
    if not slices:
        raise FormatError(f"{path} holds no axial CT slices: {told}")
    series = Counter(str(each.get("SeriesInstanceUID", "")) for each in slices)
    if len(series) > 1:
        counts = ", ".join(f"{count} slices" for count in series.values())
        raise FormatError(f"{path} holds {len(series)} CT series ({counts}): name the folder of one")
    return slices, ((f"images set aside: {told}",) if told else ())


def _unfit(dataset: Any) -> str:
    """Why an image is no slice of an axial CT, or nothing."""
    modality = str(dataset.get("Modality", "") or "no modality")
    kinds = [str(each).upper() for each in (dataset.get("ImageType") or ())]
    if modality != "CT":
        return f"of modality {modality}"
    if "LOCALIZER" in kinds:
        return "scout (localizer)"
    if kinds[:1] == ["DERIVED"] or kinds[1:2] == ["SECONDARY"]:
        return "derived"
    if int(dataset.get("NumberOfFrames", 1) or 1) > 1:
        return "multi-frame (convert to single slices)"
    if int(dataset.get("SamplesPerPixel", 1) or 1) > 1 or int(dataset.get("BitsAllocated", 16) or 16) < 16:
        return "screen capture (8-bit or colour)"
    return ""


def _frame(slices: Sequence[Any], origin: str) -> tuple[Array, Array]:
    """Row and column direction `[2, xyz]` and pixel spacing, which all slices must share."""
    turns = np.array([_numbers(each, "ImageOrientationPatient", 6, origin) for each in slices]).reshape(-1, 2, 3)
    spacings = np.array([_numbers(each, "PixelSpacing", 2, origin) for each in slices])
    sizes = {(int(each.Rows), int(each.Columns)) for each in slices}
    if len(sizes) > 1:
        raise GeometryError(f"{origin} mixes slices of {' and '.join(f'{r} x {c}' for r, c in sorted(sizes))} pixels")
    if np.abs(turns - turns[0]).max() > 1e-3:
        raise GeometryError(f"{origin} mixes slices of different orientation (ImageOrientationPatient)")
    if np.abs(spacings - spacings[0]).max() > 1e-3:
        raise GeometryError(f"{origin} mixes slices of different PixelSpacing")
    rows = turns[0]
    if np.abs(rows @ rows.T - np.eye(2)).max() > 1e-2:
        raise GeometryError(f"{origin} has an ImageOrientationPatient that is not two unit vectors at right angles")
    tilts = {float(each.get("GantryDetectorTilt", 0) or 0) for each in slices}
    if max(abs(tilt) for tilt in tilts) > 0.5:
        raise GeometryError(
            f"{origin} was taken with a gantry tilt of {max(tilts, key=abs):g} degrees: correct the tilt first"
        )
    return rows, spacings[0]


def _step(places: Array, normal: Array, origin: str) -> Array:
    """The vector from slice to slice, if it is the same everywhere and along the normal."""
    gaps = np.diff(places @ normal)
    step = float(np.median(gaps))
    if (gaps < 0.01).any():
        raise GeometryError(f"{origin} has {int((gaps < 0.01).sum())} duplicate slice(s): several lie at one position")
    uneven = np.abs(gaps - step) > max(TOLERANCE * step, 0.01)
    if uneven.any():
        steps = gaps[uneven] / step
        if (np.abs(steps - np.round(steps)) < 0.05).all():
            missing = int(np.round(steps - 1).sum())
            raise GeometryError(
                f"{origin} lacks {missing} slice(s): the step is {step:.2f} mm, once {gaps.max():.2f} mm"
            )
        raise GeometryError(f"{origin} is unevenly spaced: steps from {gaps.min():.2f} to {gaps.max():.2f} mm")
    mean = (places[-1] - places[0]) / (len(places) - 1)
    if np.linalg.norm(mean - normal * (mean @ normal)) > 0.02 * np.linalg.norm(mean):
        raise GeometryError(f"{origin} is sheared: slices do not follow each other along their normal (a gantry tilt)")
    return mean


def _numbers(dataset: Any, name: str, count: int, origin: str) -> Array:
    try:
        values = np.array([float(each) for each in dataset.get(name) or ()])
    except (TypeError, ValueError) as error:
        raise GeometryError(f"{origin}: {name} cannot be read: {error}") from error
    if values.shape != (count,) or not np.isfinite(values).all():
        raise GeometryError(f"{origin} has a slice whose {name} is not {count} numbers")
    return values


def _pixels(dataset: Any, origin: str) -> Array:
    """One slice in Hounsfield units `[column, row]`."""
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None or intercept is None:
        raise FormatError(
            f"{origin} has a slice without rescale slope and intercept, so its Hounsfield units are not known"
        )
    try:
        stored = dataset.pixel_array
    except BROKEN as error:
        raise FileError(
            f"{origin}: the pixels of slice {dataset.get('InstanceNumber', '?')} cannot be decoded: {error}"
        ) from error
    values = stored.astype(np.float32) * float(slope) + float(intercept)
    padding = dataset.get("PixelPaddingValue")
    if padding is not None:
        values[stored == int(padding)] = -2048.0
    return values.T
