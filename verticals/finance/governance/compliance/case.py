"""What is judged: alerts of books with known cases, their counters and scores, parted by time with an embargo.

    learnt from (challenger, baselines) | embargo | judged (the checkpoint and all beside it)

A case never has alerts on both sides. It knows nothing of reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .....core import digest
from .....core.errors import FormatError
from .....core.progress import say, track
from .....core.types import Array
from ...compliance.ranking.counters import party_of
from ...compliance.ranking.ranker import Ranker
from ...compliance.ranking.subgraph import graph_of
from ...compliance.records import DAY, Party
from ...compliance.review import firings_of
from ...compliance.simulation.world import Size, world
from ...compliance.sources import Source, sources_in
from ...compliance.truth import Truth, points_at
from ...compliance.typologies.rule import Firing
from ..lineage import Origin, read_from

WORLDS, FIRST = 4, 7000  # made-up worlds, and the first seed; the ranker that ships learnt from 1000 to 1007
SIZE = Size(persons=120, days=360, planted=3, lookalikes=7)
EMBARGO = 30.0  # days: as long as a rule keeps quiet after it has fired
KEPT = 0.95  # of the right alerts learnt from that a threshold must keep
LEAST = 10  # right alerts on either side


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One source with what its rules say, the counters and scores of that, and the cases that each alert points at."""

    source: Source
    firings: tuple[Firing, ...]
    rows: Array
    score: Array
    cases: tuple[frozenset[str], ...]
    middle: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Alerts of all sources in one order: `[alert]` arrays; `learnt` and `judged` are places in them."""

    origin: Origin
    seen: tuple[Seen, ...]
    ranker: Ranker
    card: Mapping[str, Any]
    learnt: Array
    judged: Array
    seed: int

    @cached_property
    def firings(self) -> list[tuple[int, Firing]]:
        """Each alert with the place of its source."""
        return [(place, each) for place, seen in enumerate(self.seen) for each in seen.firings]

    @cached_property
    def rows(self) -> Array:
        return np.concatenate([each.rows for each in self.seen])

    @cached_property
    def score(self) -> Array:
        return np.concatenate([each.score for each in self.seen])

    @cached_property
    def right(self) -> Array:
        """Whether an alert points at a case."""
        return np.array([bool(cases) for each in self.seen for cases in each.cases], bool)

    @cached_property
    def at(self) -> Array:
        return np.array([each.at for _, each in self.firings], np.int64)

    @cached_property
    def holder(self) -> Array:
        """Whom an alert is about: what is redrawn for intervals."""
        return np.array([f"{place}/{self._name(place, each)}" for place, each in self.firings])

    @cached_property
    def worth(self) -> Array:
        """What the cited payments are worth together."""
        found = []
        for place, each in self.firings:
            book = self.seen[place].source.book
            found.append(float(book.worth[np.searchsorted(book.rows, np.array(each.rows, np.int64))].sum()))
        return np.array(found)

    @cached_property
    def threshold(self) -> float:
        """The score that keeps most right alerts of the part learnt from."""
        known = np.sort(self.score[self.learnt][self.right[self.learnt]])[::-1]
        return float(known[int(np.ceil(KEPT * len(known))) - 1])

    def party(self, alert: int) -> Party | None:
        place, firing = self.firings[alert]
        return party_of(self.seen[place].source.book, firing)

    def probabilities(self, rows: Array, alerts: Array) -> Array:
        """Scores of these alerts, had they these counters."""
        graphs: Callable[[], list[Any]] = lambda: [  # noqa: E731
            graph_of(self.seen[place].source.book, firing) for place, firing in (self.firings[each] for each in alerts)
        ]
        return self.ranker.of_rows(rows, graphs).probability

    def _name(self, place: int, firing: Firing) -> str:
        party = party_of(self.seen[place].source.book, firing)
        return firing.subject if party is None else party.id


def case_of(ranker: Ranker, card: Mapping[str, Any], data: Path | None, *, seed: int) -> Case:
    """Read or make the books, run every rule, score, and part by time.

    Raises:
        InputError: folders that cannot be read, or too few right alerts on either side.
    """
    sources = _made(seed) if data is None else sources_in(data)
    seen = tuple(_seen(ranker, each) for each in track(sources, "reviewing", len(sources)))
    payments = sum(len(each.book) for each in sources)
    origin = _simulated(sources, seed) if data is None else read_from(data, f"{payments:,} payments")
    learnt, judged = _parted(seen)
    case = Case(origin=origin, seen=seen, ranker=ranker, card=card, learnt=learnt, judged=judged, seed=seed)
    for name, part in (("learnt from", learnt), ("judged", judged)):
        right = int(case.right[part].sum())
        if right < LEAST or right == len(part):
            raise FormatError(
                f"{origin.name}: {right} of {len(part)} alerts {name} point at a case of truth.csv: at least {LEAST}"
                " and some others are needed on either side of the middle of the payments"
            )
    say(f"{len(case.right):,} alerts, {len(judged):,} judged, {int(case.right[judged].sum()):,} of them right")
    return case


def _made(seed: int) -> list[Source]:
    numbers = range(FIRST + 10 * seed, FIRST + 10 * seed + WORLDS)
    found = []
    for number in track(numbers, "making worlds", WORLDS):
        made = world(number, SIZE)
        found.append(Source(f"made-up world {number}", made.book(), Truth(made.cases)))
    return found


def _simulated(sources: Sequence[Source], seed: int) -> Origin:
    first = FIRST + 10 * seed
    about = (
        f"SIMULATED DATA: no --data was given, so everything here was run on {len(sources)} made-up worlds of this"
        f" house's simulator (seeds {first} to {first + len(sources) - 1}; the ranker that ships learnt from other"
        " seeds of the same simulator). It shows that the tests run and what they find there; it says nothing of any"
        " bank's customers."
    )
    parts = "".join(digest.of_value(each.book.payments) for each in sources)
    return Origin(
        name=f"simulator, seeds {first} to {first + len(sources) - 1}", simulated=True, about=about,
        sha256=digest.of_value(parts),
    )  # fmt: skip


def _seen(ranker: Ranker, source: Source) -> Seen:
    firings = firings_of(source.book)
    scored = ranker.score(source.book, firings)
    time = source.book.time
    return Seen(
        source=source, firings=firings, rows=scored.rows, score=scored.probability,
        cases=_cases(source, firings), middle=float((time[0] + time[-1]) / 2) if len(time) else 0.0,
    )  # fmt: skip


def _cases(source: Source, firings: Sequence[Firing]) -> tuple[frozenset[str], ...]:
    about: dict[str, list[Any]] = {}
    for case in source.truth.planted():
        for name in (*case.parties, *case.accounts):
            about.setdefault(name, []).append(case)
    return tuple(
        frozenset(case.id for case in about.get(each.subject, ()) if points_at(each, case, source.book))
        for each in firings
    )


def _parted(seen: Sequence[Seen]) -> tuple[Array, Array]:
    """Places of alerts before the embargo whose cases have no alert after the middle, and of those after it."""
    learnt, judged, start = [], [], 0
    for each in seen:
        at = np.array([firing.at for firing in each.firings], float)
        late = at >= each.middle
        later = frozenset[str]().union(*(each.cases[place] for place in np.flatnonzero(late)))
        early = (at < each.middle - EMBARGO * DAY) & np.array([not cases & later for cases in each.cases], bool)
        learnt.append(start + np.flatnonzero(early))
        judged.append(start + np.flatnonzero(late))
        start += len(at)
    return np.concatenate(learnt), np.concatenate(judged)
