"""The verbs, written once: predict, fit, evaluate, explain, export, save. (`serve` is in core/serving.)

A vertical's pipeline supplies the steps that only it can know; everything a user may get wrong on the way in, and all
that must be the same for every task on the way out (names, subsets, digests, versions, whole folders), is here.
"""

from __future__ import annotations

import dataclasses
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from . import checkpoint as checkpoints
from . import digest
from .checkpoint import Checkpoint
from .errors import CheckpointError, FileError, FormatError, InputError, UnknownName
from .result import Evaluation, Explanation, Exported, Fitted, Report, Result, Source, writable
from .version import __version__
from .vertical import Modality, Task

if TYPE_CHECKING:
    from .data.quality import Quality, Rows
    from .export.program import Program
    from .governance import Governance

METHODS = ("full", "lora", "progressive", "probe")


@dataclass(frozen=True, kw_only=True, slots=True)
class FitOptions:
    """How to fit: which weights move, from which seed, and for how long (None: the recipe's own).

    `rate`, `batch`, `warmup` (updates), `patience`, `precision` and `recompute` hold for every network that the task
    trains; `search` tries so many settings of the first three. `test` and `keep` are labelled data to measure before
    and after (`keep`: what must not be forgotten), `replay` old data to learn from beside the new; `log` is a folder
    for training curves.
    """

    method: str = "full"
    seed: int = 0
    recipe: str | None = None
    epochs: int | None = None
    rate: float | None = None
    batch: int | None = None
    warmup: int | None = None
    patience: int | None = None
    precision: str | None = None
    recompute: bool = False
    search: int = 0
    test: Path | None = None
    replay: Path | None = None
    keep: Path | None = None
    quality: bool = True
    log: Path | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UnknownName("method", self.method, METHODS)
        if self.epochs is not None and self.epochs < 1:
            raise InputError(f"epochs must be at least 1, got {self.epochs}")
        if self.search < 0:
            raise InputError(f"a search makes a number of trials, got {self.search}")
        for name in ("test", "replay", "keep"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, existing(getattr(self, name), name))
        _refuse_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a vertical answers for one record; the base turns it into a Result."""

    answer: Any
    status: str = "ok"
    warnings: tuple[str, ...] = ()
    report: Report | None = None
    gates: Mapping[str, float] = field(default_factory=dict)
    basis: Any = None  # what it was made from, for a page that draws it


@dataclass(frozen=True, kw_only=True)
class Documents:
    """The files written, and why others were not."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...] = ()


class Pipeline(ABC):
    """One task, ready to use. `record` below is a mapping from modality name to what `read` made of it."""

    task: ClassVar[Task]
    weights: ClassVar[Path | None] = None  # the checkpoint that ships
    explains: ClassVar[str] = "score"  # what `measure` returns, in words
    model: Mapping[str, Any] = {}  # name and digest of the weights in use
    remembers: bool = False  # whether a record that was answered changes later answers: no sample may be tried on it
    folder: Path | None = None  # where they were read from

    # ---- what a vertical supplies -------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        """The pipeline that `to_checkpoint` described."""

    @abstractmethod
    def to_checkpoint(self) -> Checkpoint:
        """Everything the pipeline is made of, apart from code."""

    @abstractmethod
    def read(self, modality: str, value: Any) -> Any:
        """One modality at the border: a path, a string or a noun becomes a checked noun of the field."""

    @abstractmethod
    def answer(self, record: Mapping[str, Any]) -> Answered:
        """The answer for one record."""

    @abstractmethod
    def measure(self, record: Mapping[str, Any]) -> float:
        """The one number that `explain` attributes, for a record or any part of it (even an empty one)."""

    @abstractmethod
    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        """Metrics with intervals, baselines and subsets on labelled data."""

    @abstractmethod
    def fit_on(self, data: Path, options: FitOptions) -> Self:
        """A new pipeline fitted to labelled data; `self` is where adaptation starts from."""

    @abstractmethod
    def program(self) -> Program:
        """The part of the pipeline that other engines can run, with inputs that prove parity."""

    def rows_in(self, data: Path) -> Rows:
        """Labelled data as rows of numbers, for the look at their quality; by default from `labelled_in`."""
        from .data.descriptors import rows_of

        return rows_of(self.labelled_in(data))

    def labelled_in(self, data: Path) -> Iterable[tuple[str, Mapping[str, Any], str, str]]:
        """The records of labelled data: an id, nouns by modality, the label in words ("": none), the group.

        Raises:
            InputError: the task does not say.
        """
        raise InputError(f"{self.task.name} does not say how its labelled data look record by record")

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """More for `explain`, inside the modalities (attributions, maps); nothing by default."""
        return {}

    def measuring(self, record: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], float]:
        """`measure` for parts of this record; where the number depends on the whole record's answer, fix it here."""
        return self.measure

    def govern_on(self, data: Path | None, *, groups: tuple[str, ...], seed: int) -> Governance:
        """The evidence for a model-risk reviewer, on labelled data or on what ships; for tasks that are `governed`.

        Raises:
            InputError: the task has none.
        """
        from .vertical import governed

        raise InputError(f"{governed(self.task).name} is said to have a governance report and has none")

    @classmethod
    def start(cls, checkpoint: str | Path | None, *, seed: int) -> Self:
        """Where fitting starts from: the checkpoint, or the weights that ship."""
        return cls.from_pretrained(checkpoint)

    # ---- the verbs ----------------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, checkpoint: str | Path | None = None) -> Self:
        """The weights that ship with the package, or those of a checkpoint folder.

        Raises:
            CheckpointError: the folder is missing, of another task, newer, truncated, or holds a pickle.
        """
        folder = checkpoint if checkpoint is not None else cls.weights
        if folder is None:
            raise CheckpointError(f"{cls.task.name} ships no weights: fit it first, then name the checkpoint")
        loaded = checkpoints.load(folder, cls.task.name)
        try:
            pipeline = cls.from_checkpoint(loaded)
        except (LookupError, TypeError, RuntimeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{folder} does not fit this version of {cls.task.name}: {error}") from error
        pipeline.folder = Path(folder)
        pipeline.model = {"name": Path(folder).name, "sha256": loaded.digest, "seed": loaded.card.get("seed")}
        return pipeline

    def save(self, folder: str | Path) -> Path:
        """Write the checkpoint, whole or not at all."""
        return self.to_checkpoint().save(folder)

    def predict(self, **given: Any) -> Result:
        """The answer for one record: modalities by name, as paths, strings or nouns; None is not given.

        Raises:
            InputError: an unknown name, a subset below the minimum, or an input that cannot be read.
        """
        started = time.perf_counter()
        record, sources = self._record(given)
        answered = self.answer(record)
        return Result(
            task=self.task.name,
            version=__version__,
            model=self.model,
            inputs=sources,
            status=answered.status,
            answer=answered.answer,
            warnings=answered.warnings,
            report=answered.report,
            gates=answered.gates,
            basis=answered.basis,
            seconds=round(time.perf_counter() - started, 3),
        )

    def evaluate(self, data: str | Path, *, layout: str | None = None, seed: int = 0) -> Evaluation:
        """How good it is on labelled data, beside the baselines, for every subset of modalities."""
        started = time.perf_counter()
        _refuse_seed(seed)
        result = self.evaluate_on(existing(data, "data"), layout=layout, seed=seed)
        return dataclasses.replace(result, seconds=round(time.perf_counter() - started, 3))

    def setting(self, name: str, value: str) -> Self:
        """The same weights with one of the task's own settings, its value in words as a command line gives it.

        Raises:
            InputError: the task has no such setting, or the setting no such value.
        """
        raise InputError(f"{self.task.name} has no settings, so {name}={value} cannot be set")

    def documents(self, result: Result, given: Mapping[str, Any], folder: str | Path) -> Documents:
        """Write an answer as the documents that other systems of its field read; `given` is what `predict` was given.

        Raises:
            InputError: the task has no documents beside its report, or these inputs allow none.
        """
        raise InputError(f"{self.task.name} has no documents beside its report")

    def log(self, result: Result, path: str | Path) -> str:
        """Append a line about an answer to a log whose lines are chained by their digests, and return the digest.

        Raises:
            FileError: the log cannot be written, or its last line does not hold.
        """
        from .audit import AuditLog, facts_of

        return AuditLog(Path(path)).append("predict", facts_of(result))

    def explain(self, **given: Any) -> Explanation:
        """What each modality contributed to this answer: exact Shapley values over the subsets present."""
        from .trust.attribution import shapley

        started = time.perf_counter()
        record, _ = self._record(given)
        measure = self.measuring(record)
        shares, base = shapley(tuple(record), lambda names: measure({name: record[name] for name in names}))
        return Explanation(
            task=self.task.name,
            explains=self.explains,
            value=base + sum(shares.values()),
            base=base,
            modalities=shares,
            parts=self.parts(record),
            seconds=round(time.perf_counter() - started, 3),
        )

    def governance(
        self,
        data: str | Path | None = None,
        *,
        out: str | Path | None = None,
        groups: tuple[str, ...] = (),
        seed: int = 0,
    ) -> Governance:
        """What a model-risk reviewer asks for, run on these data (or, without, on what the task brings for it).

        `groups` are columns of the data by which errors are compared. With `out`, the page and its JSON are written
        there, whole or not at all.

        Raises:
            InputError: the task has no such report (the sentence names those that have), or the data cannot be read.
        """
        started = time.perf_counter()
        _refuse_seed(seed)
        if out is not None:
            writable(out)
        found = self.govern_on(None if data is None else existing(data, "data"), groups=groups, seed=seed)
        found = dataclasses.replace(found, seconds=round(time.perf_counter() - started, 3))
        if out is not None:
            found.save(out)
        return found

    def fit(self, data: str | Path, *, out: str | Path, options: FitOptions | None = None) -> Fitted:
        """Fit to labelled data and write a checkpoint that `from_pretrained` reads (fitting.py says in which steps)."""
        from .fitting import fit

        started = time.perf_counter()
        writable(out)
        fitted = fit(self, existing(data, "data"), out=Path(out), options=options or FitOptions())
        return dataclasses.replace(fitted, seconds=round(time.perf_counter() - started, 3))

    def quality(self, data: str | Path, *, against: Mapping[str, str | Path] | None = None, seed: int = 0) -> Quality:
        """Whether data are fit to learn from: rules, outliers, and what tells them from other data by name.

        Raises:
            InputError: the data cannot be read, or the task does not say how.
        """
        from .fitting import look

        others = {name: existing(place, name) for name, place in (against or {}).items()}
        return look(self, existing(data, "data"), others=others, seed=seed)[0]

    def export(self, *, out: str | Path, format: str = "onnx", int8: bool = False) -> Exported:
        """Write a program for another engine, proven equal to this one for every subset of modalities."""
        from .export import write

        writable(out)
        return write(self.program(), task=self.task.name, out=Path(out), format=format, int8=int8)

    # ---- the border ---------------------------------------------------------------------------------------------

    def _record(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Source, ...]]:
        present = {name: value for name, value in given.items() if value is not None}
        self.task.check(present)
        record, sources = {}, []
        for modality in self.task.modalities:
            if modality.name in present:
                value, source = _arrived(modality, present[modality.name])
                record[modality.name] = self.read(modality.name, value)
                sources.append(source)
        return record, tuple(sources)


def existing(path: str | Path, what: str) -> Path:
    """The path, if something that is not empty lies there.

    Raises:
        FileError: nothing is there, or it is empty.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise FileError(f"{what}: there is no file or folder at {path}")
        if path.is_file() and path.stat().st_size == 0:
            raise FileError(f"{what}: {path} is empty")
        if path.is_dir() and not any(path.iterdir()):
            raise FileError(f"{what}: the folder {path} is empty")
    except OSError as error:
        raise FileError(f"{what}: cannot read {path}: {error.strerror}") from error
    if not (path.is_file() or path.is_dir()):
        raise FileError(f"{what}: {path} is a pipe or a device, which can be read once at most: write it to a file")
    return path


def _refuse_seed(seed: int) -> None:
    if not 0 <= seed < 2**32:  # what every library that draws can take
        raise InputError(f"a seed lies from 0 to {2**32 - 1}, got {seed}")


def _arrived(modality: Modality, value: Any) -> tuple[Any, Source]:
    """A value as it came in, checked to be there, with its digest."""
    if isinstance(value, str) and modality.inline:
        if not value.strip():
            raise FormatError(f"{modality.name} is empty: leave it out where there is none")
        if any("\ud800" <= character <= "\udfff" for character in value):  # how a shell hands over other bytes
            raise FormatError(f"{modality.name} is not UTF-8 text")
        return value, Source(modality=modality.name, path=None, sha256=digest.of_value(value))
    if isinstance(value, (str, Path)):
        path = existing(value, modality.name)
        arrived = _text_of(path) if modality.inline else path
        return arrived, Source(modality=modality.name, path=str(path), sha256=digest.of_file(path))
    return value, Source(modality=modality.name, path=None, sha256=digest.of_value(value))


def _text_of(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise FormatError(f"{path} is not UTF-8 text: {error}") from error
    if not text.strip():
        raise FileError(f"{path} holds no text")
    return text
