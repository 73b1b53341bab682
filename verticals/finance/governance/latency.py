"""How long one answer takes: each call timed by the clock and by the processor. It knows nothing of what is called."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ....core.types import Array
from ....knowledge.reports import Rows
from .dossier import Chapter, expect

CHAPTER = "latency"
LEVELS = (0.5, 0.95, 0.99)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """Milliseconds at p50, p95 and p99, by the clock and of the processor, over `calls`."""

    calls: int
    clock: tuple[float, ...]
    processor: tuple[float, ...]


def timed(work: Callable[[T], object], items: Iterable[T]) -> Times:
    """Each call on its own; garbage is collected before and not between."""
    clock, own = [], []
    gc.collect()
    gc.disable()
    try:
        for item in items:
            first, started = time.thread_time_ns(), time.perf_counter_ns()
            work(item)
            clock.append(time.perf_counter_ns() - started)
            own.append(time.thread_time_ns() - first)
    finally:
        gc.enable()
    return Times(calls=len(clock), clock=_levels(clock), processor=_levels(own))


def latency(times: Times, *, what: str, limit: float, median: float | None = None) -> Chapter:
    """A table, held against `limit` milliseconds of processor time at p99 (and `median` at p50)."""
    rows = (
        ("by the clock", *(f"{each:.2f}" for each in times.clock)),
        ("of the processor", *(f"{each:.2f}" for each in times.processor)),
    )
    met = times.processor[2] <= limit and (median is None or times.processor[0] <= median)
    goal = f"p99 of at most {limit:g} ms" + (f", p50 of at most {median:g} ms" if median is not None else "")
    return Chapter(
        heading="Latency",
        facts={"what": what, "calls": times.calls, "clock_ms": _named(times.clock), "cores": os.cpu_count(),
               "processor_ms": _named(times.processor)},
        tables=(Rows(header=("milliseconds", "p50", "p95", "p99"), rows=rows,
                     caption=f"{what}; {times.calls:,} calls, one after the other, on this machine as it was."),),
        notes=("The clock holds waits for other work on the machine; processor time is what the answer itself takes.",),
        expects=(
            expect(CHAPTER, "An answer is fast enough", f"{goal}, processor time", met,
                   f"{_told(times.processor)}; by the clock {_told(times.clock)}"),
        ),
    )  # fmt: skip


def _levels(nanoseconds: list[int]) -> tuple[float, ...]:
    values: Array = np.quantile(np.array(nanoseconds, float) / 1e6, LEVELS)
    return tuple(values.tolist())


def _told(values: tuple[float, ...]) -> str:
    return f"p50 {values[0]:.2f}, p95 {values[1]:.2f}, p99 {values[2]:.2f} ms"


def _named(values: tuple[float, ...]) -> dict[str, float]:
    return {f"p{100 * level:.0f}": value for level, value in zip(LEVELS, values, strict=True)}
