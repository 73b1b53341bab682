"""A sentence held against a filing, whoever wrote it: read back, its cells found by their names, all computed again.

What does not come out again is said in sentences; a sentence of no known form is unsupported. Words of the filing's own
text are held against its tables too, where they name a row, a year and an amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .amounts import label_of, period_of
from .figures import SCALES, figures_in, years_in
from .findings import Finding, Kind, parts_of
from .grammar import places, read_back
from .records import Cell, Filing, Grid, Paragraph
from .words import telling

SLACK = 0.006  # of a rounded number in the text
_SUBJECT = re.compile(
    r"(?P<words>[^,;]*?)\s(?:was|were|totall?ed|amounted to|came to)\s(?:approximately\s|about\s|just\s)?\s*"
)


def faults(sentence: str, filing: Filing) -> tuple[str, ...]:
    """What of a sentence the filing does not carry; nothing where all of it holds."""
    read = read_back(sentence)
    if read is None:
        return (f"no form of a note's sentence: {sentence!r}",)
    kind, said = read
    closest: tuple[str, ...] | None = None
    for finding in _meant(kind, said, filing):
        true = places(finding, filing)
        wrong = tuple(f"{name} is {true[name]}, not {value}" for name, value in said.items() if true[name] != value)
        if not wrong:
            return ()
        if closest is None or len(wrong) < len(closest):
            closest = wrong
    return closest or (f"the filing has no cell for {said.get('label', said.get('whole'))!r} in {said['period']!r}",)


def _meant(kind: Kind, said: Mapping[str, str], filing: Filing) -> Iterator[Finding]:
    """The findings that the sentence's names could mean."""
    for grid in filing.tables:
        name = said["whole"] if kind == "parts" else said["label"]
        for cell in _named(grid, name, said["period"]):
            match kind:
                case "level":
                    yield Finding(kind=kind, cells=(cell,), weight=0)
                case "change" | "points":
                    for old in _named(grid, name, said["before"]):
                        if old.row == cell.row and old.value and old.column != cell.column:
                            yield Finding(kind=kind, cells=(cell, old), weight=0)
                case "share":
                    for whole in grid.cells:
                        named = label_of(whole, grid) == said["whole"] and whole.column == cell.column
                        if named and whole.value and whole.row != cell.row:
                            yield Finding(kind=kind, cells=(cell, whole), weight=0)
                case "parts":
                    parts = parts_of(grid, cell)
                    if parts:
                        yield Finding(kind=kind, cells=(cell, *parts), weight=0)


def _named(grid: Grid, label: str, period: str) -> list[Cell]:
    return [cell for cell in grid.cells if label_of(cell, grid) == label and period_of(cell, grid) == period]


def contradictions(filing: Filing) -> tuple[tuple[Paragraph, Cell, str], ...]:
    """Sentences of the text whose amount for a row and a year no cell of that row and year carries.

    Careful: only sentences with one year and one amount, that begin with the label of one row and was, were or the
    like, where the table has that row and year; what a change of the row comes to also counts as carried.
    """
    found = []
    for paragraph in filing.paragraphs:
        for sentence in re.split(r"(?<=[.;])\s+", paragraph.text):
            figures = [each for each in figures_in(sentence) if each.currency or each.percent or each.scale]
            years = years_in(sentence)
            if len(figures) != 1 or len(years) != 1:
                continue
            subject = _SUBJECT.fullmatch(sentence[: figures[0].start])
            if subject is None:
                continue
            cells = [cell for cell in _rows_in(subject["words"], filing) if years[0] in years_in(cell.header)]
            if not cells or figures[0].percent != (cells[0].scale == "percent"):
                continue
            value = figures[0].value * SCALES[figures[0].scale]
            carried = [each for cell in cells for each in _carried(cell, filing)]
            rough = 0.5 * 10.0 ** -figures[0].decimals * SCALES[figures[0].scale]
            if not any(abs(abs(each) - value) <= max(rough, SLACK * abs(each)) for each in carried):
                found.append((paragraph, cells[0], sentence))
    return tuple(found)


def _rows_in(words: str, filing: Filing) -> list[Cell]:
    """Cells of the one row whose whole label (two telling words or more) these words are, with at most two more."""
    own = set(telling(words))
    labels = {(cell.table, cell.row): set(telling(cell.label)) for cell in filing.cells()}
    rows = {place for place, label in labels.items() if len(label) >= 2 and label <= own and len(own - label) <= 2}
    if len(rows) != 1:
        return []
    return [cell for cell in filing.cells() if (cell.table, cell.row) in rows]


def _carried(cell: Cell, filing: Filing) -> Iterator[float]:
    """The cell's amount (under any scale that the table may mean), and its differences to the row's other cells."""
    scale = 1.0 if cell.scale == "percent" else SCALES[cell.scale]
    grid = next(each for each in filing.tables if each.number == cell.table)
    for other in SCALES.values() if not cell.scale else (scale,):
        yield cell.value * other
        yield from ((cell.value - each.value) * other for each in grid.row(cell.row) if each is not cell)
