"""`colonnade line industrial/inspection`: from words to a running line; what can be wrong is said before it runs.

It knows nothing of the command line itself: words come by name.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from ....core import digest
from ....core.errors import ColonnadeError, InputError
from ....core.progress import say
from ....core.result import writable
from ..causes.graph import joined
from ..causes.read import read_origins
from ..records import SENSES
from .journal import Journal
from .judging import Part
from .keeping import Keeping
from .running import Line, Listener, acknowledge
from .settings import LineSettings, read_settings
from .sources import Replayed, Source, Watched
from .watching import Watching

if TYPE_CHECKING:
    from ..inspection.pipeline import InspectionPipeline

NOMINALS = ("nominal.stl", "nominal.obj", "nominal.ply")


def run(checkpoint: Path | None, out: Path, words: Mapping[str, Any]) -> dict[str, Any]:
    """Run until stopped, and answer what was done.

    Raises:
        ColonnadeError: the words, the checkpoint, a folder or an address cannot be used.
    """
    if words.get("acknowledge"):
        return _acknowledge(out, str(words["acknowledge"]))
    settings = read_settings(words, out, SENSES)
    for folder in (settings.watch, settings.replay):
        if folder is not None and not folder.is_dir():
            raise InputError(f"there is no folder at {folder}: make it, or name another")
    writable(out)
    nominal = _nominal(settings)
    if "scan" in (settings.senses or ()) and nominal is None:
        raise InputError("a scan is held against the nominal part: give the line one with --nominal, or leave scan out "
                         "of --senses")  # fmt: skip
    graph = None if settings.fmea is None else joined(read_origins(settings.fmea))
    listeners = _listeners(settings)
    pipeline = _pipeline(checkpoint, settings)
    part = None if nominal is None else _part(nominal, pipeline)
    senses = settings.senses or _senses(pipeline, part)
    journal = Journal(out)
    try:
        watching = Watching(senses, rule=settings.alarm, lost_after=settings.lost_after, graph=graph)
        keeping = Keeping(out, keep=settings.keep, move=settings.move)
        line = Line(
            pipeline, settings, journal=journal, watching=watching, keeping=keeping, part=part, listeners=listeners
        )
        source = _source(settings, line)
        _warm(pipeline, senses)
        say(f"the line waits for {', '.join(senses)} of each unit; {journal.number} results so far; SIGTERM stops it")
        with _Signals(line):
            return line.run(source)
    finally:
        journal.close()


def _pipeline(checkpoint: Path | None, settings: LineSettings) -> InspectionPipeline:
    from ..inspection.pipeline import InspectionPipeline

    pipeline = InspectionPipeline.from_pretrained(checkpoint)
    if settings.false_rejects is not None:
        return pipeline.setting("false_rejects", settings.false_rejects)
    return pipeline


def _nominal(settings: LineSettings) -> Path | None:
    """The nominal part: the one that is named, or the one that lies in the folder."""
    folder = settings.watch or settings.replay
    if settings.nominal is not None or folder is None:
        return settings.nominal
    return next((folder / name for name in NOMINALS if (folder / name).is_file()), None)


def _part(path: Path, pipeline: InspectionPipeline) -> Part:
    return Part(path=path, sha256=digest.of_file(path), noun=pipeline.read("nominal", path))


def _senses(pipeline: InspectionPipeline, part: Part | None) -> tuple[str, ...]:
    """What a unit is expected to have: all that the checkpoint judges, scans only with a nominal part.

    Raises:
        InputError: nothing is left.
    """
    judged = tuple(getattr(pipeline, "senses", SENSES))
    found = tuple(each for each in judged if each != "scan" or part is not None)
    if not found:
        raise InputError("this checkpoint judges scans alone, and a scan is held against the nominal part: give the "
                         "line one with --nominal")  # fmt: skip
    return found


def _warm(pipeline: InspectionPipeline, senses: tuple[str, ...]) -> None:
    """Judge the sample once, so that the first unit does not wait for libraries to load."""
    sample = {} if pipeline.task.sample is None else pipeline.task.sample()
    with contextlib.suppress(ColonnadeError):
        record = {name: pipeline.read(name, sample[name]) for name in senses if name in sample}
        if "scan" in record:
            record["nominal"] = pipeline.read("nominal", sample["nominal"])
        pipeline.answer(record)


def _source(settings: LineSettings, line: Line) -> Source:
    if settings.watch is not None:
        return Watched(
            settings.watch, wait=settings.wait, journal=line.journal, senses=line.watching.senses, keeping=line.keeping
        )
    if settings.replay is not None:
        return Replayed(settings.replay, journal=line.journal)
    from .streams import Socket, Standard, Web

    assert settings.stream is not None
    if settings.stream.scheme == "tcp":
        return Socket(line.journal, settings.stream)
    if settings.stream.scheme == "http":
        return Web(line.journal, settings.stream, line.state)
    return Standard(line.journal)


def _listeners(settings: LineSettings) -> list[Listener]:
    """Those who are told, their libraries looked for before anything runs."""
    found: list[Listener] = []
    if settings.mqtt is not None:
        from .mqtt import Mqtt

        found.append(Mqtt(settings.mqtt, settings.out))
    if settings.opcua is not None:
        from .opcua import OpcUa

        found.append(OpcUa(settings.opcua))
    return found


def _acknowledge(out: Path, by: str) -> dict[str, Any]:
    if not (out / "results.jsonl").exists():
        raise InputError(f"there is no line in {out}: name the folder that it writes with --out")
    acknowledge(out, by)
    return {"line": str(out), "acknowledged_by": by}


@final
class _Signals:
    """SIGTERM and SIGINT stop the line after the unit in hand; without a main thread to take them, nothing changes."""

    def __init__(self, line: Line) -> None:
        self.line, self.before = line, {}  # type: ignore[var-annotated]

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for each in (signal.SIGTERM, signal.SIGINT):
                self.before[each] = signal.signal(each, self._stop)

    def __exit__(self, *error: object) -> None:
        for each, handler in self.before.items():
            signal.signal(each, handler)

    def _stop(self, number: int, frame: Any) -> None:
        self.line.stop(signal.Signals(number).name)
