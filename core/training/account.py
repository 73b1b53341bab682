"""What a `fit` cost: networks trained, the share of them that moved, updates, minutes, and the peak of memory.

It listens to the events of the runs (watch.py) and knows no model and no task.
"""

from __future__ import annotations

import contextlib
import re
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .events import Event, Started, Step, Stopped, Validated

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> int:
    """Let the peak of resident memory start anew where the system allows it; gives the bytes resident now."""
    with contextlib.suppress(OSError):  # else the peak of the whole process stands in
        RESET.write_text("5")
    return _field("VmRSS") or 0


def resident() -> int:
    """The bytes of memory that are resident now (0 where the system does not say)."""
    return _field("VmRSS") or 0


def peak_memory() -> int:
    """The peak of resident memory in bytes, since it was last forgotten or since the process began."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _field("VmHWM") or most * (1 if sys.platform == "darwin" else 1024)


def _field(name: str) -> int | None:
    """A line of the process's status, in bytes; None where there is no such file."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


@dataclass
class Trained:
    """One run of the loop."""

    label: str
    parameters: int
    trainable: int
    precision: str
    updates: int = 0
    epochs: int = 0
    stopped: str = ""
    best: float | None = None

    def to_plain(self) -> dict[str, Any]:
        """JSON types."""
        share = self.trainable / max(self.parameters, 1)
        return {
            "network": self.label, "parameters": self.parameters, "trainable": self.trainable,
            "trainable_share": round(share, 5), "precision": self.precision, "epochs": self.epochs,
            "updates": self.updates, "stopped": self.stopped, "validation": self.best,
        }  # fmt: skip


@dataclass
class Account:
    """Give `tell` to `watching`. `started` is set when the account is opened."""

    runs: list[Trained] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    memory: int = field(default_factory=forget_peak)

    def tell(self, event: Event, label: str, score: float | None) -> None:
        """Note one event."""
        match event:
            case Started():
                run = Trained(label, event.parameters, event.trainable, event.precision)
                self.runs.append(run)
            case Step() if self.runs:
                self.runs[-1].updates += 1
            case Validated() if self.runs:
                self.runs[-1].epochs += 1
            case Stopped() if self.runs:
                self.runs[-1].stopped, self.runs[-1].best = event.reason, event.best

    def validation(self) -> float | None:
        """The mean of what the runs watched at their best (None where none validates)."""
        found = [run.best for run in self.runs if run.best is not None]
        return sum(found) / len(found) if found else None

    def to_plain(self) -> dict[str, Any]:
        """For a card: minutes, MiB at the peak and above the start, and each kind of network once, with how often."""
        peak = peak_memory()
        kinds: dict[tuple[str, int, int], list[Trained]] = {}
        for run in self.runs:
            kinds.setdefault((run.label, run.parameters, run.trainable), []).append(run)
        networks = [{**runs[-1].to_plain(), "runs": len(runs)} for runs in kinds.values()]
        parameters = sum(run.parameters for run in self.runs)
        moved = sum(run.trainable for run in self.runs)
        return {
            "minutes": round((time.perf_counter() - self.started) / 60, 3),
            "peak_memory_mib": round(peak / 2**20),
            "memory_added_mib": round(max(peak - self.memory, 0) / 2**20),
            "trainable_share": round(moved / parameters, 5) if parameters else None,
            "networks": networks,
        }
