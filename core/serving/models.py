"""Which model answers for each task, and how another takes its place while requests come. It knows no HTTP.

A new checkpoint is loaded and answers the task's sample aside; only then it takes over, between two requests. One that
is broken is refused, the model that answers stays, and both the log and `told` say why.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, final

from ..errors import ColonnadeError, InputError, UnknownName
from ..pipeline import Pipeline
from ..result import Result
from ..vertical import find
from .metrics import Metrics

_LOG = logging.getLogger(__name__)
_SETTLED = 2.0  # seconds without a change after which a folder is taken to be whole


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a pipeline comes from: `load` reads it, `settle` gives it the settings it is served with.

    `folder` is what to watch for a new checkpoint; None for what ships, which changes with the program alone.
    """

    load: Callable[[], Pipeline]
    folder: Path | None = None
    settle: Callable[[Pipeline], Pipeline] = lambda pipeline: pipeline


def origins_of(
    words: Iterable[str], *, checkpoint: Path | None, settle: Callable[[Pipeline], Pipeline]
) -> dict[str, Origin]:
    """Origins by task, for words like `finance/fraud` (with `checkpoint`, or what ships) and `finance/fraud=my_model`.

    Raises:
        UnknownName: no such task.
        InputError: one task is named twice, or one checkpoint is given for several.
    """
    found: dict[str, Origin] = {}
    for word in words:
        name, _, own = word.partition("=")
        if name in found:
            raise InputError(f"{name} is named twice: one model answers for each task")
        folder = Path(own) if own else checkpoint
        found[name] = Origin(
            load=partial(find(name).pipeline().from_pretrained, folder), folder=folder, settle=settle
        )  # fmt: skip
    if checkpoint is not None and len(found) > 1:
        raise InputError("--checkpoint is the model of one task: name others as TASK=FOLDER")
    return found


@dataclass(kw_only=True)
class _Kept:
    pipeline: Pipeline
    origin: Origin
    since: float
    sample: Mapping[str, Any] | None = None  # the answer to the task's sample
    refused: str | None = None
    seen: tuple[Any, ...] = field(default=())
    changed: float | None = None


@final
class Models:
    """The pipelines of a server by task."""

    def __init__(
        self,
        served: Iterable[Pipeline | Origin],
        *,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kept: dict[str, _Kept] = {}
        self._metrics, self._clock = metrics, clock
        for each in served:
            origin = each if isinstance(each, Origin) else Origin(load=partial(_self, each))
            seen = marks(origin.folder)
            pipeline = origin.settle(origin.load())
            self._kept[pipeline.task.name] = _Kept(pipeline=pipeline, origin=origin, since=time.time(), seen=seen)
            self._say(pipeline.task.name)

    def __contains__(self, task: str) -> bool:
        return task in self._kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __getitem__(self, task: str) -> Pipeline:
        """The pipeline that answers now.

        Raises:
            UnknownName: no such task is served here.
        """
        if task not in self._kept:
            raise UnknownName("task", task, self._kept)
        return self._kept[task].pipeline

    @property
    def pipelines(self) -> list[Pipeline]:
        return [each.pipeline for each in self._kept.values()]

    @property
    def samples(self) -> dict[str, Mapping[str, Any]]:
        """The answers to the samples, of the tasks that have one and were tried."""
        return {name: each.sample for name, each in self._kept.items() if each.sample is not None}

    def told(self) -> dict[str, Any]:
        """What answers, since when, and what was refused."""
        return {
            name: {**each.pipeline.model, "since": round(each.since, 3), "refused": each.refused}
            for name, each in self._kept.items()
        }

    def warm(self, task: str) -> None:
        """Answer the sample once, so that the first request does not pay for what is made on first use.

        Raises:
            Exception: whatever the pipeline fails with.
        """
        self._kept[task].sample = tried(self._kept[task].pipeline)

    def reloadable(self) -> list[str]:
        """The tasks whose checkpoint can be read again."""
        return [name for name, each in self._kept.items() if each.origin.folder is not None]

    def changed(self) -> list[str]:
        """The tasks whose folder holds something else than it did, and has been left alone for a while since."""
        found = []
        for name, each in self._kept.items():
            now = marks(each.origin.folder)
            if now != each.seen:
                each.seen, each.changed = now, self._clock()
            elif each.changed is not None and self._clock() - each.changed >= _SETTLED:
                each.changed = None
                found.append(name)
        return found

    def fresh(self, task: str) -> tuple[Pipeline, Mapping[str, Any] | None]:
        """The checkpoint as it lies there now, loaded and tried on the sample; its answer to it.

        Raises:
            ColonnadeError: it cannot be loaded, or fails on the sample. What answered goes on answering.
        """
        kept = self._kept[task]
        if kept.origin.folder is None:
            raise InputError(f"{task} was not given as a checkpoint that can be read again")
        kept.seen, kept.changed = marks(kept.origin.folder), None
        try:
            pipeline = kept.origin.load()
            return pipeline, tried(pipeline)
        except Exception as error:
            raise self._refused(task, error) from error

    def take_over(self, task: str, pipeline: Pipeline, sample: Mapping[str, Any] | None) -> None:
        """From now on this one answers. Call it while nothing is computed.

        Raises:
            ColonnadeError: it cannot be given the settings. What answered goes on answering.
        """
        kept = self._kept[task]
        try:
            settled = kept.origin.settle(pipeline)
        except Exception as error:
            raise self._refused(task, error) from error
        self._kept[task] = _Kept(
            pipeline=settled, origin=kept.origin, since=time.time(), sample=sample, seen=kept.seen, changed=kept.changed
        )
        self._metrics.reloaded(task, "took over")
        self._say(task)

    def _refused(self, task: str, error: Exception) -> ColonnadeError:
        kept = self._kept[task]
        known = isinstance(error, ColonnadeError)
        why = str(error) if known else f"it fails on the sample ({type(error).__name__}: {error})"
        kept.refused = f"the checkpoint in {kept.origin.folder} was refused: {why}"
        self._metrics.reloaded(task, "refused")
        _LOG.error("%s: %s; the model from before goes on answering", task, kept.refused)
        return InputError(f"{kept.refused}; the model from before goes on answering")

    def _say(self, task: str) -> None:
        model = self._kept[task].pipeline.model
        self._metrics.model(task, str(model.get("name", "")), str(model.get("sha256", "")))


def tried(pipeline: Pipeline) -> Mapping[str, Any] | None:
    """The answer to the task's sample; None where there is none, where the model was not made for such input, or where
    what is answered is remembered."""
    if pipeline.task.sample is None or pipeline.remembers:
        return None
    try:
        result: Result = pipeline.predict(**pipeline.task.sample())
    except InputError:
        return None
    return result.to_dict()


def _self(pipeline: Pipeline) -> Pipeline:
    return pipeline


def marks(folder: Path | None) -> tuple[Any, ...]:
    """What tells one state of a folder from another without reading its files."""
    if folder is None:
        return ()
    found = []
    try:
        for path in sorted(folder.iterdir()):
            state = path.stat()
            found.append((path.name, state.st_size, state.st_mtime_ns, state.st_ino))
    except OSError:
        return (*found, "cannot be read")
    return tuple(found)
