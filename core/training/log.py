"""The events of a run written down as they pass: CSV always, TensorBoard where it is installed. It changes nothing.

for event in to_csv(fit(...), Path("log.csv")): ...
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..optional import require
from .events import Event, Started, Step, Validated

HEAD = ("step", "epoch", "name", "value")


def to_csv(events: Iterable[Event], path: Path) -> Iterator[Event]:
    """The same events; each number becomes a row `step,epoch,name,value`, written at once.

    After a resume, rows of steps that were lost in the kill are cut off, so that the file equals that of an
    uninterrupted run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for event in events:
        if isinstance(event, Started):
            _rewind(path, event.step)
        if isinstance(event, Step | Validated):
            with path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([event.step, event.epoch, *item] for item in numbers_of(event).items())
        yield event


def to_tensorboard(events: Iterable[Event], folder: Path) -> Iterator[Event]:
    """The same events; each number becomes a scalar.

    Raises:
        MissingExtra: TensorBoard is not installed.
    """
    writer = None
    boards = require("torch.utils.tensorboard", "log", "a TensorBoard log")
    try:
        for event in events:
            if writer is None:
                first = event.step if isinstance(event, Started) else 0
                writer = boards.SummaryWriter(str(folder), purge_step=first + 1)
            for name, value in numbers_of(event).items():
                writer.add_scalar(name, value, event.step)
            yield event
    finally:
        if writer is not None:
            writer.close()


def numbers_of(event: Event) -> Mapping[str, float]:
    """The numbers of an event by name: `step/...` for an update, `train/...` and `validation/...` for an epoch."""
    match event:
        case Step():
            losses = {f"step/{name}": value for name, value in event.losses.items()}
            return {**losses, "step/rate": event.rate, "step/norm": event.norm}
        case Validated():
            losses = {f"train/{name}": value for name, value in event.losses.items()}
            return {**losses, **{f"validation/{name}": value for name, value in event.metrics.items()}}
    return {}


def _rewind(path: Path, step: int) -> None:
    """Leave the rows up to this step; an epoch's own rows carry its last step."""
    kept: list[list[str]] = []
    if path.exists() and step:
        with path.open(newline="", encoding="utf-8") as file:
            kept = [
                row for row in csv.reader(file) if len(row) == len(HEAD) and row[0].isdigit() and int(row[0]) <= step
            ]
    aside = path.with_name(f".{path.name}")
    with aside.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEAD, *kept])
    aside.replace(path)
