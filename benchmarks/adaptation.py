"""Adaptation to a shifted domain: nothing, a probe, LoRA and all weights, by the commands that a user has.

    python benchmarks/adaptation.py --task assistant maintenance fraud --data ../shared/data

Each fit is one process of `colonnade fit`, so that minutes and peak memory are its own; the test data are evaluated by
`colonnade evaluate` and seen by nothing else.

- finance/assistant: a start fitted to 20 of BANKING77's intents; 20 queries of each of 20 other intents teach, 40 test.
  The start knows none of these, so without adaptation nothing is right: gains are counted from the probe too.
- industrial/maintenance: a start fitted to 40 engines of C-MAPSS FD001; the other fleet are 30 other engines that wear
  twice as fast (every second cycle) and whose sensors drift with a temperature the start has not seen; 30 more test.
- finance/fraud: a start fitted to April and May of the Fraud Detection Handbook; the other bank are June's cards with
  amounts in another currency (times 7.5) and hours moved by nine; July's weeks of the same bank test.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import results

METHODS = ("probe", "lora", "progressive", "full")


@dataclass(frozen=True)
class Domain:
    """Where a model starts from, the other domain's data, its test data, and the score that counts."""

    task: str
    train: Path
    test: Path
    metric: str
    lower: bool
    start: Path | None
    knows: bool = True  # whether the start can answer at all
    methods: tuple[str, ...] = METHODS


@dataclass(frozen=True)
class Row:
    """One way: a score with its interval, and what it cost."""

    way: str
    score: float
    low: float
    high: float
    minutes: float = 0.0
    share: float | None = None
    memory: int = 0


def run(*words: str | Path) -> dict[str, Any]:
    """One command of the program, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "colonnade.apps.cli", *map(str, words), "--json"], capture_output=True, text=True,
        env=os.environ | {"PYTHONWARNINGS": "ignore"}, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"colonnade {' '.join(map(str, words))}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def measured(domain: Domain, place: Path) -> Iterator[Row]:
    """Nothing, then every method."""
    start = () if domain.start is None else ("--checkpoint", domain.start)
    if domain.knows:
        yield _row("none", domain, run("evaluate", domain.task, domain.test, *start), {})
    else:
        yield Row("none", 0.0, 0.0, 0.0)
    for method in domain.methods:
        out = place / f"{domain.task.replace('/', '-')}-{method}"
        told = run("fit", domain.task, domain.train, "--method", method, "--out", out, "--no-quality", *start)
        yield _row(
            method, domain, run("evaluate", domain.task, domain.test, "--checkpoint", out), told["card"]["fit"]["cost"]
        )


def _row(way: str, domain: Domain, found: Mapping[str, Any], cost: Mapping[str, Any]) -> Row:
    score = found["metrics"][domain.metric]
    low, high = found["intervals"].get(domain.metric) or (float("nan"), float("nan"))
    row = Row(
        way, score, low, high, cost.get("minutes", 0.0), cost.get("trainable_share"), cost.get("peak_memory_mib", 0)
    )
    print(row, flush=True)
    return row


def assistant(data: Path, place: Path) -> Domain:
    rows: dict[str, list[str]] = {}
    with (data / "banking77" / "train.csv").open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            rows.setdefault(line["category"], []).append(line["text"])
    known, new = sorted(rows)[:20], sorted(rows)[57:]
    parts = {"old": (known, slice(0, 25)), "train": (new, slice(0, 20)), "test": (new, slice(20, 60))}
    for name, (intents, part) in parts.items():
        pairs = [(text, intent) for intent in intents for text in rows[intent][part]]
        _table(place / f"{name}.csv", ("text", "category"), pairs)
    start = place / "assistant-start"
    run("fit", "finance/assistant", place / "old.csv", "--method", "lora", "--out", start, "--no-quality")
    return Domain("finance/assistant", place / "train.csv", place / "test.csv", "accuracy", False, start, knows=False)


def maintenance(data: Path, place: Path) -> Domain:
    machines: dict[str, list[list[str]]] = {}
    for line in (data / "cmapss" / "train_FD001.txt").read_text().splitlines():
        words = line.split()
        machines.setdefault(words[0], []).append(words)
    names = [f"sensor_{number}" for number in range(1, 22)]
    head = ("machine", "cycle", *names)
    every = list(machines.values())

    def table(path: Path, part: list[list[list[str]]], *, other: bool, cut: bool = False) -> None:
        rows = []
        for number, cycles in enumerate(part):
            kept = cycles[:: 2 if other else 1]
            end = len(kept) if not cut else max(40, int(len(kept) * (0.45 + 0.5 * (number % 10) / 10)))
            for cycle, words in enumerate(kept[:end], start=1):
                values = [float(word) for word in words[5:26]]
                if other:  # warmer air: every sensor moves by its own share, more on hot days
                    warm = 1 + 0.3 * ((cycle * 7 + number) % 11) / 11
                    values = [value * (1 + 0.0006 * warm * (place % 3 - 1)) for place, value in enumerate(values)]
                left = [f"{len(kept) - end}"] if cut else []
                rows.append([words[0], cycle, *(f"{value:.6g}" for value in values), *left])
        _table(path, (*head, *(["remaining"] if cut else [])), rows)

    table(place / "old.csv", every[:40], other=False)
    table(place / "new.csv", every[40:70], other=True)
    table(place / "test.csv", every[70:], other=True, cut=True)
    run("fit", "industrial/maintenance", place / "old.csv", "--out", place / "maintenance-start", "--no-quality")
    return Domain(
        "industrial/maintenance", place / "new.csv", place / "test.csv", "rmse", True, place / "maintenance-start"
    )


def fraud(data: Path, place: Path) -> Domain:
    import pandas as pd

    files = sorted((data / "fraud_handbook").glob("*.csv.gz"))
    frames = [pd.read_csv(each) for each in files]
    whole = pd.concat(frames)
    time = pd.to_datetime(whole["TX_DATETIME"])
    card = whole["CUSTOMER_ID"].to_numpy()

    def part(begin: str, end: str, *, other: bool) -> Any:
        mine = (time >= begin) & (time < end) & (card % 20 == (7 if other else 0))
        frame = whole[mine].copy()
        if other:
            frame["TX_AMOUNT"] = (frame["TX_AMOUNT"] * 7.5).round(2)
            frame["TX_DATETIME"] = (pd.to_datetime(frame["TX_DATETIME"]) + pd.Timedelta(hours=9)).astype(str)
        return frame

    part("2018-04-01", "2018-06-01", other=False).to_csv(place / "old.csv", index=False)
    part("2018-05-15", "2018-07-01", other=True).to_csv(place / "new.csv", index=False)
    part("2018-06-15", "2018-08-01", other=True).to_csv(place / "test.csv", index=False)
    run("fit", "finance/fraud", place / "old.csv", "--out", place / "fraud-start", "--no-quality")
    start = place / "fraud-start"
    return Domain("finance/fraud", place / "new.csv", place / "test.csv", "average_precision", False, start)


DOMAINS: Mapping[str, Callable[[Path, Path], Domain]] = {
    "assistant": assistant,
    "maintenance": maintenance,
    "fraud": fraud,
}


def _table(path: Path, head: tuple[str, ...], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


def shown(domain: Domain, rows: list[Row]) -> str:
    """The table, and what LoRA has of the gain."""
    by = {row.way: row for row in rows}
    cells = [
        (
            row.way, f"{row.score:.3f} [{row.low:.3f}, {row.high:.3f}]", f"{row.minutes:.1f}" if row.minutes else "",
            "" if row.share is None else f"{row.share:.2%}", str(row.memory or ""),
        )
        for row in rows
    ]  # fmt: skip
    head = (
        "way",
        domain.metric + (" (lower is better)" if domain.lower else ""),
        "minutes",
        "trainable",
        "MiB at peak",
    )
    text = f"### {domain.task}\n\n{results.table(head, cells)}\n"
    for base in ("none", "probe"):
        full = by["full"].score - by[base].score
        part = by["lora"].score - by[base].score
        if abs(full) > 1e-9 and (full < 0) == domain.lower:
            text += f"\nLoRA has {part / full:.0%} of the gain of all weights over {base}."
        else:
            text += f"\nAll weights gain nothing over {base}, so that there is no share to state."
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs="+", choices=list(DOMAINS), default=list(DOMAINS))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("COLONNADE_DATA", "../shared/data")))
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    given = parser.parse_args()
    found = []
    for name in given.task:
        with tempfile.TemporaryDirectory() as scratch:
            domain = DOMAINS[name](given.data.resolve(), Path(scratch))
            found.append(shown(domain, list(measured(domain, Path(scratch)))))
        print(found[-1], flush=True)
        if given.write:
            command = f"python benchmarks/adaptation.py --task {name} --write"
            results.write(f"Adaptation to a shifted domain: {name}", command=command, text=found[-1])


if __name__ == "__main__":
    main()
