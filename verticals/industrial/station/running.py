"""The running line as the page shows it: read from the folder that `colonnade line` writes, never written but for the
word that a person has seen an alarm.

`results.jsonl` is followed from where it was read last; `state.json` and `monitoring.json` say how the line is now.
Where there is only a results file, alarms, senses and causes are worked out from its lines again.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

from ....core.errors import FileError, InputError
from ..line.running import acknowledge
from ..line.senses import LOST_AFTER
from ..line.watching import Watching
from ..monitoring.alarm import Rule
from ..records import SENSES
from .charting import of_lines, parsed

LATEST = 80  # units that are listed
KEPT = 2_000  # lines that charts are drawn of
MOST_BYTES = 32 << 20  # of a results file that are read at first
SILENT = 10.0  # seconds without a heartbeat after which a line counts as not running
SHOWN = (
    "number", "unit", "time", "decision", "score", "threshold", "p_value", "judged", "missing", "unusable", "reasons",
    "warnings", "events", "causes", "attempt",
)  # fmt: skip


@final
class Followed:
    """One line's folder, or its results file.

    Raises:
        FileError: there is no results file.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path if path.is_dir() else path.parent
        self.file = path / "results.jsonl" if path.is_dir() else path
        self.whole = path.is_dir()
        if not self.file.is_file() or self.file.suffix != ".jsonl":
            raise FileError(
                f"there is no results file at {self.file}: name the folder that colonnade line was given with --out"
            )
        self.offset, self.left_out = 0, False
        self.lines: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.watching = Watching(SENSES, rule=Rule(), lost_after=LOST_AFTER)

    def told(self, after: int = 0) -> dict[str, Any]:
        """Everything of the line view; of the units those behind number `after`."""
        self._read()
        state = self._beside("state.json")
        monitoring = self._beside("monitoring.json") or self.watching.to_dict()
        units = [{key: each.get(key) for key in SHOWN} | _facts(each) for each in list(self.lines)[-LATEST:]]
        return {
            "name": self.file.name if not self.whole else self.folder.name, "running": _running(state), "state": state,
            "counts": monitoring["counts"], "alarm": monitoring["alarm"], "senses": _given(monitoring["senses"]),
            "alarms": monitoring["alarms"], "causes": monitoring["causes"], "can_acknowledge": self.whole,
            "units": [each for each in units if (each["number"] or 0) > after], "left_out": self.left_out,
            "number": self.lines[-1].get("number", len(self.lines)) if self.lines else 0,
        }  # fmt: skip

    def charts(self) -> dict[str, Any]:
        """The charts over its latest lines."""
        self._read()
        return of_lines(self.lines, name=self.folder.name if self.whole else self.file.name)

    def acknowledge(self, by: str, alarm: str | None) -> None:
        """Leave word for the line.

        Raises:
            InputError: nobody is named, or there is only a results file.
        """
        if not by.strip():
            raise InputError("an alarm is acknowledged by somebody: write a name")
        if not self.whole:
            raise InputError("there is only a results file here, and no line that could be told: open its folder")
        try:
            acknowledge(self.folder, by.strip()[:80], alarm)
        except OSError as error:
            raise FileError(f"the line cannot be told: {error.strerror}") from error

    def _read(self) -> None:
        """Whole lines that were written since."""
        size = self.file.stat().st_size if self.file.exists() else 0
        if size < self.offset:  # another line began in the same folder
            self.offset, self.left_out = 0, False
            self.lines.clear()
            self.watching = Watching(SENSES, rule=Rule(), lost_after=LOST_AFTER)
        with self.file.open("rb") as stream:
            if self.offset == 0 and size > MOST_BYTES:
                stream.seek(size - MOST_BYTES)
                self.offset, self.left_out = size - MOST_BYTES + len(stream.readline()), True
            stream.seek(self.offset)
            for raw in stream:
                if not raw.endswith(b"\n"):
                    return
                line = parsed(raw, f"{self.file.name}: a line")
                self.offset += len(raw)
                self.lines.append(line)
                self.watching.update(line)

    def _beside(self, name: str) -> dict[str, Any] | None:
        """A file that the line writes whole, beside its results."""
        if not self.whole:
            return None
        try:
            return dict(json.loads((self.folder / name).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None


def _facts(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"defects": len(line.get("defects", ())), "ms": line.get("latency_ms", {}).get("total")}


def _running(state: Mapping[str, Any] | None) -> bool:
    """Whether the line's heart has beaten lately."""
    if state is None or state.get("state") != "running":
        return False
    try:
        beat = datetime.fromisoformat(str(state["time"]))
    except (ValueError, KeyError):
        return False
    return (datetime.now(UTC) - beat).total_seconds() < SILENT


def _given(senses: Mapping[str, Any]) -> dict[str, Any]:
    """Senses that the line has."""
    return {name: dict(each) for name, each in senses.items()}
