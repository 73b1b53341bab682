"""The curves of every training run of a fit, in a folder: a CSV always, TensorBoard where it is installed.

    folder/curves.csv          run, step, epoch, name, value
    folder/<run>/events...     for `tensorboard --logdir folder`

It listens to the events (watch.py) and changes nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..optional import require
from ..progress import say
from .events import Event, Started
from .log import numbers_of

FILE = "curves.csv"
HEAD = ("run", "step", "epoch", "name", "value")


@contextmanager
def curves(folder: Path) -> Iterator[Curves]:
    """Give `tell` of what this yields to `watching`; files are whole when it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("w", newline="", encoding="utf-8") as stream:
        made = Curves(folder, csv.writer(stream))
        try:
            yield made
        finally:
            made.close()


class Curves:
    """One writer for all runs; a run is named by its label and its number."""

    def __init__(self, folder: Path, rows: Any) -> None:
        self.folder, self.rows = folder, rows
        self.run, self.count = "", 0
        self.board: Any = None
        self.boards = find_spec("tensorboard") is not None
        rows.writerow(HEAD)
        if not self.boards:
            say("fit: curves are written as CSV; for TensorBoard: pip install 'colonnade[log]'")

    def tell(self, event: Event, label: str, score: float | None) -> None:
        """Write the numbers of one event."""
        if isinstance(event, Started):
            self.close()
            self.count += 1
            self.run = f"{self.count:03d}-{''.join(letter if letter.isalnum() else '-' for letter in label)}"
            if self.boards:
                boards = require("torch.utils.tensorboard", "log", "a TensorBoard log")
                self.board = boards.SummaryWriter(str(self.folder / self.run))
        for name, value in numbers_of(event).items():
            step, epoch = getattr(event, "step", 0), getattr(event, "epoch", 0)
            self.rows.writerow((self.run, step, epoch, name, value))
            if self.board is not None:
                self.board.add_scalar(name, value, step)

    def close(self) -> None:
        """The run is over."""
        if self.board is not None:
            self.board.close()
            self.board = None
