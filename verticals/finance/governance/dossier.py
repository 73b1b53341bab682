"""The dossier: chapters with their expectations, put together as one verified page and the same content as JSON.

It knows nothing of any task: chapters come in, and the closing table is made of what each of them expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....core.governance import Expectation, Governance, Status
from ....core.version import __version__
from ....knowledge.claims import Claim, Evidence
from ....knowledge.reports import Figure, Key, Report, Rows, Section, Tone

BANNER = (
    "Evidence for a validation, made by the program itself: no validation, no approval and no legal opinion. Chapters"
    " per SR 26-2 / OCC Bulletin 2026-13 / FIL-15-2026 (17 April 2026), which replaced SR 11-7."
)
NOTES = (
    "What is expected follows SR 26-2, OCC Bulletin 2026-13 and FIL-15-2026 as secondary sources tell them: conceptual"
    " soundness, outcomes, effective challenge, monitoring, an inventory by materiality. Their text is not quoted, and"
    " whether they apply is the bank's to say.",
    "Thresholds are conventions fixed in the program; the bank may hold its own against the same numbers.",
)
MARKS: dict[Status, str] = {"pass": "✓ pass", "fail": "✗ fail", "not run": "– not run"}
CLOSING = "Each expectation, what was run, and what came out"


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A heading, what was measured (`facts`, plain JSON), how it is shown, and lines of the closing table."""

    heading: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    tables: tuple[Rows, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    expects: tuple[Expectation, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All that the page shows of it, but for the pictures, whose numbers are in `facts` or in the tables."""
        return {
            "heading": self.heading,
            "facts": dict(self.facts),
            "sentences": [claim.sentence() for claim in self.claims],
            "tables": [
                {"caption": each.caption, "header": list(each.header), "rows": [list(row) for row in each.rows]}
                for each in self.tables
            ],
            "figures": [figure.caption for figure in self.figures],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True)
class Head:
    """What stands above the chapters. `about` says what the data are, and whether they are real."""

    task: str
    model: Mapping[str, Any]
    data: str
    simulated: bool | None
    about: str
    keys: tuple[Key, ...]
    provenance: Mapping[str, str]


def expect(chapter: str, expects: str, ran: str, met: bool | None, found: str) -> Expectation:
    """One line of the closing table; None is not run, and `found` then says why."""
    status: Status = "not run" if met is None else "pass" if met else "fail"
    return Expectation(chapter=chapter, expects=expects, ran=ran, status=status, found=found)


def governance_of(head: Head, chapters: Sequence[Chapter]) -> Governance:
    """The whole: numbered chapters, the closing table, the verdict, the page."""
    lines = tuple(each for chapter in chapters for each in chapter.expects)
    failed, idle = (tuple(each for each in lines if each.status == status) for status in ("fail", "not run"))
    passed = len(lines) - len(failed) - len(idle)
    summary = f"{passed} of {len(lines)} expectations met, {len(failed)} not met, {len(idle)} not run"
    tone: Tone = "bad" if failed else "warn" if idle else "good"
    sections = [_section(number, chapter) for number, chapter in enumerate(chapters, start=1)]
    report = Report(
        title=f"Governance evidence: {head.task}",
        verdict=summary,
        tone=tone,
        banner=f"{head.about} {BANNER}",
        keys=head.keys,
        sections=(*sections, _closing(len(chapters) + 1, lines)),
        evidence={key: item for chapter in chapters for key, item in chapter.evidence.items()},
        warnings=tuple(f"Not met: {each.expects} ({each.found})" for each in failed),
        provenance=head.provenance,
    )
    return Governance(
        task=head.task,
        version=__version__,
        model=head.model,
        data=head.data,
        simulated=head.simulated,
        summary=f"{summary}. {head.about}",
        expectations=lines,
        chapters=tuple(chapter.to_dict() for chapter in chapters),
        report=report,
    )


def _section(number: int, chapter: Chapter) -> Section:
    return Section(
        heading=f"{number}. {chapter.heading}",
        claims=chapter.claims,
        tables=chapter.tables,
        figures=chapter.figures,
        notes=chapter.notes,
    )


def _closing(number: int, lines: Sequence[Expectation]) -> Section:
    rows = tuple((each.chapter, each.expects, each.ran, MARKS[each.status], each.found) for each in lines)
    table = Rows(
        header=("chapter", "expected", "what was run", "outcome", "found, or why it was not run"), rows=rows,
        caption="Nothing is left out: what could not be run says why.",
    )  # fmt: skip
    return Section(heading=f"{number}. {CLOSING}", tables=(table,), notes=NOTES)
