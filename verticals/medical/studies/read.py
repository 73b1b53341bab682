"""A scan from whatever it is kept in (DICOM folder, file or zip, NIfTI, NRRD, MetaImage), through the geometry gate."""

from __future__ import annotations

from pathlib import Path

from ....core.errors import FormatError
from .archive import is_zip
from .geometry import Scan, admit

DICOM = (".dcm", ".ima", ".zip", "")


def read_study(path: str | Path, *, series: str | None = None) -> Scan:
    """The scan in the file or folder; `series` is the SeriesInstanceUID to read of a DICOM study.

    Raises:
        FileError: truncated or unreadable.
        FormatError: not a CT, not a known format, or an archive that cannot be trusted.
        GeometryError: a geometry that cannot be trusted.
        UnknownName: the study has no such series.
    """
    path = Path(path)
    if is_dicom(path):
        from .dicom import read_series

        volume, flags = read_series(path, series=series)
        return admit(volume, str(path), flags=flags)
    if series is not None:
        raise FormatError(f"{path} is no DICOM study, so it has no series to choose from: leave the series out")
    from .volumes import read_volume

    return admit(read_volume(path), str(path))


def is_dicom(path: Path) -> bool:
    """A folder, a zip, or a file that says so by its name or its first bytes."""
    if path.is_dir() or path.suffix.lower() in DICOM or is_zip(path):
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False
