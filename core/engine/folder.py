"""The description of an exported folder: `program.json`, read and checked. It knows nothing of any engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import from_plain
from ..digest import of_file
from ..errors import CheckpointError, ConfigError, UnknownName

FORMAT = 1
DESCRIPTION = "program.json"
FIXTURES = "fixtures.safetensors"


@dataclass(frozen=True, kw_only=True)
class Port:
    """One input or output: its axes are sizes, or names where a size may change; `dtype` in NumPy's words."""

    name: str
    shape: tuple[str, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True)
class Description:
    """Everything about an exported program but its weights.

    `parity` holds, by engine and then by subset of modalities, the largest difference from eager (see `export.check`);
    the engines it names are those that have been proven for this program, the quickest first by `milliseconds` (one
    row, one thread, where it was exported). `files` holds digests; `processing` what is done before and after.
    """

    format: int
    task: str
    kind: str
    program: str
    precision: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    notes: Mapping[str, str]
    tolerance: float
    parity: Mapping[str, Mapping[str, float]]
    versions: Mapping[str, str]
    files: Mapping[str, str]
    processing: Mapping[str, Any] = field(default_factory=dict)
    milliseconds: Mapping[str, float] = field(default_factory=dict)


def describe(folder: str | Path) -> Description:
    """Read `program.json`, and hold every file against its digest.

    Raises:
        CheckpointError: the folder is not an export, is newer than this program, or a file is missing or was changed.
    """
    folder = Path(folder)
    plain = _read(folder / DESCRIPTION)
    if not isinstance(plain.get("format"), int) or plain["format"] > FORMAT:
        raise CheckpointError(f"{folder} has export format {plain.get('format')}, this program reads up to {FORMAT}")
    try:
        description: Description = from_plain(Description, plain)
    except (ConfigError, UnknownName, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{folder / DESCRIPTION} is not a description of a program: {error}") from error
    for name, digest in description.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise CheckpointError(f"{path} is missing: the export is not whole")
        if of_file(path) != digest:
            raise CheckpointError(f"{path} is not the file that was exported (its SHA-256 differs): export it again")
    if description.program not in description.files:
        raise CheckpointError(f"{folder / DESCRIPTION} gives no digest of {description.program}")
    return description


def _read(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent} is not an exported folder: it has no {path.name}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(plain, dict):
        raise CheckpointError(f"{path} must hold one JSON object")
    return plain
