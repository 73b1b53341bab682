"""A tiny task of two numbers and two labels, for the tests of what every fit does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colonnade.core.classification import ClassificationPipeline
from colonnade.core.encoders.table import TableConfig
from colonnade.core.random import numpy_generator
from colonnade.core.training.run import TrainingConfig
from colonnade.core.types import Table
from colonnade.core.vertical import Modality, Task


class Small(ClassificationPipeline):
    labels = ("low", "high")
    training = TrainingConfig(epochs=4, rate=1e-2, precision="fp32")

    @classmethod
    def encoders(cls) -> Mapping[str, Any]:
        return {name: TableConfig(width=8, numbers=("x",), categories=(), heads=2) for name in ("a", "b")}

    def read(self, modality: str, value: Any) -> Any:
        return Table(numbers={"x": float(value)})


Small.task = Task(
    name="small/sum", summary="whether two numbers are high", answer="low or high",
    modalities=tuple(Modality(name=name, noun="table", takes="a number", inline=True) for name in ("a", "b")),
    minimum=(("a",), ("b",)), pipeline=lambda: Small, sample=lambda: {"a": "0.5", "b": "0.7"},
)  # fmt: skip


def written(
    folder: Path, *, rows: int = 120, seed: int = 0, shift: float = 0.0, flip: bool = False, more: tuple[str, ...] = ()
) -> Path:
    """Labelled rows: the label is the sign of a + b - 2 shift (turned round with `flip`); `more` are whole lines."""
    generator = numpy_generator(seed, "small rows")
    lines = ["id,label,group,a,b"]
    for row in range(rows):
        a, b = generator.normal(size=2) + shift
        high = (a + b > 2 * shift) != flip
        lines.append(f"{row},{'high' if high else 'low'},g{row // 2},{a:.6f},{b:.6f}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.csv").write_text("\n".join([*lines, *more]) + "\n")
    return folder


def start(seed: int = 0) -> Small:
    return Small.start(None, seed=seed)
