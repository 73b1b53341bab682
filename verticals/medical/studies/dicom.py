"""A CT series from DICOM files: slices sorted by their position along the normal, the affine from position and
orientation.

What cannot be one even stack of axial CT slices is refused with the reason; of several series the thinnest is taken
and told. It knows nothing of other file formats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import ColonnadeError, FileError, FormatError, GeometryError
from ....core.types import Array, Volume
from . import kernels
from .archive import Member, members
from .choice import choose
from .pixels import BROKEN, hounsfield, sentence
from .slices import Slice, lossy, named, slices_of, unfit
from .volumes import FLIP

TOLERANCE = 0.02  # of the slice step: how uneven positions may be
SCOUTS = 2  # images that lie otherwise than the rest and may be set aside
DICOMDIR = "1.2.840.10008.1.3.10"


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """The slices of one even series in their order in space, voxel axis k; pixels are not read yet."""

    slices: tuple[Slice, ...]
    affine: Array  # RAS, for voxels [column, row, slice]
    flags: tuple[str, ...]

    @property
    def series(self) -> str:
        return self.slices[0].series

    @property
    def shape(self) -> tuple[int, int, int]:
        rows, columns = self.slices[0].size
        return columns, rows, len(self.slices)


def read_series(path: Path, *, series: str | None = None) -> tuple[Volume, tuple[str, ...]]:
    """A CT series of a folder, a zip or a multi-frame file, in Hounsfield units, and what was set aside.

    `series` is the SeriesInstanceUID to read; without it the thinnest axial original series is taken.

    Raises:
        FileError: a file is truncated or its pixels cannot be decoded.
        FormatError: no CT, only scouts or derived images, no rescale, or an archive that cannot be trusted.
        GeometryError: tilt, missing, duplicate or unevenly spaced slices, slices that differ in grid or orientation.
    """
    with members(path) as files, _damage_told(path):
        stack = _stacked(files, path, series)
        columns, rows, count = stack.shape
        planes = np.empty((count, rows, columns), np.float32)  # each slice is written where it lies
        whole: tuple[Member, Any] | None = None
        for k, one in enumerate(stack.slices):
            if whole is None or whole[0] is not one.member:
                whole = one.member, _parsed(one.member, pixels=True)
            planes[k] = hounsfield(whole[1], one.rescale(), frame=one.frame or 0, name=one.member.name)
    return Volume(voxels=planes.T, affine=stack.affine), stack.flags


def read_stack(path: Path, *, series: str | None = None) -> Stack:
    """The same series by its headers alone."""
    with members(path) as files, _damage_told(path):
        return _stacked(files, path, series)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Values are parsed when they are asked for: what a damaged header raises anywhere is an error of the file."""
    try:
        yield
    except ColonnadeError:
        raise
    except BROKEN as error:
        raise FileError(f"{path} holds a damaged header: {sentence(error)}") from error


def _stacked(files: Sequence[Member], path: Path, series: str | None) -> Stack:
    slices, told = _fit(_images(files, path), path)
    slices, chosen = choose(slices, series, str(path))
    slices, scouts = _without_scouts(slices)
    compressed = ("pixel values were compressed with loss",) if any(lossy(each) for each in slices) else ()
    if len(slices) < 2:
        raise GeometryError(f"{path} holds one slice: a study needs a stack of them")
    rows, spacing = _frame(slices, str(path))
    normal = np.cross(rows[0], rows[1])
    places = np.array([each.numbers("ImagePositionPatient", 3) for each in slices])
    order = np.argsort(places @ normal, kind="stable")
    places = places[order]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = rows[0] * spacing[1], rows[1] * spacing[0]
    affine[:3, 2], affine[:3, 3] = _step(places, normal, str(path)), places[0]
    flags = told + chosen + scouts + compressed + kernels.told(slices[0].get("ConvolutionKernel"))
    return Stack(slices=tuple(slices[index] for index in order), affine=FLIP @ affine, flags=flags)


def _images(files: Sequence[Member], path: Path) -> list[Slice]:
    """Every image, multi-frame ones frame by frame."""
    from pydicom.errors import InvalidDicomError

    found: list[Slice] = []
    strange = []
    for member in files:
        try:
            header = _parsed(member, pixels=False)
            if str(header.file_meta.get("MediaStorageSOPClassUID", "")) != DICOMDIR:
                found += slices_of(member, header)
        except InvalidDicomError as error:
            if member.suffix in (".dcm", ".ima"):
                raise FileError(f"{member.name} is not DICOM or is broken: {sentence(error)}") from error
            strange.append(member)
    if not found:
        first = f", only files such as {Path(strange[0].name).name}" if strange else ""
        raise FormatError(f"{path} holds no DICOM files{first}")
    return found


def _parsed(member: Member, *, pixels: bool) -> Any:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        with member.open() as stream:
            return named(pydicom.dcmread(stream, stop_before_pixels=not pixels))
    except InvalidDicomError:
        raise
    except BROKEN as error:
        raise FileError(f"{member.name} is truncated or unreadable: {sentence(error)}") from error


def _fit(found: Sequence[Slice], path: Path) -> tuple[list[Slice], tuple[str, ...]]:
    """The slices of original CT, with a word on what was set aside."""
    reasons = [unfit(each) for each in found]
    aside = Counter(reason for reason in reasons if reason)
    told = ", ".join(f"{count} {reason}" for reason, count in aside.items())
    slices = [each for each, reason in zip(found, reasons, strict=True) if not reason]
    if not slices:
        raise FormatError(f"{path} holds no axial CT slices: {told}")
    return slices, ((f"images set aside: {told}",) if told else ())


def _without_scouts(slices: list[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """A lateral scout that does not call itself one; more images that lie otherwise are a mixture, refused later."""
    across = [each for each in slices if each.axial()]
    count = len(slices) - len(across)
    if 0 < count <= SCOUTS and len(across) > count:
        return across, (f"images set aside: {count} not axial (a scout?)",)
    return slices, ()


def _frame(slices: Sequence[Slice], origin: str) -> tuple[Array, Array]:
    """Row and column direction `[2, xyz]` and pixel spacing, which all slices must share."""
    turns = np.array([each.numbers("ImageOrientationPatient", 6) for each in slices]).reshape(-1, 2, 3)
    spacings = np.array([each.numbers("PixelSpacing", 2) for each in slices])
    sizes = {each.size for each in slices}
    if len(sizes) > 1:
        raise GeometryError(f"{origin} mixes slices of {' and '.join(f'{r} x {c}' for r, c in sorted(sizes))} pixels")
    if np.abs(turns - turns[0]).max() > 1e-3:
        raise GeometryError(f"{origin} mixes slices of different orientation (ImageOrientationPatient)")
    if np.abs(spacings - spacings[0]).max() > 1e-3:
        raise GeometryError(f"{origin} mixes slices of different PixelSpacing")
    rows = turns[0]
    if np.abs(rows @ rows.T - np.eye(2)).max() > 1e-2:
        raise GeometryError(f"{origin} has an ImageOrientationPatient that is not two unit vectors at right angles")
    if spacings.min() <= 0 or min(sizes.pop()) < 1:
        raise GeometryError(f"{origin} has slices without extent (PixelSpacing, Rows or Columns of 0 or less)")
    tilt = max((each.number("GantryDetectorTilt", 0.0) for each in slices), key=abs)
    if abs(tilt) > 0.5:
        raise GeometryError(f"{origin} was taken with a gantry tilt of {tilt:g} degrees: correct the tilt first")
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
    return np.asarray(mean)
