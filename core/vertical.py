"""What a vertical declares: its tasks, their modalities, and where the pipeline is. Light: reading it imports no model.

A vertical is one object, found through the entry point group `colonnade.verticals`; nothing else registers anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import ConfigError, InputError, MissingModality, UnknownName

if TYPE_CHECKING:
    from .pipeline import Pipeline

GROUP = "colonnade.verticals"


@dataclass(frozen=True, kw_only=True, slots=True)
class Modality:
    """One input of a task: its keyword in `predict`, its noun, and what a user may hand in."""

    name: str
    noun: str  # image, volume, waveform, text, table, series, events, points, graph
    takes: str  # the formats, as the help text says them: "DICOM folder, NIfTI, NRRD"
    inline: bool = False  # a string is the value itself (text), not a path


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A word that a command of a task takes, beside what every task takes; a `flag` has no value."""

    name: str
    takes: str
    flag: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """How a task runs on and on: the words it takes, and a function that imports what runs it.

    What that returns is called with the pipeline's checkpoint (None: the one that ships), the folder for results and
    the words by name, and answers when it is stopped.
    """

    options: tuple[Option, ...]
    start: Callable[[], Callable[[Path | None, Path, Mapping[str, Any]], dict[str, Any]]]


Shrinking: TypeAlias = Callable[[], Callable[[Path | None, Path, Path, Mapping[str, Any]], dict[str, Any]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One question a vertical answers.

    `minimum` lists the smallest subsets that can be answered: any superset of one of them is enough.
    `pipeline` imports and returns the pipeline's class; `sample` gives the arguments of a small real `predict`.
    `governed` tasks have a governance report; `line` says how a task runs on units as they arrive, where it can;
    `shrinking` imports how its own smaller network is made, where it has one, given the checkpoint (None: what ships),
    the data, the folder to write and words by name (recipe, seed).
    """

    name: str
    summary: str
    answer: str
    modalities: tuple[Modality, ...]
    minimum: tuple[tuple[str, ...], ...]
    pipeline: Callable[[], type[Pipeline]]
    sample: Callable[[], Mapping[str, str | Path]] | None = None
    governed: bool = False
    line: Running | None = None
    shrinking: Shrinking | None = None

    def __post_init__(self) -> None:
        unknown = {name for subset in self.minimum for name in subset} - set(self.modality_names)
        if unknown or not self.minimum:
            raise ConfigError(f"{self.name}: the minimum names {sorted(unknown) or 'nothing'}, not its modalities")

    @property
    def modality_names(self) -> tuple[str, ...]:
        return tuple(modality.name for modality in self.modalities)

    def modality(self, name: str) -> Modality:
        for modality in self.modalities:
            if modality.name == name:
                return modality
        raise UnknownName(f"modality of {self.name}", name, self.modality_names)

    def answers(self, present: Iterable[str]) -> bool:
        """Whether this subset of modalities is enough."""
        present = set(present)
        return any(set(subset) <= present for subset in self.minimum)

    def check(self, present: Iterable[str]) -> None:
        """Raise unless every name is known and the subset is enough."""
        present = tuple(present)
        for name in present:
            self.modality(name)
        if not self.answers(present):
            needed = " or ".join(" with ".join(subset) for subset in self.minimum)
            given = ", ".join(present) or "nothing"
            raise MissingModality(f"{self.name} needs at least {needed}, and was given {given}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Vertical:
    """A field of use: a name and its tasks.

    `app` makes the web application of `colonnade app` from the pipelines of all tasks (an ASGI application); without
    one, every task gets a form.
    """

    name: str
    summary: str
    tasks: tuple[Task, ...]
    app: Callable[[Sequence[Pipeline]], Any] | None = None

    def __post_init__(self) -> None:
        for task in self.tasks:
            if not task.name.startswith(f"{self.name}/"):
                raise ConfigError(f"task {task.name!r} of vertical {self.name!r} must be named '{self.name}/...'")


def installed() -> tuple[Vertical, ...]:
    """Every vertical that an installed package offers, by name."""
    found = {}
    for point in entry_points(group=GROUP):
        vertical = point.load()
        if not isinstance(vertical, Vertical):
            raise ConfigError(
                f"entry point {point.name!r} ({point.value}) is not a Vertical but {type(vertical).__name__}"
            )
        found[vertical.name] = vertical
    return tuple(found[name] for name in sorted(found))


def tasks() -> dict[str, Task]:
    """Every task of every installed vertical, by name."""
    return {task.name: task for vertical in installed() for task in vertical.tasks}


def find(name: str) -> Task:
    """The task of that name.

    Raises:
        UnknownName: no installed vertical has it.
    """
    known = tasks()
    if name not in known:
        raise UnknownName("task", name, known)
    return known[name]


def governed(task: Task) -> Task:
    """The task, if it has a governance report.

    Raises:
        InputError: it has none; the sentence names those that have.
    """
    if not task.governed:
        known = ", ".join(each.name for each in tasks().values() if each.governed)
        raise InputError(f"{task.name} has no governance report: tasks with one are {known or 'none'}")
    return task


def running(task: Task) -> Running:
    """How the task runs as a line.

    Raises:
        InputError: it does not; the sentence names those that do.
    """
    if task.line is None:
        known = ", ".join(each.name for each in tasks().values() if each.line is not None)
        raise InputError(f"{task.name} does not run as a line: tasks that do are {known or 'none'}")
    return task.line
