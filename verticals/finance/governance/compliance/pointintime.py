"""The chapter that proves point in time by running it: files cut short, later rows altered, leaks that must be found.

Before anything is run, some payments are made to become known late, so that time and knowledge differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say, track
from .....core.random import numpy_generator
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...compliance.book import Book, book_of
from ...compliance.ranking.counters import NAMES
from ...compliance.ranking.ranker import Ranker
from ...compliance.records import DAY, Documents, Payments, day_of
from ...compliance.review import firings_of
from ...compliance.typologies.rule import Firing
from ..cuts import Cut, held_against, total
from ..dossier import Chapter, expect
from ..written import count
from .case import Case

CHAPTER = "point in time"
CUTS, LATE, DELAY = 3, 0.05, 20.0  # moments; the share of payments that are known late, and by how many days at most
ALERTS = ("truncated", "altered", "live")
Told = Mapping[tuple[str, str, str, int, int], Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rerun:
    """What is said of one book as of a moment, made again from rows that were tampered with."""

    ranker: Ranker
    book: Book
    random: np.random.Generator

    def told(self, payments: Payments, moment: int, *, documents: Documents | None = None) -> Told:
        """The review as of a moment: each alert's counters and score."""
        book = self.book
        heard = book.documents if documents is None else documents
        return said_of(self.ranker, book_of(payments, book.entities, book.lists, heard, as_of=moment))

    def truncated(self, payments: Payments, moment: int) -> Told:
        """From files that were written at that moment: what was known later is not in them."""
        book, here = self.book, self.book.documents
        entities = replace(
            book.entities, links=tuple(each for each in book.entities.links if each.span.known_at <= moment)
        )
        lists = tuple(each for each in book.lists if each.span.known_at <= moment)
        clauses = () if here is None else tuple(each for each in here.clauses if each.dated <= moment)
        kept = kept_rows(payments, (payments.known_at <= moment) & (payments.time <= moment))
        documents = None if here is None else replace(here, clauses=clauses)
        return said_of(self.ranker, book_of(kept, entities, lists, documents, as_of=moment))

    def altered(self, payments: Payments, moment: int) -> Told:
        """What is known later has other amounts and other ends."""
        later = np.flatnonzero((payments.known_at > moment) | (payments.time > moment))
        amount, order = payments.amount.copy(), np.arange(len(payments))
        amount[later] *= self.random.uniform(0.1, 10, len(later))
        order[later] = self.random.permutation(later)
        changed = {name: getattr(payments, name)[order] for name in ("sender", "receiver", "channel")}
        return self.told(replace(payments, amount=amount, **changed), moment)

    def at_once(self, payments: Payments, moment: int) -> Told:
        """A planted leak: every payment counts as known when it is made."""
        return self.told(replace(payments, known_at=payments.time), moment)

    def hindsight(self, payments: Payments, moment: int) -> Told:
        """A planted leak: the counters of an alert are those of the book's end."""
        book = book_of(payments, self.book.entities, self.book.lists, self.book.documents, as_of=moment)
        firings, last = firings_of(book), int(book.rows[-1])
        late = [replace(each, row=last, at=int(book.time[-1])) if each.row >= 0 else each for each in firings]
        scored = self.ranker.score(book, late)
        return _keyed(book, firings, np.column_stack([scored.rows, scored.probability]))


def said_of(ranker: Ranker, book: Book) -> Told:
    """Each alert, by rule, subject, completing payment and moment: its counters and its score."""
    firings = firings_of(book)
    scored = ranker.score(book, firings)
    return _keyed(book, firings, np.column_stack([scored.rows, scored.probability]))


def _keyed(book: Book, firings: Sequence[Firing], values: Array) -> Told:
    found: dict[tuple[str, str, str, int, int], Array] = {}
    for firing, row in zip(firings, values, strict=True):
        name = str(book.payments.id[firing.row]) if firing.row >= 0 else ""
        again = 0
        while (key := (firing.rule, firing.subject, name, firing.at, again)) in found:
            again += 1
        found[key] = row
    return found


def kept_rows(payments: Payments, kept: Array) -> Payments:
    columns = ("id", "time", "sender", "receiver", "amount", "currency", "channel", "known_at", "goods", "quantity")
    return replace(payments, **{name: getattr(payments, name)[kept] for name in columns})


def held(one: Told, other: Told) -> Cut:
    """Every alert of either side: one that only one has has moved as a whole."""
    keys = sorted(one.keys() | other.keys())
    width = len(NAMES) + 2
    sides = [np.full((len(keys), width), np.nan) for _ in range(2)]
    for side, told in zip(sides, (one, other), strict=True):
        for place, key in enumerate(keys):
            side[place, 0] = key in told
            if key in told:
                side[place, 1:] = told[key]
    return held_against(sides[0], ((len(keys), lambda: sides[1]),))[0]


def point_in_time(case: Case) -> Chapter:
    """Review the first book as of several moments, and hold each review against itself."""
    random = numpy_generator(case.seed, "cuts")
    book = case.seen[0].source.book
    rerun = Rerun(ranker=case.ranker, book=book, random=random)
    payments, late = _late(book.payments, random)
    first, last = float(book.time[0]), float(book.time[-1])
    moments = [int(first + part * (last - first)) for part in np.sort(random.uniform(0.3, 0.95, CUTS))]
    say(f"point in time: {len(book):,} payments, {CUTS} moments")
    found: dict[str, list[Cut]] = {name: [] for name in (*ALERTS, "at once", "hindsight")}
    hindsight: dict[str, int] = {}
    whole = rerun.told(book.payments, int(book.payments.known_at.max()))
    for moment in track(moments, "point in time", CUTS):
        now = rerun.told(payments, moment)
        for name, run in (("truncated", rerun.truncated), ("altered", rerun.altered), ("at once", rerun.at_once),
                          ("hindsight", rerun.hindsight)):  # fmt: skip
            found[name].append(held(now, run(payments, moment)))
        on_the_day = rerun.told(book.payments, moment)
        found["live"].append(held(*_prefix(whole, on_the_day, moment)))
        for name in _moved(whole, on_the_day, moment):
            hindsight[name] = hindsight.get(name, 0) + 1
    pending = [int(((payments.time <= moment) & (payments.known_at > moment)).sum()) for moment in moments]
    return Chapter(
        heading="Point in time, proven by running it",
        facts={
            "payments": len(book), "made_known_late": late, "moments": [day_of(each) for each in moments],
            "not_known_yet": pending, "counters_of_the_end_that_differ": hindsight,
            **{name: [asdict(each) for each in cuts] for name, cuts in found.items()},
        },
        claims=_claims(found, pending),
        evidence={"cuts": Evidence(kind="measurement", shows=f"{case.seen[0].source.name} reviewed again and again")},
        tables=(_table(found, moments, pending),),
        notes=(
            f"Run on the first source ({len(book):,} payments), {late:,} of them made known up to {DELAY:g} days late.",
            f"Counters that a review at the end gives otherwise than one on the day: {_told(hindsight)}.",
            "Whoever is a party is known throughout: names and incomes carry one date in the data, links carry two.",
        ),
        expects=_expects(found, sum(pending)),
    )  # fmt: skip


def _late(payments: Payments, random: np.random.Generator) -> tuple[Payments, int]:
    chosen = random.random(len(payments)) < LATE
    wait = (random.uniform(1, DELAY, len(payments)) * DAY).astype(np.int64)
    return replace(payments, known_at=payments.known_at + np.where(chosen, wait, 0)), int(chosen.sum())


def _prefix(whole: Told, now: Told, moment: int) -> tuple[Told, Told]:
    """Alerts that a payment completed by then, of the review at the end and of that at the moment; scores only."""
    kept = [{key: each for key, each in told.items() if key[2] and key[3] <= moment} for told in (whole, now)]
    width = len(NAMES)
    shown = [{key: np.r_[np.zeros(width), each[-1]] for key, each in told.items()} for told in kept]
    return shown[0], shown[1]


def _moved(whole: Told, now: Told, moment: int) -> list[str]:
    """The counter of each value that differs, of alerts that a payment completed by then."""
    names = []
    for key in whole.keys() & now.keys():
        if key[2] and key[3] <= moment:
            same = (whole[key] == now[key]) | (np.isnan(whole[key]) & np.isnan(now[key]))
            names += [NAMES[column] for column in np.flatnonzero(~same[:-1])]
    return names


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({times} times)" for name, times in sorted(counts.items())) or "none"


def _claims(found: Mapping[str, list[Cut]], pending: list[int]) -> tuple[Claim, ...]:
    cuts = [cut for name in ALERTS for cut in found[name]]

    def fact(measure: Callable[[], float]) -> Fact:
        return Fact(value=measure(), evidence="cuts", measure=measure, digits=0)

    return (
        Claim(
            template="{values} counters and scores of alerts were made again with the future cut off or altered;"
            " {moved} of them moved; {pending} payments were made and not yet known at those moments.",
            facts={
                "values": fact(lambda: float(sum(cut.values for cut in cuts))),
                "moved": fact(lambda: float(sum(cut.moved for cut in cuts))),
                "pending": fact(lambda: float(sum(pending))),
            },
        ),
    )


def _table(found: Mapping[str, list[Cut]], moments: list[int], pending: list[int]) -> Rows:
    days = ", ".join(day_of(each) for each in moments)
    words = (
        ("truncated", "review as of a moment = review of files that end there", f"moments {days}"),
        ("altered", "what is known later altered", "amounts, ends and channels"),
        ("live", "alerts found on the day = alerts found at the end", "alerts that a payment completed, their scores"),
        ("at once", "control: a leak planted", f"{sum(pending):,} payments known too early: must move"),
        ("hindsight", "control: a leak planted", "counters of the book's end: must move"),
    )
    rows = tuple((name, how, *(count(value) for value in total(tuple(found[key])))) for key, name, how in words)
    return Rows(
        header=("test", "how", "alerts", "values compared", "values that moved"), rows=rows,
        caption=f"A value is that an alert is there, one of its {len(NAMES)} counters, or its score.",
    )  # fmt: skip


def _expects(found: Mapping[str, list[Cut]], pending: int) -> tuple[Expectation, ...]:
    def line(key: str, what: str, ran: str) -> Expectation:
        rows, values, moved = total(tuple(found[key]))
        stood = sum(each.held for each in found[key])
        return expect(
            CHAPTER, what, ran, stood == len(found[key]),
            f"{stood} of {len(found[key])} held; {moved:,} of {values:,} values of {rows:,} alerts moved",
        )  # fmt: skip

    leaks = [total(tuple(found[name]))[2] > 0 for name in ("at once", "hindsight")]
    return (
        line("truncated", "Nothing is read that was not known", f"{CUTS} moments, files that end there"),
        line("altered", "No alert moves when later rows are changed", f"rows altered after {CUTS} moments"),
        line("live", "An alert of the day is the alert of the year's end", "one review at the end, one a moment"),
        expect(CHAPTER, "The tests above can fail", f"two leaks planted on purpose, {pending} payments not known yet",
               all(leaks), f"{sum(leaks)} of {len(leaks)} found"),
    )  # fmt: skip
