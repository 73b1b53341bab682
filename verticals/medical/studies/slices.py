"""One slice of a DICOM study, whether it is a file of its own or a frame of a multi-frame image.

It finds an attribute where the standard lets it stand (the frame's functional groups, the shared ones, the image) and
says why an image is no slice of an axial CT. It knows nothing of series or stacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.errors import FileError, FormatError, GeometryError
from ....core.types import Array
from .archive import Member
from .pixels import BROKEN, sentence

AXIAL = 0.9  # cosine to the body's long axis: within about 25 degrees


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """`header` is the image without its pixels; `frame` counts from 0 in a multi-frame image, None elsewhere."""

    member: Member
    header: Any
    frame: int | None = None

    def get(self, keyword: str) -> Any:
        """The attribute's value, or None; a value that cannot be parsed is an error of the file."""
        try:
            for group in self._groups():
                for element in group:
                    if element.VR == "SQ" and element.value and keyword in element.value[0]:
                        return element.value[0].get(keyword)
            return self.header.get(keyword)
        except BROKEN as error:
            raise FileError(f"{self.member.name}: {keyword} cannot be read: {sentence(error)}") from error

    def _groups(self) -> Iterator[Any]:
        if self.frame is not None:
            yield self.header.PerFrameFunctionalGroupsSequence[self.frame]
            yield from self.header.get("SharedFunctionalGroupsSequence") or ()

    def number(self, keyword: str, otherwise: float) -> float:
        value = self.get(keyword)
        try:
            return otherwise if value in (None, "") else float(value)
        except (TypeError, ValueError) as error:
            raise FileError(f"{self.member.name}: {keyword} is no number: {value!r}") from error

    def numbers(self, keyword: str, count: int) -> Array:
        """Raises GeometryError where they are missing, too few or not finite."""
        try:
            values = np.array([float(each) for each in self.get(keyword) or ()])
        except (TypeError, ValueError, FileError) as error:
            raise GeometryError(f"{self.member.name}: {keyword} cannot be read: {sentence(error)}") from error
        if values.shape != (count,) or not np.isfinite(values).all():
            raise GeometryError(f"{self.member.name} has a slice whose {keyword} is not {count} numbers")
        return values

    @property
    def series(self) -> str:
        return str(self.get("SeriesInstanceUID") or "")

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.number("Rows", 0)), int(self.number("Columns", 0))

    @property
    def kinds(self) -> tuple[str, ...]:
        value = (self.get("FrameType") if self.frame is not None else None) or self.get("ImageType") or ()
        return tuple(str(each).strip().upper() for each in ([value] if isinstance(value, str) else value))

    def axial(self) -> bool:
        """True where the slice lies across the body, or where it does not say how it lies."""
        try:
            rows = self.numbers("ImageOrientationPatient", 6).reshape(2, 3)
        except GeometryError:
            return True
        return bool(abs(np.cross(rows[0], rows[1])[2]) >= AXIAL)

    def rescale(self) -> tuple[float, float]:
        """Slope and intercept to Hounsfield units.

        Raises:
            FormatError: they are missing, not finite, or lead to another unit.
        """
        name = self.member.name
        if self.get("RescaleSlope") in (None, "") or self.get("RescaleIntercept") in (None, ""):
            raise FormatError(
                f"{name} has a slice without rescale slope and intercept, so its Hounsfield units are not known"
            )
        slope, intercept = self.number("RescaleSlope", 1.0), self.number("RescaleIntercept", 0.0)
        unit = str(self.get("RescaleType") or "HU").upper()
        if not unit.startswith("HU"):
            raise FormatError(f"{name} rescales to {unit}, not to Hounsfield units: export the plain CT series")
        if not np.isfinite((slope, intercept)).all() or slope == 0:
            raise FormatError(f"{name} has a rescale slope of {slope:g} and intercept of {intercept:g}: not usable")
        return slope, intercept


def slices_of(member: Member, header: Any) -> list[Slice]:
    """The image as slices: itself, or each frame that has functional groups."""
    frames = Slice(member=member, header=header).number("NumberOfFrames", 1)
    groups = header.get("PerFrameFunctionalGroupsSequence") or ()
    if frames <= 1 and not groups:
        return [Slice(member=member, header=header)]
    if groups and len(groups) != frames:
        raise FileError(f"{member.name} says {frames:g} frames and describes {len(groups)}: it is damaged")
    return [Slice(member=member, header=header, frame=n if groups else None) for n in range(len(groups) or 1)]


def named(dataset: Any) -> Any:
    """The image with its SOP class and instance UID, which some exporters leave to the file's own header."""
    for own, kept in (("SOPClassUID", "MediaStorageSOPClassUID"), ("SOPInstanceUID", "MediaStorageSOPInstanceUID")):
        if not dataset.get(own) and dataset.file_meta.get(kept):
            setattr(dataset, own, dataset.file_meta.get(kept))
    return dataset


def unfit(one: Slice) -> str:
    """Why an image is no slice of an original CT, or nothing."""
    modality, kinds = str(one.get("Modality") or "no modality"), one.kinds
    if modality != "CT":
        return f"of modality {modality}"
    if "LOCALIZER" in kinds:
        return "scout (localizer)"
    if (kinds[:1] == ("DERIVED",) and not lossy(one)) or kinds[1:2] == ("SECONDARY",):
        return "derived"
    if one.frame is None and one.number("NumberOfFrames", 1) > 1:
        return "multi-frame without functional groups (convert to single slices)"
    if one.number("SamplesPerPixel", 1) > 1 or one.number("BitsAllocated", 16) < 16:
        return "screen capture (8-bit or colour)"
    return ""


def lossy(one: Slice) -> bool:
    """An axial original that is called derived only because it was compressed with loss."""
    compressed = one.get("LossyImageCompression") or one.header.get("LossyImageCompression")
    return one.kinds[1:3] == ("PRIMARY", "AXIAL") and str(compressed) == "01"
