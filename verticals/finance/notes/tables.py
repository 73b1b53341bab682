"""A printed table understood: which rows name columns, which label a row, periods, scales, sections.

Text of cells in, `Grid` out. It knows nothing of files; brackets as negatives and the like are in figures.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .figures import figure_of, nothing, scale_in, years_in
from .records import Cell, Grid

_DATE = re.compile(
    r"^(?:(?:as (?:of|at)|year ended|years ended|fiscal|at|fy|q[1-4]|\d+ (?:weeks|months))\b.*|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? ?\d{0,2},?(?: ?(?:19|20)\d{2})?|"
    r"(?:fy ?)?'?(?:19|20)?\d{2})$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"^(?:FY\s?)?(?:19|20)\d{2}(?:\s?\(?[a-z\d*]{1,2}\)?)?$", re.IGNORECASE)
_NOTE = re.compile(r"\s*\((?:\d{1,2}|[a-z])\)\s*$")
_CURRENCY = re.compile(r"US\$|A\$|\$|€|£|¥|RMB|\bUSD\b|\bEUR\b|\bGBP\b")


@dataclass(frozen=True, slots=True)
class _Body:
    """What is known while rows are gone through."""

    headers: tuple[str, ...]
    section: str


def grid_of(lines: Sequence[Sequence[str]], *, number: int, context: str = "", title: str = "") -> Grid:
    """A table from its cells' texts; `context` is the text around it, read for a scale where the table says none."""
    width = max(len(line) for line in lines)
    rows = [tuple(" ".join(str(cell).split()) for cell in line) + ("",) * (width - len(line)) for line in lines]
    heads = [index for index in range(len(rows)) if _is_head(rows, index)]
    scale = _scale(rows, heads) or ("" if _in_full(rows, heads) else scale_in(context))
    unit = next((match.group() for row in rows for cell in row if (match := _CURRENCY.search(cell))), "")
    cells: list[Cell] = []
    labels: dict[int, str] = {}
    sections: dict[int, str] = {}
    state = _Body(("",) * width, "")
    block: list[int] = []
    for index, row in enumerate(rows):
        if index in heads:
            block = [*block, index] if index - 1 in block else [index]
            state = _Body(_headers([rows[each] for each in block], width), "")
            continue
        labels[index], sections[index] = label_of(row[0]), state.section
        if row[0] and not any(row[1:]):
            state = _Body(state.headers, label_of(row[0]).rstrip(":"))
            sections[index] = ""
            continue
        cells += _cells(row, index, state, number=number, scale=scale, unit=unit)
    first = _headers([rows[each] for each in heads if each < (min(labels) if labels else len(rows))], width)
    return Grid(
        number=number, lines=tuple(rows), heads=tuple(heads), headers=first, labels=labels, sections=sections,
        cells=tuple(cells), scale=scale, title=title,
    )  # fmt: skip


def label_of(text: str) -> str:
    """A row's label without the mark of a footnote."""
    return _NOTE.sub("", text).strip()


def _cells(row: Sequence[str], index: int, state: _Body, *, number: int, scale: str, unit: str) -> list[Cell]:
    found = []
    for column, text in enumerate(row):
        if column == 0 or not text:
            continue
        figure, nil = figure_of(text), nothing(text)
        if figure is None and not nil:
            continue
        header = state.headers[column]
        years = years_in(header)
        found.append(
            Cell(
                table=number, row=index, column=column, text=text,
                value=figure.value if figure else 0.0, decimals=figure.decimals if figure else 0,
                label=label_of(row[0]), section=state.section, header=header,
                period=str(years[-1]) if len(years) == 1 else header,
                scale=_cell_scale(text, row[0], header, scale), 
                unit=(figure.currency if figure else "") or unit, nil=nil,
            )
        )  # fmt: skip
    return found


def _cell_scale(text: str, label: str, header: str, scale: str) -> str:
    """Per cent where the cell, its row or its column says so; nothing for what is counted one by one."""
    if "%" in text or "%" in header or re.search(r"%|\bpercent(?:age)?\b|\bper cent\b|\brate\b", label.lower()):
        return "percent"
    own = scale_in(header) or scale_in(label)
    if own:
        return own
    if re.search(
        r"\bper (?:\w+ )?(?:share|unit|employee)\b|\byears?\)|\bdays\b|\bmultiple\b", f"{label} {header}".lower()
    ):
        return ""
    return scale


def _in_full(rows: Sequence[Sequence[str]], heads: Sequence[int]) -> bool:
    """Whether amounts of ten million or more are printed: then a scale said somewhere in the text is not theirs."""
    figures = [figure_of(cell) for index, row in enumerate(rows) if index not in heads for cell in row[1:]]
    return any(figure is not None and abs(figure.value) >= 1e7 for figure in figures)


def _is_head(rows: Sequence[Sequence[str]], index: int) -> bool:
    """A row whose cells beside the first are words, dates or years, at the top or with nothing in its first cell."""
    row = rows[index]
    filled = [cell for cell in row[1:] if cell]
    if not filled:
        return index == 0 or (not row[0] and index < 3)
    amounts = [cell for cell in filled if (figure_of(cell) is not None or nothing(cell)) and not _YEAR.match(cell)]
    if amounts and not all(_DATE.match(cell) for cell in filled):
        return False
    years = all(_YEAR.match(cell) or _DATE.match(cell) for cell in filled)
    if row[0] and not years and index > 0 and not _starts(rows, index):
        return False
    if row[0] and years and index > 0 and not _starts(rows, index):
        return re.search(r"year|ended|at |as of|fiscal|million|thousand|\$|note", row[0].lower()) is not None
    return _starts(rows, index) or not row[0]


def _starts(rows: Sequence[Sequence[str]], index: int) -> bool:
    """Whether no row before this one holds an amount beside a label."""
    return not any(
        any(figure_of(cell) is not None and not _YEAR.match(cell) for cell in rows[each][1:]) for each in range(index)
    )


def _headers(block: Sequence[Sequence[str]], width: int) -> tuple[str, ...]:
    """The words above each column; a single one in a row stands over all, others over the blanks to their right."""
    names: list[list[str]] = [[] for _ in range(width)]
    for row in block:
        filled = [column for column in range(1, width) if row[column]]
        if len(filled) == 1 and width > 2:
            over = dict.fromkeys(range(1, width), row[filled[0]])
        else:
            over, last = {}, row[filled[0]] if filled else ""
            deepest = row is block[-1]
            for column in range(1, width):
                last = row[column] or ("" if deepest else last)
                over[column] = last
        for column, text in over.items():
            if text and text not in names[column]:
                names[column].append(text)
    return ("", *(" ".join(each) for each in names[1:]))


def _scale(rows: Sequence[Sequence[str]], heads: Sequence[int]) -> str:
    """The scale that the header rows say, or the first column of the first rows."""
    for index in heads:
        found = scale_in(" ".join(rows[index]))
        if found:
            return found
    for row in rows[:3]:
        found = scale_in(row[0])
        if found:
            return found
    return ""
