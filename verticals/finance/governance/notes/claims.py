"""The chapter on claims: every sentence of every note holds, what is changed is caught, and without its cells it fails.

The control deletes a cell that is not cited.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .....core.random import numpy_generator
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...notes.check import faults
from ...notes.evaluation import Tried, tried
from ...notes.findings import findings_of
from ...notes.grammar import cited, claim_of
from ...notes.programs import ARITHMETIC, execute
from ...notes.records import Filing
from ...notes.report import program_of
from ..dossier import Chapter, expect
from ..written import count, share
from .case import Case

CHAPTER = "evidence"
CAUGHT, STANDS = 0.99, 0.95
MOST = 150  # filings


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    """Cells deleted one at a time: cited ones with the claims that fell, at once or (`twice`) with the cells of the
    table that print the same number; others with the claims that stood; answers recomputed, and those that cannot be
    without a cell they cite."""

    cited: int
    fell: int
    twice: int
    others: int
    stood: int
    answers: int
    recomputed: int
    lost: int


def claims(case: Case) -> Chapter:
    """On the judged filings and those without questions."""
    filings = case.filings[:MOST]
    found, gone = tried(filings, seed=case.seed), _deleted(case, filings)
    rate = 1 - found.held / found.said if found.said else 0.0
    again = lambda: float(tried(filings, seed=case.seed).caught)  # noqa: E731
    whole = lambda value: Fact(value=float(value), evidence="tried", digits=0, measure=lambda: float(value))  # noqa: E731
    return Chapter(
        heading="Claims: executed, not described",
        facts={
            "filings": len(filings), "claims": found.said, "unsupported_claim_rate": rate,
            "planted": found.planted, "caught": found.caught, "by_kind": dict(found.changes),
            "deleted": {name: getattr(gone, name) for name in Deleted.__dataclass_fields__},
        },
        claims=(
            Claim(
                template="{said} sentences were written, {held} hold; of {planted} in which one thing was made false,"
                " {caught} are caught.",
                facts={
                    "said": whole(found.said), "held": whole(found.held), "planted": whole(found.planted),
                    "caught": Fact(value=float(found.caught), evidence="tried", digits=0, measure=again),
                },
            ),
        ),
        evidence={"tried": Evidence(kind="rule", shows="sentences read back and computed again from their filings")},
        tables=(_kinds(found), _cells(gone)),
        notes=("A planted change that happens to be true is not planted. An answer may be exact and rest on the wrong"
               " cells: chapter 4 holds its cells against published derivations.",),
        expects=(
            expect(CHAPTER, "No claim is unsupported", f"{found.said:,} sentences of {len(filings)} notes",
                   found.held == found.said, f"rate {rate:.4f}"),
            expect(CHAPTER, f"Planted contradictions are caught ({CAUGHT:.0%})", f"{found.planted:,} changed sentences",
                   found.caught >= CAUGHT * found.planted, share(found.caught / max(found.planted, 1), 2)),
            expect(CHAPTER, "Deleting the cited cell makes the claim fail", f"{gone.cited:,} cited cells",
                   gone.fell + gone.twice == gone.cited, f"{gone.fell:,} of {gone.cited:,} claims at once,"
                   f" {gone.twice} once the same number printed again in the table is deleted too"),
            expect(CHAPTER, f"Deleting another cell leaves it ({STANDS:.0%})", f"{gone.others:,} cells not cited",
                   gone.stood >= STANDS * gone.others, share(gone.stood / max(gone.others, 1))),
            expect(CHAPTER, "A computed answer comes out again, and not without its cells", f"{gone.answers} answers",
                   gone.recomputed == gone.answers == gone.lost if gone.answers else None,
                   f"{gone.recomputed} come out again, {gone.lost} cannot be computed without a cited cell"),
        ),
    )  # fmt: skip


def without(filing: Filing, *keys: str) -> Filing:
    """The filing with some cells empty."""
    gone = {(cell.table, cell.row, cell.column) for cell in filing.cells() if cell.key in keys}
    tables = []
    for grid in filing.tables:
        lines = tuple(
            tuple("" if (grid.number, row, column) in gone else text for column, text in enumerate(line))
            for row, line in enumerate(grid.lines)
        )
        kept = tuple(each for each in grid.cells if each.key not in keys)
        tables.append(replace(grid, lines=lines, cells=kept))
    return replace(filing, tables=tuple(tables))


def _same(filing: Filing, key: str) -> list[str]:
    """Other cells of the table that print the same number."""
    cell = filing.cell(key)
    assert cell is not None
    return [
        each.key for each in filing.cells()
        if each.table == cell.table and each.value == cell.value and each.key != key
    ]  # fmt: skip


def _deleted(case: Case, filings: tuple[Filing, ...]) -> Deleted:
    random = numpy_generator(case.seed, "cells")
    counts = dict.fromkeys(Deleted.__dataclass_fields__, 0)
    for filing in filings:
        keys = [cell.key for cell in filing.cells()]
        for finding in findings_of(filing):
            sentence, own = claim_of(finding, filing).sentence(), cited(finding)
            for key in own:
                counts["cited"] += 1
                fell = bool(faults(sentence, without(filing, key)))
                counts["fell"] += fell
                counts["twice"] += not fell and bool(faults(sentence, without(filing, key, *_same(filing, key))))
            others = [key for key in keys if key not in own]
            if others:
                counts["others"] += 1
                counts["stood"] += not faults(sentence, without(filing, others[int(random.integers(len(others)))]))
    for (_, filing, _), answer in zip(case.asked, case.answers, strict=True):
        if answer is not None and answer.operation in ARITHMETIC:
            counts["answers"] += 1
            done = execute(program_of(answer, filing))
            counts["recomputed"] += done is not None and done.values == answer.values
            try:
                program_of(answer, without(filing, answer.cells[0]))
            except LookupError:
                counts["lost"] += 1
    return Deleted(**counts)


def _kinds(found: Tried) -> Rows:
    rows = tuple(
        (kind, count(planted), count(caught), share(caught / planted) if planted else "–")
        for kind, (planted, caught) in found.changes.items()
    )
    return Rows(header=("what was made false", "planted", "caught", ""), rows=rows)


def _cells(gone: Deleted) -> Rows:
    rows = (
        ("cited cells deleted, one at a time", count(gone.cited)),
        ("claims that fail without them", share(gone.fell / max(gone.cited, 1))),
        ("claims that fail once the same number printed again is deleted too", count(gone.twice)),
        ("control: cells not cited deleted", count(gone.others)),
        ("claims that stay", share(gone.stood / max(gone.others, 1))),
        ("computed answers", count(gone.answers)),
        ("come out again from the printed cells", count(gone.recomputed)),
        ("cannot be computed without a cell they cite", count(gone.lost)),
    )
    return Rows(header=("on all notes and answers", ""), rows=rows)
