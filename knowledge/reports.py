"""A report: claims, figures and tables, verified and written as one self-contained page (no script, no outside link).

It knows nothing of any field: a vertical plans the sections, this file realises and renders them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .claims import Check, Claim, Evidence, Told, told, verify
from .page import PAGE, STYLE

Tone = Literal["good", "bad", "warn", "plain"]
_NUMBER = re.compile(r"[-+−<>≤≥]?\s?[\d.,]+(\s?[%\w/³²°]{1,6})?")  # with or without a unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A picture as SVG or PNG bytes (knowledge/figures.py makes them), with what it shows."""

    data: str  # an <svg> element, or a data URI of a PNG
    caption: str
    wide: bool = True
    key: str = ""  # by which evidence points at it


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """A table: a header and rows of text; numbers are aligned right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One number or word to read first."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A heading and what stands under it, in this order: claims, parts, figures, tables, notes.

    `flowing` claims are written as one paragraph, others as a list; a part is a section inside.
    """

    heading: str
    claims: tuple[Claim, ...] = ()
    figures: Sequence[Figure] = ()  # may be drawn when it is first read
    tables: tuple[Rows, ...] = ()
    notes: tuple[str, ...] = ()
    parts: tuple[Section, ...] = ()
    flowing: bool = False

    def all_claims(self) -> Iterator[Claim]:
        yield from self.claims
        for part in self.parts:
            yield from part.all_claims()


@dataclass(frozen=True, kw_only=True)
class Report:
    """A page. Its claims are verified when it is made, so a report that exists is one whose sentences hold.

    Verdict, keys, tables, notes and figures are written as they are given: their numbers are not measured again.

    Raises:
        UnsupportedClaim: at construction, when a claim's evidence does not carry it or claims contradict each other.
    """

    title: str
    verdict: str
    tone: Tone = "plain"
    banner: str = ""
    keys: tuple[Key, ...] = ()
    sections: tuple[Section, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        verify(self.claims(), self.evidence, self.checks)

    def claims(self) -> tuple[Claim, ...]:
        """Every claim, in the order in which it is read."""
        return tuple(claim for section in self.sections for claim in section.all_claims())

    def save(self, path: str | Path) -> Path:
        """Write a page (HTML), or a PDF where the name ends so.

        Raises:
            MissingExtra: a PDF is asked for and fpdf2 is not installed.
        """
        path = Path(path)
        if path.suffix.lower() == ".pdf":
            from .pdf import pdf_of

            path.write_bytes(pdf_of(self))
            return path
        path.write_text(self.html(), encoding="utf-8", errors="backslashreplace")
        return path

    def sentences(self) -> tuple[str, ...]:
        """Every sentence of the report, as a reader sees it."""
        return tuple(claim.sentence() for claim in self.claims())

    def told(self) -> Told:
        """All that the claims say of something, by subject and attribute."""
        return told(self.claims())

    def html(self) -> str:
        numbers = {key: number for number, key in enumerate(self.evidence, start=1)}
        body = [
            f'<header><p class="kicker">Colonnade report</p><h1>{_e(self.title)}</h1>',
            f'<p class="verdict {self.tone}">{_e(self.verdict)}</p></header>',
            f'<p class="banner">{_e(self.banner)}</p>' if self.banner else "",
            _warnings(self.warnings),
            _keys(self.keys),
            *(_section(section, numbers, self.evidence) for section in self.sections),
            _evidence(self.evidence, numbers),
            _provenance(self.provenance),
        ]
        foot = f'<p class="foot">{_e(self.banner)}</p>' if self.banner else ""  # on every sheet that is printed
        return PAGE.format(title=_e(self.title), style=STYLE, body="\n".join(part for part in body if part), foot=foot)


def _section(section: Section, numbers: Mapping[str, int], shown: Mapping[str, Evidence], level: int = 2) -> str:
    parts = [f"<section class='level{level}'><h{level}>{_e(section.heading)}</h{level}>"]
    claims = [_claim(claim, numbers, shown) for claim in section.claims]
    if claims and section.flowing:
        parts.append("<p class='flowing'>" + " ".join(f"<span>{each}</span>" for each in claims) + "</p>")
    elif claims:
        parts.append("<ul class='claims'>" + "".join(f"<li>{each}</li>" for each in claims) + "</ul>")
    parts += [_section(part, numbers, shown, level + 1) for part in section.parts]
    if section.figures:
        parts.append("<div class='figures'>" + "".join(_figure(figure) for figure in section.figures) + "</div>")
    parts += [_rows(table) for table in section.tables]
    parts += [f"<p class='note'>{_e(note)}</p>" for note in section.notes]
    return "".join(parts) + "</section>"


def _claim(claim: Claim, numbers: Mapping[str, int], shown: Mapping[str, Evidence]) -> str:
    """The sentence, and behind it a link to each evidence: to the figure that shows it, else to its entry."""
    cites = "".join(
        f'<a href="#{_target(key, numbers, shown)}" title="{_e(shown[key].kind)}: {_e(shown[key].shows)}">'
        f"{numbers[key]}</a>"
        for key in claim.evidence()
    )
    return f"{_e(claim.sentence())}&nbsp;<sup>{cites}</sup>"


def _target(key: str, numbers: Mapping[str, int], shown: Mapping[str, Evidence]) -> str:
    return f"f-{_id(shown[key].figure)}" if shown[key].figure else f"e{numbers[key]}"


def _figure(figure: Figure) -> str:
    picture = figure.data if figure.data.startswith("<svg") else f'<img src="{figure.data}" alt="{_e(figure.caption)}">'
    size = "wide" if figure.wide else "small"
    own = f' id="f-{_id(figure.key)}"' if figure.key else ""
    return f'<figure class="{size}"{own}>{picture}<figcaption>{_e(figure.caption)}</figcaption></figure>'


def _id(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", key)


def _rows(table: Rows) -> str:
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.header)
    kinds = [' class="number"' if _numeric(column) else "" for column in columns]
    head = "".join(f"<th{kind}>{_e(cell)}</th>" for kind, cell in zip(kinds, table.header, strict=True))
    cells = ("".join(f"<td{kind}>{_e(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) for row in table.rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    caption = f"<caption>{_e(table.caption)}</caption>" if table.caption else ""
    return f"<div class='scroll'><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _numeric(column: Sequence[str]) -> bool:
    """Whether a column holds numbers, and nothing else but blanks and dashes."""
    told = [cell for cell in column if cell not in ("", "-", "–")]
    return bool(told) and all(_NUMBER.fullmatch(cell) for cell in told)


def _keys(keys: Sequence[Key]) -> str:
    cards = "".join(
        f'<div class="key {key.tone}"><span>{_e(key.label)}</span><b>{_e(key.value)}</b>'
        f"<small>{_e(key.note)}</small></div>"
        for key in keys
    )
    return f'<div class="keys">{cards}</div>' if keys else ""


def _warnings(warnings: Sequence[str]) -> str:
    items = "".join(f"<li>{_e(warning)}</li>" for warning in warnings)
    return f'<div class="warnings"><h2>Warnings</h2><ul>{items}</ul></div>' if warnings else ""


def _evidence(evidence: Mapping[str, Evidence], numbers: Mapping[str, int]) -> str:
    items = "".join(f'<li id="e{numbers[key]}">{_shown(item)}</li>' for key, item in evidence.items())
    return f"<section><h2>Evidence</h2><ol class='evidence'>{items}</ol></section>" if evidence else ""


def _shown(item: Evidence) -> str:
    link = f' <a href="#f-{_id(item.figure)}">shown</a>' if item.figure else ""
    detail = f"<pre>{_e(item.detail)}</pre>" if item.detail else ""
    return f"<i>{_e(item.kind)}</i> {_e(item.shows)}{link}{detail}"


def _provenance(provenance: Mapping[str, str]) -> str:
    rows = "".join(f"<tr><th>{_e(key)}</th><td><code>{_e(value)}</code></td></tr>" for key, value in provenance.items())
    return f"<section><h2>How this was made</h2><table class='made'>{rows}</table></section>" if provenance else ""


def _e(text: str) -> str:
    return html.escape(str(text))
