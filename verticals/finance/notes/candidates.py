"""Every program worth trying for a question on a table: cells of the rows that fit, in the shapes of questions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from .figures import SCALES, figures_in, years_in
from .grounding import Grounded
from .programs import Operation, Program
from .records import Cell

ROWS = 7  # best rows that are combined
PAIRS = 4
_MORE = re.compile(
    r"\b(?:exceed\w*|more than|greater than|above|over|higher than|larger than|at least)\b", re.IGNORECASE
)
_LESS = re.compile(r"\b(?:less than|below|under|lower than|smaller than|fewer than)\b", re.IGNORECASE)
_NEGATIVE = re.compile(r"\bnegative\b", re.IGNORECASE)


def candidates(ground: Grounded, operation: Operation) -> Iterator[Program]:
    """Programs of one operation; the best rows come first."""
    match operation:
        case "cell":
            yield from (Program(operation="cell", cells=(cell,)) for cell in ground.grid.cells)
        case "cells":
            yield from (Program(operation="cells", cells=each) for each in _groups(ground))
        case "average" | "sum":
            yield from (Program(operation=operation, cells=each) for each in _groups(ground))
        case "difference" | "change":
            yield from (
                Program(operation=operation, cells=each) for each in _pairs(ground, down=operation == "difference")
            )
        case "ratio":
            percent = re.search(r"percent|proportion|%|what portion", ground.question.lower()) is not None
            yield from (Program(operation="ratio", cells=each, percent=percent) for each in _pairs(ground, down=True))
        case "periods":
            yield from _periods(ground)
        case "labels":
            yield from _labels(ground)
        case "count":
            yield from (
                Program(operation="count", cells=each.cells, texts=each.texts, note=each.note)
                for each in (*_periods(ground, only_conditions=True), *_labels(ground, only_conditions=True))
            )


def _line(ground: Grounded, row: int) -> list[Cell]:
    return [ground.places[row, column] for column in ground.columns if (row, column) in ground.places]


def _pairs(ground: Grounded, *, down: bool) -> Iterator[tuple[Cell, Cell]]:
    """Ordered pairs in one row, and in one column."""
    for row in ground.order[:ROWS]:
        line = _line(ground, row)
        yield from ((one, other) for one in line for other in line if one is not other)
    best = ground.order[: PAIRS + 1] if down else ()
    for column in ground.columns:
        cells = [ground.places[row, column] for row in best if (row, column) in ground.places]
        yield from ((one, other) for one in cells for other in cells if one is not other)


def _groups(ground: Grounded) -> Iterator[tuple[Cell, ...]]:
    """Two or more cells: of a row (all, those of the question's years, any two or three), of a column over rows."""
    for row in ground.order[:PAIRS]:
        line = _line(ground, row)
        seen = set()
        asked = tuple(cell for cell in line if ground.columns[cell.column][0])
        for group in (tuple(line), asked, *combinations(line, 2), *(combinations(line, 3) if len(line) < 6 else ())):
            if len(group) > 1 and group not in seen:
                seen.add(group)
                yield group
    best = ground.order[: PAIRS + 1]
    for column in ground.columns:
        cells = [ground.places[row, column] for row in best if (row, column) in ground.places]
        for size in (2, 3, 4):
            yield from combinations(cells, size)
        for section in {ground.grid.sections.get(row, "") for row in ground.order}:
            inside = tuple(
                ground.places[row, column]
                for row in sorted(ground.order)
                if ground.grid.sections.get(row, "") == section and (row, column) in ground.places
                and "total" not in ground.grid.labels.get(row, "").lower()
            )  # fmt: skip
            if len(inside) > 4:
                yield inside


def _periods(ground: Grounded, *, only_conditions: bool = False) -> Iterator[Program]:
    """Column names: of the largest or smallest in a row, of those beyond a number, all of them."""
    for row in ground.order[:PAIRS]:
        line = [cell for cell in _line(ground, row) if cell.scale == _line(ground, row)[0].scale]
        line = [cell for cell in line if not ground.columns[cell.column][4]]
        line = [cell for cell in line if years_in(cell.header)] or line
        if not line:
            continue
        for note, kept in _choices(ground, line):
            if only_conditions and note in ("largest", "smallest"):
                continue
            texts = tuple(dict.fromkeys(cell.period for cell in kept))
            yield Program(operation="periods", cells=tuple(kept), texts=texts, note=note)
            if not only_conditions and any(cell.header != cell.period for cell in kept):
                headers = tuple(dict.fromkeys(cell.header for cell in kept))
                yield Program(operation="periods", cells=tuple(kept), texts=headers, note=f"{note}, whole header")


def _labels(ground: Grounded, *, only_conditions: bool = False) -> Iterator[Program]:
    """Row names: of the largest or smallest in a column, of those beyond a number, all of a section."""
    sections = list(dict.fromkeys(ground.grid.sections.get(row, "") for row in sorted(ground.order)))
    for column in ground.columns:
        for section in (*sections, None) if len(sections) > 1 else (None,):
            line = [
                ground.places[row, column]
                for row in sorted(ground.order)
                if (row, column) in ground.places and ground.grid.labels.get(row)
                and (section is None or ground.grid.sections.get(row, "") == section)
                and "total" not in ground.grid.labels[row].lower()
            ]  # fmt: skip
            if not line:
                continue
            for note, kept in _choices(ground, line):
                if only_conditions and note in ("largest", "smallest"):
                    continue
                texts = tuple(cell.label for cell in kept)
                yield Program(operation="labels", cells=tuple(kept), texts=texts, note=note)


def _choices(ground: Grounded, line: Sequence[Cell]) -> Iterator[tuple[str, list[Cell]]]:
    """Which of these cells: the largest, the smallest, those beyond the question's number, below zero, all."""
    yield "largest", [max(line, key=lambda cell: cell.value)]
    yield "smallest", [min(line, key=lambda cell: cell.value)]
    yield "all", list(line)
    for figure in figures_in(ground.question):
        scale = SCALES[figure.scale] / SCALES[line[0].scale] if figure.scale and line[0].scale in SCALES else 1.0
        bound = figure.value * (scale if line[0].scale != "percent" else 1.0)
        above = [cell for cell in line if cell.value > bound]
        below = [cell for cell in line if cell.value < bound]
        if above and _MORE.search(ground.question):
            yield f"above {bound:g}", above
        if below and _LESS.search(ground.question):
            yield f"below {bound:g}", below
    under = [cell for cell in line if cell.value < 0]
    if under and _NEGATIVE.search(ground.question):
        yield "below 0", under
