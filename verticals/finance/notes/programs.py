"""Typed programs over a filing: an operation and the cells or words it takes, executed to a value with its scale.

A program is executed, never guessed: the same program on the same cells gives the same answer. Nothing is known of
how a program was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .records import Answer, Cell

Operation: TypeAlias = Literal[
    "cell", "cells", "periods", "labels", "difference", "change", "average", "sum", "ratio", "count", "text"
]
OPERATIONS: tuple[Operation, ...] = (
    "cell", "cells", "periods", "labels", "difference", "change", "average", "sum", "ratio", "count", "text",
)  # fmt: skip
ARITHMETIC = ("difference", "change", "average", "sum", "ratio")


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """An operation, its cells in order, and for words the spans it gives with the paragraphs they stand in."""

    operation: Operation
    cells: tuple[Cell, ...] = ()
    texts: tuple[str, ...] = ()
    paragraphs: tuple[int, ...] = ()
    percent: bool = False  # a ratio asked for as a percentage
    note: str = ""  # how the words were chosen: "largest of", "above 500"


@dataclass(frozen=True, kw_only=True, slots=True)
class Executed:
    """What a program comes to."""

    values: tuple[str, ...]
    scale: str
    derivation: str
    number: float | None = None


def execute(program: Program) -> Executed | None:
    """The answer, or None where it has none (a division by zero)."""
    values = [cell.value for cell in program.cells]
    scale = program.cells[0].scale if program.cells else ""
    match program.operation:
        case "text" | "periods" | "labels":
            return Executed(values=program.texts, scale="", derivation=program.note)
        case "count":
            return Executed(
                values=(str(len(program.texts)),), scale="", derivation=program.note, number=float(len(program.texts))
            )
        case "cell" | "cells":
            return Executed(values=tuple(cell.text for cell in program.cells), scale=scale, derivation="")
        case _:
            number = compute(program.operation, values)
    if number is None:
        return None
    if program.operation == "change" or (program.operation == "ratio" and program.percent):
        number, scale = 100 * number, "percent"
    elif program.operation == "ratio":
        scale = ""
    return Executed(
        values=(printed(number),),
        scale=scale,
        derivation=derivation(program),
        number=number,
    )


def compute(operation: str, values: Sequence[float]) -> float | None:
    """The arithmetic alone."""
    match operation:
        case "difference":
            return values[0] - values[1]
        case "change":
            return (values[0] - values[1]) / values[1] if values[1] else None
        case "ratio":
            return values[0] / values[1] if values[1] else None
        case "average":
            return math.fsum(values) / len(values)
        case "sum":
            return math.fsum(values)
    raise ValueError(f"{operation!r} is no arithmetic")


def printed(number: float) -> str:
    """With two digits after the point at most."""
    return f"{rounded(number):.2f}".rstrip("0").rstrip(".")


def rounded(number: float) -> float:
    """To two digits, halves away from zero, as people round."""
    scaled = abs(number) * 100
    return math.copysign(math.floor(scaled + 0.5 + 1e-9) / 100, number)


def derivation(program: Program) -> str:
    """The sum in the cells' own print."""
    texts = [cell.text if cell.value >= 0 else f"({cell.value:g})" for cell in program.cells]
    match program.operation:
        case "difference":
            return " - ".join(texts)
        case "change":
            return f"({texts[0]} - {texts[1]}) / {texts[1]}"
        case "ratio":
            return " / ".join(texts)
        case "average":
            return f"({' + '.join(texts)}) / {len(texts)}"
        case _:
            return " + ".join(texts)


def answer_of(question: str, program: Program, confidence: float) -> Answer | None:
    """The program's answer with its evidence."""
    done = execute(program)
    if done is None:
        return None
    return Answer(
        question=question, values=done.values, scale=done.scale, operation=program.operation,
        derivation=done.derivation, cells=tuple(cell.key for cell in program.cells),
        paragraphs=program.paragraphs, confidence=confidence,
    )  # fmt: skip
