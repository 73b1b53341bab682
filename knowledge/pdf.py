"""A report as a PDF: the same claims, tables, figures and evidence, text that can be selected, a banner on each page.

The one owner of fpdf2. Letters are DejaVu Sans, which Matplotlib brings, so that every character of a report has one.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.optional import require
from .claims import Claim, Evidence

if TYPE_CHECKING:
    from .reports import Figure, Report, Rows, Section

FAMILY = "DejaVu"
INK, SOFT, LINE, ACCENT, PALE = (28, 36, 48), (91, 102, 118), (223, 228, 234), (47, 93, 138), (255, 247, 224)
TONES = {"good": (31, 122, 77), "bad": (179, 38, 30), "warn": (154, 103, 0), "plain": INK}
MARGIN, FOOT = 18.0, 20.0  # mm
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # written as the time of making, so that the same report is the same file


def pdf_of(report: Report) -> bytes:
    """The bytes of the file.

    Raises:
        MissingExtra: fpdf2 is not installed.
    """
    require("fpdf", "pdf", "a report as PDF")
    sheet = _Sheet(report)
    sheet.head()
    for section in report.sections:
        sheet.section(section, 13)
    sheet.evidence_list()
    sheet.provenance()
    return bytes(sheet.pdf.output())


class _Sheet:
    """The pages while they are written: what stands where, and which links lead there."""

    def __init__(self, report: Report) -> None:
        from fpdf import FPDF  # type: ignore[import-untyped]

        self.report = report
        self.pdf = _with_foot(FPDF, report.banner)
        self.pdf.set_creation_date(EPOCH)
        self.pdf.set_title(report.title)
        self.pdf.set_lang("en")
        self.pdf.set_margins(MARGIN, MARGIN)
        self.pdf.set_auto_page_break(True, FOOT)
        self.pdf.add_page()
        self.numbers = {key: number for number, key in enumerate(report.evidence, start=1)}
        self.entries = {key: self.pdf.add_link() for key in report.evidence}
        self.figures = {figure.key: self.pdf.add_link() for figure in _figures(report.sections) if figure.key}

    def head(self) -> None:
        self.text(self.report.title, 18, bold=True)
        self.text(self.report.verdict, 12, bold=True, colour=TONES[self.report.tone])
        if self.report.banner:
            self.text(self.report.banner, 8.5, fill=PALE, after=3)
        if self.report.warnings:
            self.text("Warnings", 10, bold=True)
            for warning in self.report.warnings:
                self.text(f"• {warning}", 9)
        if self.report.keys:
            keys = "   ".join(
                f"{key.label}: {key.value}{f' ({key.note})' if key.note else ''}" for key in self.report.keys
            )
            self.text(keys, 9, colour=SOFT, after=2)

    def section(self, section: Section, size: float) -> None:
        self.need(28)
        self.heading(section.heading, size)
        if section.flowing:
            for place, claim in enumerate(section.claims):
                self.claim(claim, " " if place else "")
            self.pdf.ln(6)
        else:
            for claim in section.claims:
                self.claim(claim, "• ")
                self.pdf.ln(5.6)
        for part in section.parts:
            self.section(part, size - 2)
        for figure in section.figures:
            self.figure(figure)
        for table in section.tables:
            self.table(table)
        for note in section.notes:
            self.text(note, 9, colour=SOFT)

    def claim(self, claim: Claim, lead: str) -> None:
        """The sentence and behind it a link to each evidence: to the figure that shows it, else to its entry.

        Every piece begins with its space: where a line is full, it breaks there and not within a word.
        """
        pdf = self.pdf
        pdf.set_font(FAMILY, size=9.5)
        pdf.set_text_color(*INK)
        pdf.write(5, f"{lead}{claim.sentence()}")
        pdf.set_text_color(*ACCENT)
        pdf.set_font(FAMILY, size=6.5)
        for key in claim.evidence():
            shown = self.report.evidence[key].figure
            pdf.write(5, f" [{self.numbers[key]}]", self.figures.get(shown, self.entries[key]))

    def figure(self, figure: Figure) -> None:
        picture, ratio = _picture(figure)
        width = self.pdf.epw if figure.wide else self.pdf.epw / 2
        height = min(width * ratio, 110.0)
        width = height / ratio
        self.need(height + 10)
        if figure.key:
            self.pdf.set_link(self.figures[figure.key], page=self.pdf.page_no(), y=self.pdf.get_y())
        self.pdf.image(picture, w=width, h=height, alt_text=figure.caption)
        self.text(figure.caption, 8, colour=SOFT, after=3)

    def table(self, rows: Rows) -> None:
        self.need(24)
        if rows.caption:
            self.text(rows.caption, 8, colour=SOFT)
        self.pdf.set_font(FAMILY, size=7)
        self.pdf.set_text_color(*INK)
        self.pdf.set_draw_color(*LINE)
        self.pdf.set_fill_color(255)
        widths = _widths(rows)
        with self.pdf.table(col_widths=widths, line_height=4, borders_layout="HORIZONTAL_LINES", padding=0.6,
                            text_align="LEFT") as table:  # fmt: skip
            for line in (rows.header, *rows.rows):
                row = table.row()
                for cell in line:
                    row.cell(cell)
        self.pdf.ln(3)

    def evidence_list(self) -> None:
        if not self.report.evidence:
            return
        self.need(28)
        self.heading("Evidence", 13)
        for key, item in self.report.evidence.items():
            self.need(8)
            self.pdf.set_link(self.entries[key], page=self.pdf.page_no(), y=self.pdf.get_y())
            self.text(f"[{self.numbers[key]}]  {item.kind.upper()}  {item.shows}", 8, after=0.5)
            self.detail(item)

    def detail(self, item: Evidence) -> None:
        if item.detail:
            self.pdf.set_x(MARGIN + 6)
            self.pdf.set_font(FAMILY, size=6.5)
            self.pdf.set_text_color(*SOFT)
            self.pdf.multi_cell(self.pdf.epw - 6, 3.2, item.detail, align="L", new_x="LMARGIN", new_y="NEXT")

    def provenance(self) -> None:
        told: Mapping[str, str] = self.report.provenance
        if told:
            self.need(24)
            self.heading("How this was made", 13)
            for name, value in told.items():
                self.text(f"{name}: {value}", 8)

    def heading(self, words: str, size: float) -> None:
        self.pdf.ln(2)
        self.text(words, size, bold=True, after=1)
        self.pdf.start_section(words, level=0 if size >= 13 else 1)

    def text(
        self, words: str, size: float, *, bold: bool = False, colour: tuple[int, int, int] = INK, after: float = 0.8,
        fill: tuple[int, int, int] | None = None,
    ) -> None:  # fmt: skip
        """A paragraph over the width of the page; `size` in points, `after` in mm."""
        self.pdf.set_font(FAMILY, "B" if bold else "", size)
        self.pdf.set_text_color(*colour)
        if fill is not None:
            self.pdf.set_fill_color(*fill)
        self.pdf.multi_cell(0, size * 0.5, words, align="L", fill=fill is not None, padding=2 if fill else 0,
                            new_x="LMARGIN", new_y="NEXT")  # fmt: skip
        self.pdf.ln(after)

    def need(self, millimetres: float) -> None:
        """A new page where less than this is left on it."""
        if self.pdf.get_y() + millimetres > self.pdf.h - FOOT and self.pdf.get_y() > MARGIN + 1:
            self.pdf.add_page()


def _with_foot(base: Any, banner: str) -> Any:
    """An A4 document with the letters loaded, whose every page ends with the banner and its number."""
    import matplotlib

    class Footed(base):
        def footer(self) -> None:
            self.set_y(-FOOT + 4)
            self.set_font(FAMILY, size=7)
            self.set_text_color(*SOFT)
            self.multi_cell(0, 3.2, banner, align="C", new_x="LMARGIN", new_y="NEXT")
            self.cell(0, 4, f"{self.page_no()} of {{nb}}", align="C")

    pdf = Footed(format="A4")
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdf.add_font(FAMILY, "", folder / "DejaVuSans.ttf")
    pdf.add_font(FAMILY, "B", folder / "DejaVuSans-Bold.ttf")
    return pdf


def _picture(figure: Figure) -> tuple[io.BytesIO, float]:
    """The picture and its height over width."""
    if figure.data.startswith("<svg"):
        plain = re.sub(r"<(metadata|style)\b.*?</\1>", "", figure.data, flags=re.DOTALL)  # which fpdf2 does not know
        return io.BytesIO(plain.encode()), _ratio_of_svg(figure.data)
    from PIL import Image

    stream = io.BytesIO(base64.b64decode(figure.data.split(",", 1)[1]))
    with Image.open(stream) as image:
        ratio = image.height / image.width
    stream.seek(0)
    return stream, ratio


def _ratio_of_svg(svg: str) -> float:
    box = re.search(r'viewBox="([^"]+)"', svg[:2000])
    _, _, width, height = (float(each) for each in box.group(1).split()) if box else (0.0, 0.0, 1.0, 0.6)
    return height / width


def _figures(sections: tuple[Section, ...]) -> list[Figure]:
    return [each for section in sections for each in (*section.figures, *_figures(section.parts))]


def _widths(rows: Rows) -> tuple[float, ...]:
    """Each column by its longest cell, none narrower than the longest word of its header."""
    body = zip(*rows.rows, strict=True) if rows.rows else ([] for _ in rows.header)
    words = [max(len(word) + 1 for word in head.split()) if head.split() else 1 for head in rows.header]
    longest = [max((len(cell) for cell in column), default=1) for column in body]
    return tuple(float(max(min(cell, 40), word, 4)) for cell, word in zip(longest, words, strict=True))
