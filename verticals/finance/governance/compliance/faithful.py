"""The chapter on evidence: without the cited subgraph the rule is silent, and the draft says nothing that is not there.

The control takes away as many payments of the same subject that are not cited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .....core.governance import Expectation
from .....core.progress import track
from .....core.random import numpy_generator
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact, UnsupportedClaim, verify
from .....knowledge.reports import Rows
from ...compliance.book import Book
from ...compliance.narrative import claims_of, evidence_of
from ...compliance.ranking.counters import accounts_of
from ...compliance.review import rule_of
from ...compliance.typologies.rule import MOST, Firing, silent_without, speaks_on
from ..dossier import Chapter, expect
from ..written import count, share
from .case import Case

CHAPTER = "evidence"
SAMPLE = 60
SPEAKS, STANDS = 0.9, 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One alert: silent without its evidence, speaking on it alone, still speaking without other payments (None where
    there are none), its edges, and whether its draft is carried by the book."""

    rule: str
    silent: bool
    speaks: bool
    stands: bool | None
    edges: int
    carried: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Of all alerts tried; `stands` is a share of the `controlled` (NaN where there are none)."""

    alerts: int
    silent: int
    speaks: int
    carried: int
    edges: int
    controlled: int
    stands: float


def faithful(case: Case) -> Chapter:
    """On judged alerts at random, the evidence taken away, kept alone, and left while other payments go."""
    tried = _tried(case)
    counts = _counts(tried)
    by_rule = {
        name: _counts([each for each in tried if each.rule == name])
        for name in dict.fromkeys(each.rule for each in tried)
    }
    again = lambda: float(_silent(case))  # noqa: E731
    alerts = lambda: float(len(tried))  # noqa: E731
    return Chapter(
        heading="Evidence: executed, not described",
        facts={
            "alerts": counts.alerts, "silent_without": counts.silent, "speaks_on": counts.speaks,
            "stands_without_others": counts.stands, "drafts_carried": counts.carried, "most_edges": counts.edges,
            "by_rule": {name: {"alerts": own.alerts, "silent": own.silent, "speaks": own.speaks}
                        for name, own in by_rule.items()},
        },
        claims=(
            Claim(
                template="Of {alerts} alerts, the rule is silent in {silent} once the cited edges are taken away.",
                facts={
                    "alerts": Fact(value=alerts(), evidence="tried", digits=0, measure=alerts),
                    "silent": Fact(value=float(counts.silent), evidence="tried", digits=0, measure=again),
                },
            ),
        ),
        evidence={"tried": Evidence(kind="rule", shows="the rules run again on books without the cited edges")},
        tables=_tables(counts, by_rule),
        notes=("A rule may rest on more than is cited (a history that it is compared with): then it cannot speak on the"
               " cited edges alone, and only the first line is owed.",),
        expects=_expects(counts),
    )  # fmt: skip


def _counts(tried: Sequence[Tried]) -> Counts:
    stands = [each.stands for each in tried if each.stands is not None]
    silent, speaks, carried = (sum(getattr(each, name) for each in tried) for name in ("silent", "speaks", "carried"))
    return Counts(
        alerts=len(tried), silent=silent, speaks=speaks, carried=carried, edges=max(each.edges for each in tried),
        controlled=len(stands), stands=float(np.mean(stands)) if stands else float("nan"),
    )  # fmt: skip


def _tables(found: Counts, by_rule: Mapping[str, Counts]) -> tuple[Rows, Rows]:
    return (
        Rows(header=("on judged alerts", ""), rows=(
            ("alerts tried", count(found.alerts)),
            ("the rule is silent without the cited edges", share(found.silent / found.alerts)),
            ("the rule speaks on the cited edges alone", share(found.speaks / found.alerts)),
            ("control: it still speaks without as many other payments of the subject", share(found.stands)),
            ("most edges cited", count(found.edges)),
            ("drafts whose every number is measured again", share(found.carried / found.alerts)),
        )),
        Rows(header=("rule", "alerts", "silent without", "speaks on it alone"), rows=tuple(
            (name, count(own.alerts), count(own.silent), count(own.speaks)) for name, own in by_rule.items()
        )),
    )  # fmt: skip


def _expects(found: Counts) -> tuple[Expectation, ...]:
    ran = f"{found.alerts} alerts"
    return (
        expect(CHAPTER, "Deleting the cited subgraph makes the rule silent", ran, found.silent == found.alerts,
               f"{found.silent} of {found.alerts}"),
        expect(CHAPTER, f"The cited subgraph alone makes the rule speak ({SPEAKS:.0%})", ran,
               found.speaks >= SPEAKS * found.alerts, share(found.speaks / found.alerts)),
        expect(CHAPTER, "Other payments of the subject are not the evidence", "as many that are not cited, deleted",
               found.stands >= STANDS if found.controlled else None,
               f"the rule still speaks in {share(found.stands)} of {found.controlled}" if found.controlled
               else "no alert has others"),
        expect(CHAPTER, f"At most {MOST} edges are cited", ran, found.edges <= MOST, f"most {found.edges}"),
        expect(CHAPTER, "Every sentence of a draft is carried by the book", "each fact measured again",
               found.carried == found.alerts, f"{found.carried} of {found.alerts} drafts"),
    )  # fmt: skip


def _chosen(case: Case) -> Array:
    return np.sort(numpy_generator(case.seed, "evidence").permutation(case.judged)[:SAMPLE])


def _silent(case: Case) -> int:
    """How many rules are silent, run once more."""
    pairs = [case.firings[alert] for alert in _chosen(case)]
    return sum(silent_without(rule_of(each), case.seen[place].source.book, each) for place, each in pairs)


def _tried(case: Case) -> list[Tried]:
    random, chosen, found = numpy_generator(case.seed, "others"), _chosen(case), []
    for alert in track(chosen, "evidence", len(chosen)):
        place, firing = case.firings[alert]
        book, rule = case.seen[place].source.book, rule_of(firing)
        then = book.until(firing.row) if firing.row >= 0 else book
        others = _others(then, firing, random)
        found.append(Tried(
            rule=firing.rule, silent=silent_without(rule, book, firing), speaks=speaks_on(rule, book, firing),
            stands=None if not others else not silent_without(rule, book, replace(
                firing, rows=others, links=(), entries=()
            )),
            edges=firing.edges, carried=_carried(book, firing),
        ))  # fmt: skip
    return found


def _others(book: Book, firing: Firing, random: np.random.Generator) -> tuple[int, ...]:
    """As many payments of the subject as are cited, none of those cited."""
    accounts = np.array(accounts_of(book, firing))
    own = book.rows[np.isin(book.sender, accounts) | np.isin(book.receiver, accounts)]
    left = own[~np.isin(own, np.array(firing.rows, np.int64))]
    count = min(len(left), len(firing.rows))
    return tuple(sorted(int(each) for each in random.choice(left, count, replace=False))) if count else ()


def _carried(book: Book, firing: Firing) -> bool:
    claims: Sequence[Claim] = claims_of(book, firing, "alert")
    try:
        verify(claims, evidence_of(book, firing, "alert"))
    except UnsupportedClaim:
        return False
    return True
