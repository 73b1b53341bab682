"""Predict many notes with a task that only counts: `run_batch.py SOURCE OUT PROCESSES`.

A note that says `die` kills the process that reads it, `die once` only the first; `wrong` is refused, `fault` a fault.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colonnade.core import progress
from colonnade.core.batch import predict_many
from colonnade.core.checkpoint import Checkpoint
from colonnade.core.errors import FormatError
from colonnade.core.pipeline import Answered, FitOptions, Pipeline
from colonnade.core.result import Evaluation
from colonnade.core.vertical import Modality, Task


@dataclass(frozen=True)
class Count:
    letters: int


class Counting(Pipeline):
    """Counts the letters of a note."""

    model: Mapping[str, Any] = {"name": "counting", "sha256": "0"}

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Counting:
        return cls()

    def to_checkpoint(self) -> Checkpoint:
        return Checkpoint(kind="test/count", config={}, tensors={})

    def read(self, modality: str, value: Any) -> Any:
        if value == "wrong":
            raise FormatError("this note is wrong")
        return value

    def answer(self, record: Mapping[str, Any]) -> Answered:
        text = str(record.get("note", record.get("file")))
        if text == "fault":
            raise RuntimeError("out of order")
        if text.startswith("die"):
            died = Path(os.environ["DIED"])
            if text == "die" or not died.exists():
                died.write_text("")
                os.kill(os.getpid(), 9)
        time.sleep(0.002)
        return Answered(answer=Count(len(text)))

    def measure(self, record: Mapping[str, Any]) -> float:
        return 0.0

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        return Evaluation(task="test/count", data=str(data), n=0, metrics={})

    def fit_on(self, data: Path, options: FitOptions) -> Counting:
        return self

    def program(self) -> Any:
        return None


Counting.task = Task(
    name="test/count",
    summary="",
    answer="",
    modalities=(
        Modality(name="note", noun="text", takes="text", inline=True),
        Modality(name="file", noun="text", takes=""),
    ),
    minimum=(("note",), ("file",)),
    pipeline=lambda: Counting,
)


if __name__ == "__main__":
    progress.quiet()
    found = predict_many(Counting, sys.argv[1], sys.argv[2], processes=int(sys.argv[3]))
    sys.stdout.write(json.dumps(found.to_dict()) + "\n")
