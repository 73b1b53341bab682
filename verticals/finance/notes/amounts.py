"""How cells are named and printed in a sentence, and measured again from the print of the table. No free words here."""

from __future__ import annotations

import re
from collections.abc import Callable

from .figures import figure_of, nothing
from .records import Cell, Filing, Grid

Measure = Callable[[], str]


def label_of(cell: Cell, grid: Grid) -> str:
    """The row's label, with its section where another row has the same."""
    twins = [row for row, label in grid.labels.items() if label == cell.label and grid.row(row)]
    return f"{cell.label} ({cell.section})".strip() if len(twins) > 1 and cell.section else cell.label


def period_of(cell: Cell, grid: Grid) -> str:
    """The year where it names one column of the row, else the whole header."""
    twins = [each for each in grid.row(cell.row) if each.period == cell.period]
    return cell.period if len(twins) == 1 else cell.header


def amount_of(cell: Cell) -> str:
    """The value with its unit and scale."""
    return amount(cell.value, cell)


def amount(value: float, like: Cell, decimals: int | None = None) -> str:
    """A value printed as a cell's: "$1,496.5 million", "-12.6 %", "42"."""
    digits = like.decimals if decimals is None else decimals
    body = f"{abs(value):,.{digits}f}"
    sign = "-" if value < 0 and float(body.replace(",", "")) else ""
    if like.scale == "percent":
        return f"{sign}{body} %"
    return f"{sign}{like.unit}{body}{f' {like.scale}' if like.scale else ''}"


def share(value: float) -> str:
    """A share or a change, in per cent with one digit."""
    return f"{value + 0.0:.1f} %".replace("-0.0 %", "0.0 %")


def again(filing: Filing, key: str) -> Cell:
    """A cell read again from the print of its table: its value is not remembered.

    Raises:
        LookupError: the filing has no such cell.
    """
    cell = filing.cell(key)
    if cell is None:
        raise LookupError(f"{filing.name} has no {key}")
    grid = next(each for each in filing.tables if each.number == cell.table)
    text = grid.lines[cell.row][cell.column]
    figure = figure_of(text)
    if figure is None and not nothing(text):
        raise LookupError(f"{key} of {filing.name} holds no number but {text!r}")
    from dataclasses import replace

    return replace(cell, value=figure.value if figure else 0.0)


def is_total(label: str) -> bool:
    """Whether a row is the sum of others, by its name."""
    return re.match(r"(?:grand |sub)?total\b", label.lower()) is not None
