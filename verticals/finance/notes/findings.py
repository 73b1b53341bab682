"""What a filing's tables say, found by computing it: levels, changes, shares of totals, totals that do not add up.

Cells in, typed findings out; wording and verification are elsewhere. Nothing here is judged good or bad.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .amounts import is_total
from .figures import years_in
from .records import Cell, Filing, Grid

Kind: TypeAlias = Literal["level", "change", "points", "share", "parts"]
MOST = 24  # findings in a note
EACH = 10  # of one table
LEAST_PARTS = 2
KEY = ("revenue", "sales", "income", "profit", "loss", "earnings", "cash", "assets", "liabilities", "equity", "debt",
       "expenses", "costs", "margin")  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A kind and the cells it is computed from: newest first for a change, part then whole for a share, the whole then
    its parts for a sum. `weight` orders findings."""

    kind: Kind
    cells: tuple[Cell, ...]
    weight: float


def findings_of(filing: Filing) -> tuple[Finding, ...]:
    """The weightiest findings of each table, in the order of the tables."""
    found = []
    for grid in filing.tables:
        own = sorted((*_rows(grid), *_wholes(grid)), key=lambda each: -each.weight)[:EACH]
        found += sorted(own, key=lambda each: (each.cells[0].row, each.kind))
    kept = sorted(found, key=lambda each: -each.weight)[:MOST]
    return tuple(each for each in found if each in kept)


def _rows(grid: Grid) -> Iterator[Finding]:
    for row in sorted({cell.row for cell in grid.cells}):
        cells = [cell for cell in grid.row(row) if cell.label]
        dated = _dated(cells)
        weight = _weight(cells)
        if len(dated) >= 2:
            new, old = dated[0], dated[1]
            if new.scale == "percent":
                yield Finding(kind="points", cells=(new, old), weight=weight)
            elif old.value and new.value * old.value > 0:
                yield Finding(kind="change", cells=(new, old), weight=weight)
            else:
                yield Finding(kind="level", cells=(new,), weight=0.5 * weight)
        elif cells:
            yield (
                Finding(kind="level", cells=tuple((dated or cells)[:1]), weight=0.4 * weight)
                if not dated
                else Finding(kind="level", cells=(dated[0],), weight=0.6 * weight)
            )


def _dated(cells: Sequence[Cell]) -> list[Cell]:
    """Cells whose column names one year, newest first; the first column of a year only, and of one scale."""
    found: dict[int, Cell] = {}
    for cell in cells:
        years = years_in(cell.header)
        if len(years) == 1 and not cell.nil and "change" not in cell.header.lower():
            found.setdefault(years[0], cell)
    newest = [found[year] for year in sorted(found, reverse=True)]
    return [cell for cell in newest if cell.scale == newest[0].scale]


def _weight(cells: Sequence[Cell]) -> float:
    if not cells:
        return 0.0
    label = cells[0].label.lower()
    return 1.0 + 2.0 * is_total(label) + 1.5 * any(word in label for word in KEY) - 0.02 * cells[0].row


def _wholes(grid: Grid) -> Iterator[Finding]:
    """Totals held against the rows above them: the share of the largest part, or a gap where they do not add up."""
    for row, label in grid.labels.items():
        if not is_total(label):
            continue
        for whole in _dated(grid.row(row))[:1]:
            parts = parts_of(grid, whole)
            if len(parts) < LEAST_PARTS or not whole.value:
                continue
            yield Finding(kind="parts", cells=(whole, *parts), weight=2.5)
            largest = max(parts, key=lambda cell: cell.value)
            if whole.value > 0 and largest.value > 0 and largest.label:
                yield Finding(kind="share", cells=(largest, whole), weight=2.2)


def parts_of(grid: Grid, whole: Cell) -> tuple[Cell, ...]:
    """The rows straight above a total that add up to it to the last digit, or none: as many as are needed."""
    above = [
        cell for cell in sorted(grid.cells, key=lambda each: -each.row)
        if cell.column == whole.column and cell.row < whole.row and cell.scale == whole.scale
    ]  # fmt: skip
    slack = 0.5 * 10.0**-whole.decimals
    for rows in (
        above,
        [cell for cell in above if not is_total(cell.label)],
        [cell for cell in above if is_total(cell.label)],
    ):
        added = 0.0
        for count, cell in enumerate(rows, start=1):
            added += cell.value
            if count >= LEAST_PARTS and abs(added - whole.value) <= slack * (count + 1):
                return tuple(reversed(rows[:count]))
    return ()
