"""From the fields of a form to the arguments of `predict`. It knows nothing of HTTP beyond names, texts and open files.

A path never comes from the caller: a path modality is a file that was sent, and its name is used for its ending only.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import FormatError
from ..vertical import Modality, Task

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def unpack(task: Task, fields: Iterable[tuple[str, Any]], scratch: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Arguments by modality, and the names of the files they came from; files are written under `scratch`.

    Several files of one modality become a folder (the slices of a study).

    Raises:
        UnknownName: a field that is no modality of the task.
        FormatError: a text where a file is needed, or two texts for one modality.
    """
    texts: dict[str, list[str]] = {}
    files: dict[str, list[Any]] = {}
    for name, value in fields:
        modality = task.modality(name)
        if isinstance(value, str):
            texts.setdefault(name, []).append(_text(modality, value))
        else:
            files.setdefault(name, []).append(value)
    given: dict[str, Any] = {}
    for name, written in texts.items():
        if len(written) + len(files.get(name, ())) > 1:
            raise FormatError(f"{name} was given {len(written) + len(files.get(name, ()))} times: give it once")
        given[name] = written[0]
    names: dict[str, str] = {}
    for name, uploads in files.items():
        given[name] = _stored(name, uploads, scratch)
        names[name] = _name(uploads[0], name) if len(uploads) == 1 else f"{len(uploads)} files"
    return given, names


def told(task: Task) -> dict[str, Any]:
    """A task as the list of tasks tells it."""
    return {
        "name": task.name,
        "summary": task.summary,
        "answer": task.answer,
        "modalities": [dataclasses.asdict(modality) for modality in task.modalities],
        "minimum": [list(subset) for subset in task.minimum],
    }


def _text(modality: Modality, value: str) -> str:
    if not modality.inline:
        raise FormatError(f"{modality.name} must be sent as a file ({modality.takes}), not as a text field")
    return value


def _stored(name: str, uploads: list[Any], scratch: Path) -> Path:
    """Write the uploads of one modality; the file, or the folder that holds several."""
    folder = scratch / name
    folder.mkdir()
    for number, upload in enumerate(uploads):
        label = _name(upload, name)
        path = folder / (label if len(uploads) == 1 else f"{number:05}-{label}")
        with path.open("wb") as target:
            shutil.copyfileobj(upload.file, target)
    return path if len(uploads) == 1 else folder


def _name(upload: Any, fallback: str) -> str:
    """A harmless file name with the ending that the caller's had."""
    last = re.split(r"[\\/]", upload.filename or "")[-1]
    return _PLAIN.sub("_", last).lstrip(".")[-100:] or fallback
