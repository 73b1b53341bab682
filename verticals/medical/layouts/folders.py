"""Scans and label maps as files beside each other, or in two folders; nnU-Net's names among them.

cases     <case>/image.* and <case>/label.*, and <case>/indication.txt where there is one
pairs     <name>_image.* and <name>_label.* beside each other (as pyradiomics names them)
folders   images/<name>.* and labels/<name>.* (or masks/), with the same name
nnunet    imagesTr/<name>_0000.* and labelsTr/<name>.*, imagesTs and labelsTs for the test; dataset.json
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError
from .pair import Pair, Part, split_name

IMAGES, LABELS = ("images", "image", "scans", "ct"), ("labels", "label", "masks", "mask", "segmentations")
NNUNET: tuple[tuple[str, str, Part], ...] = (
    ("imagesTr", "labelsTr", "training"),
    ("imagesTs", "labelsTs", "test"),
)
NODULE = re.compile(r"nodul|lesion|tumou?r|cancer|mass|metasta", re.IGNORECASE)


def cases(data: Path) -> list[Pair]:
    pairs = []
    for folder in _folders(data):
        image, label = _only(folder, "image"), _only(folder, "label")
        if image is None and label is None:
            continue
        if image is None or label is None:
            raise FormatError(f"{folder} holds only one of image.* and label.*: a case needs both")
        words = folder / "indication.txt"
        text = words.read_text(encoding="utf-8").strip() if words.is_file() else ""
        pairs.append(Pair(name=folder.name, image=image, label=label, indication=text or None))
    return pairs


def pairs(data: Path) -> list[Pair]:
    found = []
    for image in _files(data):
        stem, suffix = split_name(image)
        if suffix and stem.endswith("_image"):
            name = stem.removesuffix("_image")
            label = image.with_name(f"{name}_label{suffix}")
            if not label.is_file():
                raise FormatError(f"{image} has no label map {label.name} beside it")
            found.append(Pair(name=name, image=image, label=label))
    return found


def folders(data: Path) -> list[Pair]:
    images = next((data / each for each in IMAGES if (data / each).is_dir()), None)
    labels = next((data / each for each in LABELS if (data / each).is_dir()), None)
    if images is None or labels is None:
        return []
    return _matched(images, labels, part="", classes=())


def nnunet(data: Path) -> list[Pair]:
    if not (data / "imagesTr").is_dir() and not (data / "imagesTs").is_dir():
        return []
    classes = _classes(data / "dataset.json")
    found = []
    for images, labels, part in NNUNET:
        if (data / images).is_dir() and (data / labels).is_dir():
            found += _matched(data / images, data / labels, part=part, classes=classes)
    if not found:
        raise FormatError(f"{data} has nnU-Net's images and no labels: labelsTr or labelsTs must lie beside them")
    return found


def _matched(images: Path, labels: Path, *, part: Part, classes: tuple[int, ...]) -> list[Pair]:
    """Every label map with its image; images without one are left to those who want unlabelled scans."""
    scans: dict[str, Path] = {}
    for image in _files(images):
        stem, suffix = split_name(image)
        if not suffix:
            continue
        if re.search(r"_000[1-9]$", stem):
            raise FormatError(f"{image} is a second channel: a CT has one, named _0000")
        scans[stem.removesuffix("_0000")] = image
    found = []
    for label in _files(labels):
        name, suffix = split_name(label)
        if not suffix:
            continue
        if name not in scans:
            raise FormatError(f"{label} has no image {name} (or {name}_0000) in {images}")
        found.append(Pair(name=name, image=scans[name], label=label, part=part, classes=classes))
    return found


def _classes(path: Path) -> tuple[int, ...]:
    """The values that dataset.json calls nodules; none where it names one class only, or is not there."""
    if not path.is_file():
        return ()
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileError(f"{path} cannot be read as JSON: {error}") from error
    named = plain.get("labels", {}) if isinstance(plain, dict) else {}
    if not isinstance(named, dict):
        raise FormatError(f"{path}: labels must map names to values, got {named!r}")
    values = {name: value for name, value in _by_name(named).items() if value > 0}
    chosen = tuple(value for name, value in values.items() if NODULE.search(name))
    if not chosen and len(values) > 1:
        raise FormatError(f"{path} names {', '.join(values)}: none of them is a nodule, lesion or tumour by its name")
    return chosen or tuple(values.values())


def _by_name(labels: Mapping[str, Any]) -> dict[str, int]:
    """Version 2 writes {"nodule": 1}, version 1 and the Decathlon {"1": "nodule"}."""
    found = {}
    for key, value in labels.items():
        name, number = (value, key) if str(key).isdigit() else (key, value)
        if str(number).isdigit():
            found[str(name)] = int(number)
    return found


def _only(folder: Path, stem: str) -> Path | None:
    found = [each for each in _files(folder) if split_name(each)[0] == stem and split_name(each)[1]]
    return found[0] if found else None


def _files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
