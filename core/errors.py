"""Every error that Colonnade raises on purpose: a sentence that says what, the values, and the cure.

ColonnadeError                    the caller can mend it; the command line prints it and exits with 2
├── InputError (ValueError)       what was given to predict, evaluate or fit
│   ├── FileError                 missing, empty, truncated or unreadable
│   ├── FormatError               readable, but not the format or content the reader needs
│   ├── GeometryError             spacing, orientation or affine that cannot be trusted
│   ├── UnknownName               a task, modality, option or key that does not exist
│   └── MissingModality           a subset of modalities below the task's minimum
├── ConfigError (ValueError)      a configuration that contradicts itself
├── CheckpointError               a checkpoint of another task, newer, truncated or unsafe
└── MissingExtra (ImportError)    an optional library that is not installed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CheckpointError",
    "ColonnadeError",
    "ConfigError",
    "FileError",
    "FormatError",
    "GeometryError",
    "InputError",
    "MissingExtra",
    "MissingModality",
    "UnknownName",
]


class ColonnadeError(Exception):
    """The root: whatever goes wrong that the caller can mend."""


class InputError(ColonnadeError, ValueError):
    """What was given cannot be used."""


class FileError(InputError):
    """A file is missing, empty, truncated or unreadable."""


class FormatError(InputError):
    """A file or value is readable but is not what the reader needs."""


class GeometryError(InputError):
    """Spacing, orientation or affine contradict each other or are implausible."""


class MissingModality(InputError):
    """The modalities given are below the minimum that the task needs."""


class UnknownName(InputError):
    """A name that does not exist, answered with the nearest one that does."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        super().__init__(f"there is no {what} {name!r}: {hint}known are {', '.join(known) or 'none'}")


class ConfigError(ColonnadeError, ValueError):
    """A configuration contradicts itself."""


class CheckpointError(ColonnadeError):
    """A checkpoint cannot be used here."""


class MissingExtra(ColonnadeError, ImportError):
    """An optional library is needed and not installed."""
