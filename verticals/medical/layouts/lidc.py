"""LIDC-IDRI as the archive gives it: DICOM series, and for each an XML file with what four readers outlined.

The XML says which series it is about, so it may lie beside the slices or elsewhere below the folder. Radiographs of
the collection (IdriReadMessage) are passed over. What the XML holds is read in readings.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....core.errors import FileError
from ....core.progress import say
from .pair import Pair
from .readings import parsed, series_of

DICOM = (".dcm", ".ima", "")


def lidc(data: Path) -> list[Pair]:
    messages = [(path, uid) for path in sorted(data.rglob("*.xml")) if (uid := series_of(parsed(path)))]
    if not messages:
        return []
    folders = _series_below(data)
    found, absent = [], []
    for path, uid in messages:
        if uid not in folders:
            absent.append(path.name)
            continue
        folder, patient = folders[uid]
        found.append(Pair(name=patient or uid, image=folder, readings=path, series=uid, patient=patient))
    if not found:
        raise FileError(f"{data} has {len(messages)} XML files of LIDC, and none of the CT series that they are about")
    if absent:
        say(f"data: the series of {len(absent)} XML files are not in {data} ({', '.join(absent[:3])}...)")
    return _named_apart(found)


def _series_below(data: Path) -> dict[str, tuple[Path, str]]:
    """By SeriesInstanceUID: the folder and the patient, from the first file of each folder that is DICOM."""
    found: dict[str, tuple[Path, str]] = {}
    for folder in sorted({each.parent for each in data.rglob("*") if each.is_file() and each.suffix.lower() in DICOM}):
        for path in sorted(each for each in folder.iterdir() if each.is_file() and each.suffix.lower() in DICOM):
            header = _header(path)
            if header is not None and header.get("SeriesInstanceUID"):
                found[str(header.SeriesInstanceUID)] = (folder, str(header.get("PatientID") or ""))
                break
    return found


def _header(path: Path) -> Any:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SeriesInstanceUID", "PatientID"])
    except (InvalidDicomError, OSError, ValueError, EOFError):
        return None


def _named_apart(pairs: list[Pair]) -> list[Pair]:
    """Patients with two scans get names of their own."""
    from dataclasses import replace

    names = [each.name for each in pairs]
    return [
        replace(each, name=f"{each.name} {n}") if names.count(each.name) > 1 else each for n, each in enumerate(pairs)
    ]
