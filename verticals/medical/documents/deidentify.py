"""A DICOM study without its patient: the Basic Application Confidentiality Profile of PS3.15 annex E.

The table of actions is that of `dicom-anonymizer`; the actions are ours, so that UIDs and dates are mapped by a secret
key (the same study and key give the same names) and every private, unknown or unlisted free text goes. Pixels are not
cleaned: images with text burned in are refused.
"""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError
from ....core.optional import require
from ....core.result import whole_folder
from ..studies.archive import Member, members
from ..studies.pixels import BROKEN, sentence
from ..studies.slices import named
from .algorithm import NOTICE

TABLE = "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c"
GROUPS = {
    "D_TAGS": "D", "Z_TAGS": "Z", "X_TAGS": "X", "U_TAGS": "U", "Z_D_TAGS": "D", "X_Z_TAGS": "Z", "X_D_TAGS": "D",
    "X_Z_D_TAGS": "D", "X_Z_U_STAR_TAGS": "U*",
}  # fmt: skip
FREE = ("LT", "ST", "UT", "PN", "UN")  # words and names that no table lists are removed too
MEDIA = ("1.2.840.10008.1.3.10",)  # a DICOMDIR names the old files
IMAGES = ("CT",)
REPORT = "deidentification.json"


@dataclass(frozen=True, kw_only=True)
class Deidentified:
    """Where the study is, how many images it has, and how often each action was taken on each attribute."""

    folder: Path
    images: int
    changes: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Keyed:
    """What the key decides: new UIDs, the patient's pseudonym, and days by which a patient's dates are moved."""

    key: bytes
    patient: str
    shift: bool

    def digest(self, what: str) -> bytes:
        return hmac.new(self.key, what.encode("utf-8", "surrogateescape"), "sha256").digest()

    def uid(self, old: str) -> str:
        return f"2.25.{int.from_bytes(self.digest('uid ' + old)[:16], 'big')}"

    @property
    def pseudonym(self) -> str:
        return f"P-{self.digest('patient ' + self.patient).hex()[:20]}"

    @property
    def days(self) -> int:
        """Back by one day to ten years, the same for all studies of the patient."""
        return -1 - int.from_bytes(self.digest("days " + self.patient)[:4], "big") % 3650


def deidentify(path: str | Path, folder: str | Path, *, key: bytes, shift_dates: bool = True) -> Deidentified:
    """Write every CT image of a study without identity, and `deidentification.json` with what was changed.

    `shift_dates` keeps intervals between a patient's studies (option 113107); without it dates are dummies. Images of
    other modalities are left out. The folder appears whole or not at all.

    Raises:
        FormatError: a key of fewer than 16 bytes, no CT image, or text burned into the pixels.
        FileError: a file that is truncated or unreadable.
        MissingExtra: dicom-anonymizer is not installed.
    """
    if len(key) < 16:
        raise FormatError(f"a key has at least 16 bytes, got {len(key)}: with fewer, identities can be tried out")
    changes: dict[str, Counter[str]] = {}
    count, left = 0, 0
    with members(Path(path)) as files, whole_folder(folder) as aside:
        for member in files:
            data = _image(member)
            if data is None:
                left += 1
                continue
            _clean_file(data, key, shift_dates, changes, member)
            data.save_as(aside / f"{data.SOPInstanceUID}.dcm", enforce_file_format=True)
            count += 1
        if not count:
            raise FormatError(f"{path} holds no CT image to write without identity")
        told = {
            "profile": "PS3.15 Basic Application Confidentiality Profile (113100)",
            "dates": "moved by days that the key decides (113107)" if shift_dates else "replaced by dummies",
            "images": count, "files left out": left, "changes": changes, "notice": NOTICE,
        }  # fmt: skip
        (aside / REPORT).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return Deidentified(folder=Path(folder), images=count, changes=changes)


@cache
def actions() -> dict[int, str]:
    """The profile's action by tag: D dummy, Z empty, X remove, U new UID."""
    table = require(TABLE, "dicom", "de-identification")
    return {(group << 16) + element: action for name, action in GROUPS.items() for group, element in
            (tag[:2] for tag in getattr(table, name) if len(tag) == 2)}  # fmt: skip


def _image(member: Member) -> Any:
    """The CT image in a file, or None for what is no image of the study."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        with member.open() as stream:
            data = named(pydicom.dcmread(stream))
        if str(data.file_meta.get("MediaStorageSOPClassUID", "")) in MEDIA or data.get("Modality") not in IMAGES:
            return None
        data.decode()
    except InvalidDicomError:
        return None
    except BROKEN as error:
        raise FileError(f"{member.name} is truncated or unreadable: {sentence(error)}") from error
    burned = str(data.get("BurnedInAnnotation", "NO")).upper() == "YES"
    capture = "SECONDARY" in [str(each).upper() for each in data.get("ImageType") or ()]
    if burned or capture or int(data.get("BitsAllocated", 16)) < 16 or int(data.get("SamplesPerPixel", 1)) > 1:
        raise FormatError(
            f"{member.name} may have the patient's name burned into its pixels (a screen capture or an annotated "
            "image): take it out of the study"
        )
    return data


def _clean_file(data: Any, key: bytes, shift: bool, changes: dict[str, Counter[str]], member: Member) -> None:
    keyed = Keyed(key=key, patient=str(data.get("PatientID") or data.get("StudyInstanceUID") or ""), shift=shift)
    try:
        _clean(data, keyed, changes)
        _say(data, keyed, shift)
    except BROKEN as error:
        raise FileError(f"{member.name} holds a damaged header: {sentence(error)}") from error
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    for name in ("SourceApplicationEntityTitle", "SendingApplicationEntityTitle", "ReceivingApplicationEntityTitle",
                 "PrivateInformation", "PrivateInformationCreatorUID"):  # fmt: skip
        if name in data.file_meta:
            del data.file_meta[name]
    data.preamble = b"\0" * 128


def _clean(data: Any, keyed: Keyed, changes: dict[str, Counter[str]]) -> None:
    """Apply the profile to a dataset and to every item below it."""
    for element in list(data):
        action = _action(element)
        if action == "K":
            if element.VR == "SQ":
                for item in element.value:
                    _clean(item, keyed, changes)
            continue
        changes.setdefault(element.keyword or f"{element.tag}", Counter())[action] += 1
        if action == "X":
            del data[element.tag]
        elif action == "U":
            many = element.VM > 1
            element.value = [keyed.uid(str(each)) for each in element.value] if many else keyed.uid(str(element.value))
        elif action == "moved":
            element.value = _moved(str(element.value), keyed.days) if keyed.shift else ""
        else:
            _emptied(data, element, action)


def _action(element: Any) -> str:
    group = element.tag.group
    if element.tag.is_private or 0x5000 <= group < 0x5100 or 0x6000 <= group < 0x6100 or not element.keyword:
        return "X"
    action = actions().get(int(element.tag), "K")
    if action == "U*":  # a sequence of references: kept, with new UIDs inside
        return "K"
    if action != "K" and element.VR in ("DA", "DT") and element.value:
        return "moved" if element.keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate") else "X"
    if action == "K" and element.VR == "UI" and not _of_standard(str(element.value)):
        return "U"
    return "X" if action == "K" and element.VR in FREE else action


def _of_standard(uid: str) -> bool:
    """UIDs of the standard itself say nothing of a patient."""
    return uid.startswith("1.2.840.10008.")


def _emptied(data: Any, element: Any, action: str) -> None:
    """Z, or D with the dummy that a CT needs: nothing that a number could be guessed from."""
    if element.VR == "SQ" or element.VR in ("OB", "OW", "UN", "US", "SS", "UL", "SL", "FL", "FD"):
        del data[element.tag]
    elif action == "Z":
        element.value = ""
    else:
        dummies = {"TM": "000000", "AS": "000Y", "DS": "0", "IS": "0", "CS": "", "UI": "2.25.0"}
        element.value = dummies.get(element.VR, "REMOVED")


def _moved(value: str, days: int) -> str:
    try:
        return (datetime.strptime(value[:8], "%Y%m%d") + timedelta(days=days)).strftime("%Y%m%d")
    except (ValueError, OverflowError):
        return ""


def _say(data: Any, keyed: Keyed, shift: bool) -> None:
    """What the profile wants written: the pseudonym, and by which method identity was removed."""
    from pydicom.dataset import Dataset

    data.PatientID = data.PatientName = keyed.pseudonym
    data.PatientBirthDate = data.PatientSex = ""
    data.PatientIdentityRemoved = "YES"
    data.LongitudinalTemporalInformationModified = "MODIFIED" if shift else "REMOVED"
    data.DeidentificationMethod = "Colonnade, PS3.15 Basic Profile"
    codes = [("113100", "Basic Application Confidentiality Profile")]
    if shift:
        codes.append(("113107", "Retain Longitudinal Temporal Information Modified Dates Option"))
    data.DeidentificationMethodCodeSequence = []
    for value, meaning in codes:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
        data.DeidentificationMethodCodeSequence.append(item)
