"""`colonnade demo`: the sample of every installed task through its pipeline, and the reports at the end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.progress import say
from ..core.vertical import Task, tasks


def run(out: Path) -> dict[str, Any]:
    """Predict every sample and save it under `out`; returns the table that is shown at the end."""
    started = time.perf_counter()
    samples = [task for task in tasks().values() if task.sample is not None]
    if not samples:
        raise InputError("no installed task has a sample: reinstall colonnade")
    runs = []
    for number, task in enumerate(samples, start=1):
        say(f"[{number}/{len(samples)}] {task.name}: {task.summary}")
        runs.append(_one(task, out))
        say(f"      {runs[-1]['says']} ({runs[-1]['seconds']:.1f} s)")
    return {"runs": runs, "seconds": round(time.perf_counter() - started, 1)}


def _one(task: Task, out: Path) -> dict[str, Any]:
    started = time.perf_counter()
    assert task.sample is not None
    result = task.pipeline().from_pretrained().predict(**task.sample())
    folder = result.save(out / task.name.replace("/", "-"))
    return {
        "task": task.name,
        "status": result.status,
        "says": getattr(result.report, "verdict", result.status),
        "report": str(folder / "report.html"),
        "seconds": round(time.perf_counter() - started, 2),
    }
