"""A question held against a table: how well each row and each column fits its words, as numbers between 0 and 1.

It knows nothing of operations: which cells belong together is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .figures import figures_in, years_in
from .records import Cell, Filing, Grid
from .words import longest_run, mass, rarity, telling, words

ROW, COLUMN = 7, 5  # how many numbers describe each


@dataclass(frozen=True, kw_only=True, eq=False)
class Grounded:
    """One question on one table. `rows` and `columns` hold the fit by index; `order` the rows, best first."""

    question: str
    words: tuple[str, ...]
    years: tuple[int, ...]
    numbers: tuple[float, ...]
    grid: Grid
    rows: Mapping[int, tuple[float, ...]]
    columns: Mapping[int, tuple[float, ...]]
    order: tuple[int, ...]
    places: Mapping[tuple[int, int], Cell]

    def fit(self, row: int) -> float:
        """One number for a row: what its label and the question share."""
        return self.rows[row][2] + 0.3 * self.rows[row][3]


def ground(question: str, filing: Filing, grid: Grid | None = None) -> Grounded:
    """Rows and columns of a table (the best-fitting one where none is named) against a question."""
    if grid is None:
        found = [ground(question, filing, each) for each in filing.tables]
        return max(found, key=lambda each: max((each.fit(row) for row in each.order), default=0.0))
    asked = words(question)
    rows_here = sorted({cell.row for cell in grid.cells})
    rare = rarity((*(grid.labels.get(row, "") for row in rows_here), *(each.text for each in filing.paragraphs)))
    rows = {row: _row(grid, row, asked, rare) for row in rows_here}
    best = max((each[2] for each in rows.values()), default=0.0)
    rows = {row: (*each, float(each[2] >= best - 1e-9 and best > 0)) for row, each in rows.items()}
    years = years_in(question)
    columns_here = sorted({cell.column for cell in grid.cells})
    headers = {column: _header(grid, column) for column in columns_here}
    columns = {column: _column(headers, column, asked, years) for column in columns_here}
    order = tuple(sorted(rows_here, key=lambda row: -(rows[row][2] + 0.3 * rows[row][3])))
    return Grounded(
        question=question, words=asked, years=years,
        numbers=tuple(each.value for each in figures_in(question) if int(each.value) not in years or each.currency),
        grid=grid, rows=rows, columns=columns, order=order,
        places={(cell.row, cell.column): cell for cell in grid.cells},
    )  # fmt: skip


def _row(grid: Grid, row: int, asked: Sequence[str], rare: Mapping[str, float]) -> tuple[float, ...]:
    """Share of the label in the question, share of the question in the label, both; the section; the longest run; total
    said by one of them only."""
    label, section = telling(grid.labels.get(row, "")), telling(grid.sections.get(row, ""))
    content = {word for word in asked if word in rare or len(word) > 3} - {"change", "percentage", "average", "total"}
    shared = set(label) & set(asked)
    recall = mass(shared, rare) / max(mass(set(label), rare), 1e-9) if label else 0.0
    cover = mass(shared & content, rare) / max(mass(content & set(rare), rare), 1e-9)
    both = 2 * recall * cover / (recall + cover) if recall + cover else 0.0
    above = mass(set(section) & set(asked), rare) / max(mass(set(section), rare), 1e-9) if section else 0.0
    run = longest_run(label, asked) / max(len(label), 1)
    total = float(("total" in label) != ("total" in asked))
    return min(1.0, recall), min(1.0, cover), min(1.0, both), min(1.0, above), min(1.0, run), total


def _header(grid: Grid, column: int) -> tuple[str, str]:
    cell = next(cell for cell in grid.cells if cell.column == column)
    return cell.header, cell.period


def _column(
    headers: Mapping[int, tuple[str, str]], column: int, asked: Sequence[str], years: Sequence[int]
) -> tuple[float, ...]:
    """A year of the question; another year than asked for; the share of the header in the question beyond years; the
    first column; a column of changes."""
    header, period = headers[column]
    own = years_in(header)
    named = [word for word in telling(header) if not word.isdigit()]
    share = len(set(named) & set(asked)) / len(set(named)) if named else 0.0
    hit = float(any(year in own for year in years))
    miss = float(bool(years) and bool(own) and not hit)
    return hit, miss, share, float(column == min(headers)), float("change" in header.lower() or "%" in period)
