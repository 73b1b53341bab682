"""MONAI's datalist: one JSON file with `training`, `validation` and `test`, of label maps or of boxes.

    {"training": [{"image": "a.nii.gz", "label": "a_label.nii.gz"}, ...], "test": [...]}
    {"training": [{"image": "a.nii.gz", "box": [[x, y, z, w, h, d], ...], "label": [0, ...]}, ...]}

Paths are relative to the file. Boxes are world coordinates (centre and size, mm), LPS as in MONAI's list of LUNA16,
or RAS where the list says `"coordinates": "RAS"`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError
from .pair import Pair, Part, Sphere, split_name

PARTS: dict[str, Part] = {"training": "training", "validation": "validation", "test": "test", "testing": "test"}


def monai(data: Path) -> list[Pair]:
    path = data if data.is_file() else _list_in(data)
    if path is None:
        return []
    plain = _read(path)
    if plain is None:
        return []
    space = str(plain.get("coordinates", "LPS")).upper()
    if space not in ("LPS", "RAS"):
        raise FormatError(f"{path}: coordinates are LPS or RAS, got {space!r}")
    found = []
    for key, part in PARTS.items():
        for number, entry in enumerate(plain.get(key, ()), start=1):
            pair = _pair(entry, path, f"{path}, {key} {number}", part=part, mirrored=space == "LPS")
            found += [pair] if pair is not None else []
    return found


def _list_in(data: Path) -> Path | None:
    """The one list of a folder."""
    lists = [each for each in sorted(data.glob("*.json")) if each.is_file() and _read(each) is not None]
    if len(lists) > 1:
        names = ", ".join(each.name for each in lists)
        raise FormatError(f"{data} holds {len(lists)} datalists ({names}): name the file to use")
    return lists[0] if lists else None


def _read(path: Path) -> dict[str, Any] | None:
    """The list, or None for JSON of another kind (as the dataset.json of nnU-Net version 2)."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileError(f"{path} cannot be read as JSON: {error}") from error
    rows = [plain.get(key) for key in PARTS if key in plain] if isinstance(plain, dict) else []
    return plain if any(isinstance(each, list) and each for each in rows) else None


def _pair(entry: Any, path: Path, where: str, *, part: Part, mirrored: bool) -> Pair | None:
    """One entry; None where it has no label (tests often have none)."""
    if isinstance(entry, str) or (isinstance(entry, Mapping) and not ({"label", "box"} & set(entry))):
        return None
    if not isinstance(entry, Mapping) or not isinstance(entry.get("image"), str):
        raise FormatError(f"{where}: an entry is an object with image and label (or box), got {str(entry)[:80]!r}")
    image = _found(path, entry["image"], where)
    name = split_name(image)[0]
    patient = str(entry.get("patient", ""))
    if "box" in entry:
        spheres = tuple(_sphere(each, where, mirrored=mirrored) for each in entry["box"])
        return Pair(name=name, image=image, spheres=spheres, part=part, patient=patient)
    if not isinstance(entry["label"], str):
        raise FormatError(f"{where}: a label is the path of a label map, or stands beside box; got {entry['label']!r}")
    label = _found(path, entry["label"], where)
    return Pair(name=name, image=image, label=label, part=part, patient=patient)


def _found(path: Path, name: str, where: str) -> Path:
    """A file of the list; a path that leads out of its folder is the author's own, so it is followed."""
    file = path.parent / name
    if not file.exists():
        raise FileError(f"{where} names {name}, which is not in {path.parent}")
    return file


def _sphere(box: Any, where: str, *, mirrored: bool) -> Sphere:
    """The sphere with the mean of the box's sides as its diameter."""
    try:
        x, y, z, w, h, d = (float(each) for each in box)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where}: a box is six numbers (centre x, y, z and size), got {str(box)[:80]}") from error
    if not 0 < min(w, h, d) <= max(w, h, d) < 400:
        raise FormatError(f"{where}: a box of {w:g} x {h:g} x {d:g} mm is no nodule: are these corners or voxels?")
    sign = -1.0 if mirrored else 1.0
    return Sphere(center_mm=(sign * x, sign * y, z), diameter_mm=(w + h + d) / 3)
