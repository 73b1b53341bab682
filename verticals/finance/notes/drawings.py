"""Pictures of a note as SVG: the table as it was printed with its cited cells marked, and a row over its periods."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape

from ....knowledge.reports import Figure
from .amounts import amount_of, label_of, period_of
from .findings import Finding
from .records import Cell, Filing, Grid

LINE, LETTER, LONGEST = 22, 6.4, 46
INK, SOFT, MARK, BAR, OLD = "#1c2430", "#5b6676", "#fff3bf", "#2f5d8a", "#b9c4d0"


def key_of(grid: Grid) -> str:
    """The key of the picture of a table."""
    return f"table {grid.number}"


def printed(grid: Grid, cited: Collection[str], numbers: Mapping[str, int]) -> Figure:
    """The table, with each cited cell marked and the number of its citation beside it."""
    widths = [
        min(LONGEST, max(len(row[column]) for row in grid.lines)) * LETTER + (26 if column else 14)
        for column in range(len(grid.lines[0]))
    ]
    lefts = [sum(widths[:column]) for column in range(len(widths) + 1)]
    parts = []
    for index, row in enumerate(grid.lines):
        base = (index + 1) * LINE
        weight = ' font-weight="600"' if index in grid.heads else ""
        for column, text in enumerate(row):
            cell = grid.at(index, column)
            if cell is not None and cell.key in cited:
                parts.append(
                    f'<rect x="{lefts[column] + 2:.0f}" y="{base - 16}" width="{widths[column] - 4:.0f}" height="20" '
                    f'rx="3" fill="{MARK}"/><text x="{lefts[column] + 5:.0f}" y="{base - 6}" font-size="7.5" '
                    f'fill="{BAR}">{numbers.get(cell.key, "")}</text>'
                )
            if not text:
                continue
            at, anchor = (lefts[column] + 4, "start") if column == 0 else (lefts[column + 1] - 6, "end")
            parts.append(f'<text x="{at:.0f}" y="{base}" text-anchor="{anchor}"{weight}>{escape(_cut(text))}</text>')
        if index in grid.heads and index + 1 not in grid.heads:
            parts.append(f'<line x1="0" x2="{lefts[-1]:.0f}" y1="{base + 6}" y2="{base + 6}" stroke="{SOFT}"/>')
    caption = f"Table {grid.number}{f', {grid.title}' if grid.title else ''} as printed"
    caption += f" (in {grid.scale}s)" if grid.scale not in ("", "percent") else ""
    return Figure(
        data=_svg(lefts[-1], len(grid.lines) * LINE + 14, parts), caption=f"{caption}; marked cells are cited",
        key=key_of(grid),
    )  # fmt: skip


def changes(findings: Collection[Finding], filing: Filing) -> Figure | None:
    """The rows whose change is in the note: the older period above the newer one, of one unit."""
    pairs = [each.cells for each in findings if each.kind == "change"]
    if not pairs:
        return None
    unit = (pairs[0][0].unit, pairs[0][0].scale, pairs[0][0].table)
    pairs = [each for each in pairs if (each[0].unit, each[0].scale, each[0].table) == unit and each[0].value > 0][:8]
    if len(pairs) < 2:
        return None
    grid = next(each for each in filing.tables if each.number == unit[2])
    most = max(cell.value for each in pairs for cell in each)
    parts = []
    for place, (new, old) in enumerate(pairs):
        top = place * 46
        parts.append(f'<text x="250" y="{top + 26}" text-anchor="end">{escape(_cut(label_of(new, grid), 38))}</text>')
        for shift, cell, colour in ((6, old, OLD), (22, new, BAR)):
            width = 330 * cell.value / most
            parts.append(f'<rect x="260" y="{top + shift}" width="{width:.1f}" height="14" fill="{colour}"/>')
            said = f"{amount_of(cell)}, {period_of(cell, grid)}"
            parts.append(f'<text x="{266 + width:.0f}" y="{top + shift + 11}" fill="{SOFT}">{escape(said)}</text>')
    return Figure(data=_svg(820, len(pairs) * 46 + 6, parts), caption="Rows of the note over two periods")


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _svg(width: float, height: float, parts: Collection[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'font-family="DejaVu Sans,sans-serif" font-size="11" fill="{INK}">{"".join(parts)}</svg>'
    )


def shown(cell: Cell, grid: Grid) -> str:
    """What a cell is and where, for the list of evidence."""
    return (
        f"table {grid.number}, row {cell.row + 1} “{label_of(cell, grid)}”, column “{cell.header or cell.column + 1}”: "
        f"printed {cell.text}"
    )
