"""The line itself: takes units from a source, judges one after another, commits each result, and tells whoever listens.

One thread looks for units, the main thread judges and writes, one beats the heart. It knows nothing of protocols.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, final

from ....core.errors import FileError
from ....core.progress import say
from ....core.result import plain
from ....core.version import __version__
from .arrivals import Gathered
from .journal import Journal
from .judging import Opinion, Part, judge, unjudged
from .keeping import Keeping
from .latency import Latency
from .settings import LineSettings
from .sources import Source
from .waiting import Waiting
from .watching import Watching

if TYPE_CHECKING:
    from ..inspection.pipeline import InspectionPipeline

SCHEMA_VERSION = "1.0"
BEAT = 1.0  # seconds


class Listener(Protocol):
    """Somebody who is told: a broker, a server. Nothing that it does may stop the line."""

    def start(self, line: Line) -> None: ...

    def told(self, result: dict[str, Any]) -> None: ...

    def beat(self, state: dict[str, Any]) -> None: ...

    def stop(self) -> None: ...


@final
class Line:
    """One line, from `start` to `stop`."""

    def __init__(
        self, pipeline: InspectionPipeline, settings: LineSettings, *, journal: Journal, watching: Watching,
        keeping: Keeping, part: Part | None = None, listeners: Sequence[Listener] = (),
    ) -> None:  # fmt: skip
        self.pipeline, self.settings, self.part, self.listeners = pipeline, settings, part, listeners
        self.journal, self.watching, self.keeping = journal, watching, keeping
        self.waiting: Waiting[Gathered] = Waiting(settings.queue, settings.when_full)
        self.stopping, self.why = threading.Event(), ""
        self.source: Source | None = None
        self.latency, self.lock = Latency(), threading.Lock()
        self.written_in: float | None = None
        self.units = 0
        self.rate: float | None = None
        self.since = time.time()
        self.failed: BaseException | None = None
        self.busy: str | None = None
        self.busy_since = 0.0
        self._recall()

    # ---- running ------------------------------------------------------------------------------------------------

    def run(self, source: Source) -> dict[str, Any]:
        """Until the source has no more, the limit is reached, or somebody calls `stop`; what was done."""
        self.source = source
        for unit in self.journal.waiting():  # promised before the process was killed
            unit.first = unit.last = time.monotonic()
            self.waiting.bound = max(self.waiting.bound, len(self.waiting) + 1)
            self.waiting.put(unit)
        self.waiting.bound = max(self.settings.queue, len(self.waiting))
        self.journal.note("started", {"number": self.journal.number, "time": _now()})
        for each in self.listeners:
            each.start(self)
        threads = [threading.Thread(target=each, daemon=True) for each in (self._look, self._beats)]
        for thread in threads:
            thread.start()
        try:
            self._judge_all(threads[0])
        finally:
            self.stop(self.why or "the end of its source")
            for each in self.listeners:
                each.stop()
            with contextlib.suppress(FileError):  # where the disk is full, the first complaint says so
                self.journal.note("stopped", {"number": self.journal.number, "time": _now(), "why": self.why})
            self._beat()
        if self.failed is not None:
            raise self.failed
        return self.summary()

    def stop(self, why: str) -> None:
        """Finish the unit in hand and no other; what waits is found again by the next start."""
        self.why = self.why or why
        self.stopping.set()
        self.waiting.close()

    def acknowledge(self, by: str, alarm: str | None = None) -> list[str]:
        """A person has seen the alarms; which there were."""
        with self.lock:
            seen = self.watching.acknowledge(by, alarm)
            for name in seen:
                self.journal.acknowledge(name, by)
        return seen

    # ---- what it tells ------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """The heartbeat: small, plain, now."""
        with self.lock:
            alarm, counts = self.watching.state(), dict(self.watching.counts)
            senses = self.watching.senses.to_dict()
        return {
            "schema_version": SCHEMA_VERSION, "time": _now(), "pid": os.getpid(),
            "state": "stopped" if self.stopping.is_set() else "running", "why": self.why or None,
            "task": self.pipeline.task.name, "model": dict(self.pipeline.model), "number": self.journal.number,
            "units": self.units, "busy_with": self.busy,
            "busy_seconds": None if self.busy is None else round(time.monotonic() - self.busy_since, 1),
            "counts": counts, "alarm": alarm, "senses": senses,
            "queue": self.waiting.to_dict(), "latency_ms": self.latency.to_dict(),
            "source": self.source.to_dict() if self.source is not None else {},
            "seconds": round(time.time() - self.since, 1),
        }  # fmt: skip

    def causes(self) -> list[dict[str, Any]]:
        """What may lie behind the alarms that are active or latched; nothing where none is."""
        with self.lock:
            return list(self.watching.causes) if self.watching.state()["level"] != "normal" else []

    def summary(self) -> dict[str, Any]:
        """What the command answers."""
        with self.lock:
            promises = self.watching.promise(self.rate)
            causes = self.watching.causes
        told = self.state()
        kept = ("task", "model", "units", "counts", "alarm", "senses", "queue", "latency_ms", "source", "seconds")
        return {"line": str(self.settings.out), "stopped": self.why, **{name: told[name] for name in kept},
                "promises": promises, "causes": causes, "results": str(self.journal.results)}  # fmt: skip

    # ---- inside -------------------------------------------------------------------------------------------------

    def _recall(self) -> None:
        """Alarms, charts and senses as they were: the same lines give the same state."""
        seen = list(self.journal.acknowledged)
        for line in self.journal.lines():
            while seen and seen[0][0] < line["number"]:
                _, alarm, by = seen.pop(0)
                self.watching.acknowledge(by, alarm)
            self.watching.update(line)
            self.rate = line["promised_false_rejects"] or self.rate
        for _, alarm, by in seen:
            self.watching.acknowledge(by, alarm)

    def _judge_all(self, looking: threading.Thread) -> None:
        while not self.stopping.is_set():
            self._read_acknowledgments()
            found = self.waiting.get(0.1)
            if found is not None:
                self._judge(*found)
                if self.settings.limit is not None and self.units >= self.settings.limit:
                    self.stop(f"the limit of {self.settings.limit} units")
            elif not looking.is_alive() and not len(self.waiting):
                return

    def _judge(self, unit: Gathered, queued: float) -> None:
        ready = time.monotonic() - queued
        self.busy_since, self.busy = time.monotonic(), unit.unit
        opinion = self._opinion(unit)
        waited = {"wait": ready - unit.first, "queue": queued, **opinion.seconds}
        line = self._line(unit, opinion, {stage: 1e3 * each for stage, each in waited.items()})
        began = time.perf_counter()
        self.journal.commit(line)
        self.written_in = 1e3 * (time.perf_counter() - began)
        self.latency.add(line["latency_ms"] | {"write": self.written_in})
        self.units += 1
        self.rate = line["promised_false_rejects"] or self.rate
        for each in self.listeners:
            each.told(line)
        say(_sentence(line))
        self.keeping.after(unit, opinion, line, self.pipeline)
        self.busy = None
        if self.source is not None:
            self.source.judged(unit.unit)

    def _opinion(self, unit: Gathered) -> Opinion:
        late = time.monotonic() - unit.first
        deadline = self.settings.deadline
        if self.journal.poisoned(unit.unit):
            return unjudged(unit, "the process ended again and again while it was judged: look at its files by hand")
        if deadline is not None and late > deadline:
            return unjudged(unit, f"its deadline of {deadline:g} s passed before it could be judged ({late:.1f} s)")
        self.journal.begin(unit.unit)
        with self.lock:
            lost = self.watching.senses.lost
        return judge(self.pipeline, unit, self.part, lost=lost)

    def _line(self, unit: Gathered, opinion: Opinion, milliseconds: dict[str, float]) -> dict[str, Any]:
        """The result line, whole."""
        missing = [sense for sense in self.watching.senses.expected if sense not in unit.files]
        said = opinion.fields
        if missing and said["judged"]:
            why = f"did not come within {self.settings.wait:g} s" if unit.timed_out else "is missing"
            note = f"{' and '.join(missing)} {why}: judged by {' and '.join(said['judged'])} with their own threshold"
            said["warnings"] = [note, *said["warnings"]]
        total = 1e3 * (time.monotonic() - unit.first)
        stages = {stage: round(each, 3) for stage, each in (milliseconds | {"total": total}).items()}
        line: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION, "number": self.journal.number + 1, "unit": unit.unit,
            "attempt": self.journal.attempt(unit.unit), "accepted": unit.accepted, "time": _now(),
            "task": self.pipeline.task.name, "version": __version__, "model": dict(self.pipeline.model),
            "nominal": None if self.part is None else {"path": str(self.part.path), "sha256": self.part.sha256},
            "modalities_present": [sense for sense in self.watching.senses.expected if sense in unit.files],
            "missing": missing, **said, "latency_ms": stages,
            "written_before_ms": None if self.written_in is None else round(self.written_in, 3),
            "overdue": self.settings.deadline is not None and total > 1e3 * self.settings.deadline,
        }  # fmt: skip
        line = plain(line)
        with self.lock:
            line |= plain(self.watching.update(line))
        return line

    def _look(self) -> None:
        assert self.source is not None
        try:
            self.source.run(self.waiting.put, self.stopping)
        except BaseException as error:
            self.failed = error
            self.stop(f"its source failed: {error}")

    def _beats(self) -> None:
        while not self.stopping.wait(BEAT):
            self._beat()

    def _beat(self) -> None:
        state = self.state()
        with self.lock:
            monitoring = self.watching.to_dict()
        try:
            whole_file(self.settings.out / "state.json", state)
            whole_file(self.settings.out / "monitoring.json", plain(monitoring))
        except OSError as error:
            say(f"the state of the line cannot be written: {error}")
        for each in self.listeners:
            each.beat(state)

    def _read_acknowledgments(self) -> None:
        """Words that `acknowledge` of another process left in the folder."""
        for path in sorted((self.settings.out / "acknowledge").glob("*.json")):
            try:
                word = json.loads(path.read_text(encoding="utf-8"))
                self.acknowledge(str(word["by"]), word.get("alarm"))
            except (OSError, ValueError, LookupError, TypeError) as error:
                say(f"{path.name} acknowledges nothing: {error}")
            path.unlink(missing_ok=True)


def acknowledge(out: Path, by: str, alarm: str | None = None) -> Path:
    """Leave word in a line's folder that a person has seen its alarms: the line takes it up within a moment."""
    folder = out / "acknowledge"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.time_ns()}.json"
    whole_file(path, {"by": by, "alarm": alarm})
    return path


def whole_file(path: Path, content: dict[str, Any]) -> None:
    """JSON that a reader finds whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
    os.replace(aside, path)


def _sentence(line: dict[str, Any]) -> str:
    score = "" if line["score"] is None else f", score {line['score']:.2f} against {line['threshold']:.2f}"
    more = "".join(f" [{each}]" for each in line["events"])
    why = f": {line['reasons'][0]}" if line["decision"] == "unmeasurable" and line["reasons"] else ""
    return f"{line['number']} {line['unit']}: {line['decision']}{score}{why}{more}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
