"""What a filing holds once it is read: tables of cells that know their row, column, period and scale, and paragraphs.

It knows nothing of files, questions or notes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ....core.result import Interval
from .figures import SCALES, Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A number of a table. `label` is its row's, `section` the heading above that, `header` its column's.

    `nil` marks a dash, which counts as 0. `scale` is thousand, million, billion, percent or "".
    """

    table: int
    row: int
    column: int
    text: str
    value: float
    decimals: int
    label: str
    section: str
    header: str
    period: str
    scale: str
    unit: str = ""
    nil: bool = False

    @property
    def key(self) -> str:
        return f"table {self.table}, row {self.row + 1}, column {self.column + 1}"

    @property
    def absolute(self) -> float:
        """The value in units: of money in full, of per cent as a share."""
        return self.value * SCALES[self.scale]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table as it was printed, and the cells that are numbers."""

    number: int
    lines: tuple[tuple[str, ...], ...]
    heads: tuple[int, ...]  # the rows that name the columns
    headers: tuple[str, ...]
    labels: Mapping[int, str]
    sections: Mapping[int, str]
    cells: tuple[Cell, ...]
    scale: str
    title: str = ""

    def at(self, row: int, column: int) -> Cell | None:
        return self._places().get((row, column))

    def row(self, row: int) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.row == row)

    def _places(self) -> Mapping[tuple[int, int], Cell]:
        return {(cell.row, cell.column): cell for cell in self.cells}


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """Text between tables, numbered as it came."""

    order: int
    text: str

    @property
    def key(self) -> str:
        return f"paragraph {self.order}"


@dataclass(frozen=True, kw_only=True)
class Filing:
    """One document: its tables and its text."""

    name: str
    tables: tuple[Grid, ...]
    paragraphs: tuple[Paragraph, ...]
    warnings: tuple[str, ...] = ()

    def cells(self) -> Iterator[Cell]:
        for table in self.tables:
            yield from table.cells

    def cell(self, key: str) -> Cell | None:
        return next((cell for cell in self.cells() if cell.key == key), None)

    def paragraph(self, order: int) -> Paragraph | None:
        return next((each for each in self.paragraphs if each.order == order), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a question comes to: texts or a number with its scale, how it was computed, and what it was read from.

    `cells` are keys of cells, `paragraphs` orders; `confidence` is the model's own, between the programs it tried.
    """

    question: str
    values: tuple[str, ...]
    scale: str
    operation: str
    derivation: str
    cells: tuple[str, ...] = ()
    paragraphs: tuple[int, ...] = ()
    confidence: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Note:
    """The answer of the task: what was found, each with its sentence, and the questions answered.

    `contradictions` are sentences of the filing that its own tables do not carry; `outlook` is the forecast of
    volatility for the price series, where one was given.
    """

    filing: str
    tables: int
    paragraphs: int
    claims: tuple[str, ...]
    citations: tuple[tuple[str, ...], ...]
    contradictions: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    outlook: Interval | None = None
    checked: int = 0
    warnings: tuple[str, ...] = field(default=())


def written(value: float, figure: Figure | None = None) -> str:
    """A value with as many digits as its figure had."""
    return f"{value:,.{figure.decimals if figure else 0}f}"
