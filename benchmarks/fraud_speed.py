"""How fast a card payment is scored: one event with warm state, micro-batches, memory, cold start, under an open load.

    OMP_NUM_THREADS=1 python -m benchmarks.fraud_speed

Once with boosting alone, as the shipped weights are, and once with the network over a card's payments on (of the size
that `--recipe sequence` fits, its weights drawn: they do not matter for the time).

One thread, garbage collection off. "Processor time" is what the work itself takes; wall time on a shared machine holds
the waits for others too, so both are printed. The open loop sends events at fixed times whether or not the last one is
answered, so that a slow answer delays (and is charged for) those behind it.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.results import table, write
from colonnade.core.random import numpy_generator
from colonnade.core.types import Array
from colonnade.verticals.finance.fraud.journal import Journal
from colonnade.verticals.finance.fraud.model import FraudModel
from colonnade.verticals.finance.fraud.pipeline import FraudPipeline
from colonnade.verticals.finance.fraud.sequence import TOKEN
from colonnade.verticals.finance.fraud.sequence_training import Net, Schedule
from colonnade.verticals.finance.fraud.snapshot import pack
from colonnade.verticals.finance.fraud.stream import Event, Stream

CARDS, TERMINALS, WARM, SHOTS = 2000, 1500, 60_000, 5000
BATCH = 64
RATE = 500  # events a second of the open loop
START = 1_700_000_000.0
COLD = (
    "import time; s = time.perf_counter();"
    "from colonnade.verticals.finance.fraud.pipeline import FraudPipeline as P;"
    "from colonnade.verticals.finance.fraud.stream import Stream, Event; import numpy as np; p = P.from_pretrained();"
    "m = p.fitted; m.logits(m.rows(np.array([Stream().update(Event('a', 1.7e9, 'c', 't', 5.0))])));"
    "print(time.perf_counter() - s)"
)


def payments(count: int, seed: int) -> list[Event]:
    """Payments of cards of unequal business, with texts and devices."""
    random = numpy_generator(seed, "load")
    cards = random.integers(CARDS, size=count)
    amounts = np.round(random.lognormal(3, 1, count), 2).tolist()
    terminals = (random.pareto(1.0, count) * 20).astype(int) % TERMINALS
    times = (START + np.cumsum(random.exponential(20.0, count))).tolist()
    return [
        Event(f"e{row}", times[row], f"c{cards[row]}", f"t{terminals[row]}", amounts[row],
              f"SHOP {terminals[row] % 300} LONDON", f"d{cards[row]}")
        for row in range(count)
    ]  # fmt: skip


def timed(work: Callable[[Event], object], events: list[Event]) -> tuple[Array, Array]:
    """Wall and processor microseconds of each call."""
    wall, own = np.empty(len(events)), np.empty(len(events))
    for row, event in enumerate(events):
        first, started = time.thread_time_ns(), time.perf_counter_ns()
        work(event)
        wall[row], own[row] = time.perf_counter_ns() - started, time.thread_time_ns() - first
    return wall / 1000, own / 1000


def open_loop(work: Callable[[Event], object], events: list[Event]) -> Array:
    """Microseconds from when each event was due to its answer, at `RATE` events a second."""
    found, begin = np.empty(len(events)), time.perf_counter()
    for row, event in enumerate(events):
        due = begin + row / RATE
        while time.perf_counter() < due:
            time.sleep(max(0.0, due - time.perf_counter() - 1e-4))
        work(event)
        found[row] = time.perf_counter() - due
    return found * 1e6


def spread(values: Array) -> list[str]:
    return [f"{np.quantile(values, each):.0f}" for each in (0.5, 0.99, 0.999)]


def memory(model: FraudModel) -> tuple[float, float, float]:
    """Bytes a card: durable, in memory with 60 payments, and of each payment that waits for its label."""
    stream = Stream(model.sequence)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(300 * 60):
        stream.update(
            Event(f"e{number}", START + number * 144.0, f"c{number % 300}", f"t{number % 50}", 5.0 + number % 40)
        )
    whole = tracemalloc.get_traced_memory()[0] - before
    for waiting in (stream.open, stream.order, stream.waiting, stream.marks):
        waiting.clear()
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    durable = sum(each.nbytes for name, each in pack(stream).items() if name.startswith("card.")) / 300
    return durable, kept / 300, (whole - kept) / (300 * 60)


def with_network(model: FraudModel) -> FraudModel:
    """The same trees, and a network that has not learnt anything."""
    net = Net(Schedule(), np.zeros(len(TOKEN), np.float32), np.ones(len(TOKEN), np.float32))
    usual = np.append(model.usual, 0.0)
    return replace(model, names=(*model.names, "sequence"), usual=usual, sequence=net.plain(1.0))


def run(model: FraudModel) -> tuple[list[list[str]], str]:
    """The rows of the table, and what is said below it."""
    events = payments(WARM + 4 * SHOTS, 0)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "state", every=10**9, sequence=model.sequence)
        score = lambda event: model.calibration.probabilities(  # noqa: E731
            model.logits(model.rows(np.array([journal.update(event)])))
        )
        started = time.thread_time()
        for event in events[:WARM]:
            journal.update(event)
        features = WARM / (time.thread_time() - started)
        gc.collect()
        gc.disable()
        wall, own = timed(score, events[WARM : WARM + SHOTS])
        due = open_loop(score, events[WARM + SHOTS : WARM + 2 * SHOTS])
        started = time.thread_time()
        for start in range(WARM + 2 * SHOTS, WARM + 4 * SHOTS, BATCH):
            rows = np.array([journal.update(event) for event in events[start : start + BATCH]])
            model.calibration.probabilities(model.logits(model.rows(rows)))
        batched = 2 * SHOTS / (time.thread_time() - started)
        started = time.thread_time()
        journal.snapshot()
        snapshot = time.thread_time() - started
        gc.enable()
        journal.close()
    durable, kept, waiting = memory(model)
    rows = [["processor time", *spread(own)], ["wall", *spread(wall)], [f"open loop at {RATE} a second", *spread(due)]]
    return rows, (
        f"micro-batches of {BATCH}: {batched:.0f} events a second and core; features alone, with the log: "
        f"{features:.0f}. A card takes {durable:.0f} bytes on disk and {kept:.0f} in memory with 60 payments in 30 "
        f"days (1 M such cards: {kept / 1e3:.1f} GB), a payment that waits for its label {waiting:.0f} bytes more. A "
        f"snapshot of {CARDS} cards takes {snapshot:.2f} s."
    )


def main() -> None:
    model = FraudPipeline.from_pretrained().fitted
    rows, said = [], []
    for name, each in (("boosting", model), ("boosting and network", with_network(model))):
        found, text = run(each)
        rows += [[f"{name}, {row[0]}", *row[1:]] for row in found]
        said.append(f"{name[0].upper()}{name[1:]}, {text}")
    cold = float(subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, check=True).stdout)
    text = "\n\n".join([
        table(["microseconds for one event, log and state and score", "p50", "p99", "p99.9"], rows),
        *said,
        f"A cold start with the first score takes {cold:.1f} s. Wall times hold waits for others on the machine.",
    ])  # fmt: skip
    print(text)
    write("Speed of fraud scoring", command="OMP_NUM_THREADS=1 python -m benchmarks.fraud_speed", text=text)


if __name__ == "__main__":
    main()
