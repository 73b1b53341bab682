"""SHA-256 of what was given: a file, a folder, a text or an array, so that a result can name its inputs for good."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FileError


def of_file(path: Path) -> str:
    """The digest of a file's bytes, or of a folder's relative names and files in order."""
    try:
        if path.is_dir():
            whole = hashlib.sha256()
            for item in sorted(each for each in path.rglob("*") if each.is_file()):
                whole.update(os.fsencode(item.relative_to(path).as_posix()) + b"\0" + bytes.fromhex(of_file(item)))
            return whole.hexdigest()
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error


def of_value(value: Any) -> str:
    """The digest of a value handed over in memory: text, bytes, an array, or a noun of arrays."""
    whole = hashlib.sha256()
    _feed(whole, value)
    return whole.hexdigest()


def _feed(whole: Any, value: Any) -> None:
    if isinstance(value, bytes):
        whole.update(value)
    elif isinstance(value, np.ndarray) and value.dtype == object:  # its bytes are addresses
        whole.update(str(value.shape).encode())
        _feed(whole, value.tolist())
    elif isinstance(value, np.ndarray):
        whole.update(str((value.dtype.str, value.shape)).encode() + np.ascontiguousarray(value).tobytes())
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            whole.update(name.encode())
            _feed(whole, getattr(value, name))
    elif hasattr(value, "columns") and hasattr(value, "index"):  # a data frame writes itself shortened
        _feed(whole, [list(value.columns), np.asarray(value.index), *(np.asarray(value[name]) for name in value)])
    elif hasattr(value, "nodes") and hasattr(value, "edges"):  # a graph writes itself as an address
        _feed(whole, [list(value.nodes(data=True)), list(value.edges(data=True))])
    elif isinstance(value, dict):
        for key in value:
            whole.update(str(key).encode())
            _feed(whole, value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            _feed(whole, item)
    else:
        whole.update(repr(value).encode())
