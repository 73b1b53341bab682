"""What the verbs give back: one object in Python, the JSON of the command line and the server's answer.

It knows nothing of any field: an answer is the vertical's own frozen dataclass.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .errors import FileError


class Report(Protocol):
    """Anything that can write itself as one self-contained page."""

    def save(self, path: str | Path) -> Path: ...

    def html(self) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where one modality of a record came from, with the digest of its bytes."""

    modality: str
    path: str | None
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A number with the bounds that hold it with probability `coverage`."""

    value: float
    low: float
    high: float
    coverage: float = 0.9


@dataclass(frozen=True, kw_only=True)
class Result:
    """The answer of `predict`. Attributes of the answer are read directly: `result.findings`, `result.verdict`.

    `basis` is what the answer was made from, in the field's own nouns, for a page that draws it; it is never written.
    """

    task: str
    version: str
    model: Mapping[str, Any]
    inputs: tuple[Source, ...]
    status: str
    answer: Any
    warnings: tuple[str, ...] = ()
    report: Report | None = None
    seconds: float = 0.0
    gates: Mapping[str, float] = field(default_factory=dict)
    basis: Any = field(default=None, repr=False, compare=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "answer":
            raise AttributeError(name)
        return getattr(self.answer, name)

    def to_dict(self, report: str | None = None) -> dict[str, Any]:
        """Plain JSON types; arrays are left out (they are saved as files by the vertical's answer)."""
        head: dict[str, Any] = {"task": self.task, "version": self.version, "model": dict(self.model)}
        head["inputs"] = [dataclasses.asdict(source) for source in self.inputs]
        tail = {"gates": dict(self.gates), "warnings": list(self.warnings), "report": report, "seconds": self.seconds}
        return plain({**head, "status": self.status, **fields_of(self.answer), **tail})

    def save(self, folder: str | Path) -> Path:
        """Write `result.json`, `report.html` and the answer's own files; the folder appears whole or not at all."""
        with whole_folder(folder) as aside:
            if self.report is not None:
                self.report.save(aside / "report.html")
            if hasattr(self.answer, "save_files"):
                self.answer.save_files(aside)
            name = "report.html" if self.report is not None else None
            (aside / "result.json").write_text(dumps(self.to_dict(report=name)), encoding="utf-8")
        return Path(folder)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The answer of `evaluate`: each metric with its interval, beside the baselines, for every subset."""

    task: str
    data: str
    n: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    subsets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    worst_subset: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return plain(dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The answer of `explain`: what each modality (exact Shapley value) and each part of it contributed.

    `base` is the value with nothing given, and base + sum(modalities) = value.
    """

    task: str
    explains: str
    value: float
    base: float
    modalities: Mapping[str, float]
    parts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return plain(dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The answer of `fit`: where the checkpoint is, and its card."""

    task: str
    checkpoint: str
    card: Mapping[str, Any]
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return plain(dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The answer of `export`: the files, and how far the program is from eager for every subset."""

    task: str
    folder: str
    format: str
    files: tuple[str, ...]
    precision: str
    parity: Mapping[str, float]
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return plain(dataclasses.asdict(self))


def fields_of(answer: Any) -> dict[str, Any]:
    """The fields of an answer: its own `to_dict`, or its dataclass fields."""
    if hasattr(answer, "to_dict"):
        return dict(answer.to_dict())
    return {field.name: getattr(answer, field.name) for field in dataclasses.fields(answer)}


def plain(value: Any) -> Any:
    """JSON types only: dataclasses to objects, NumPy scalars to numbers, NaN to null; arrays are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = fields_of(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if not _is_array(item)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def dumps(value: Mapping[str, Any]) -> str:
    """JSON that every encoder takes: a path of foreign bytes (lone surrogates) is written with escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def whole_folder(folder: str | Path) -> Iterator[Path]:
    """A folder to write into whose files move to `folder` on success and vanish on failure.

    Raises:
        FileError: the place cannot be written, or is a file.
    """
    target = Path(folder)
    writable(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise FileError(f"cannot write in {target.parent}: {error.strerror}") from error
    try:
        aside.chmod(0o755)
        yield aside
        try:
            _swap(aside, target)
        except OSError as error:
            raise FileError(f"cannot write in {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def writable(folder: str | Path) -> None:
    """Refuse a place that no folder can be written to, before the work that would be lost there.

    Raises:
        FileError: it is a file, or lies in one, or must not be written to.
    """
    target = Path(folder)
    try:
        nearest = next(place for place in (target, *target.absolute().parents) if place.exists())
        inside = nearest.is_dir()
    except OSError as error:
        raise FileError(f"cannot write in {target}: {error.strerror}") from error
    if not inside:
        raise FileError(f"{nearest} is a file: name a folder to write into")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise FileError(f"cannot write in {nearest}: you have no right to")


def _swap(aside: Path, target: Path) -> None:
    """Move each file of `aside` into place; files of the same name are replaced, others in the target stay."""
    if not target.exists():
        os.rename(aside, target)
        return
    for item in sorted(aside.iterdir()):
        goal = target / item.name
        if goal.is_dir() and not goal.is_symlink():
            shutil.rmtree(goal)
        os.replace(item, goal)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0
