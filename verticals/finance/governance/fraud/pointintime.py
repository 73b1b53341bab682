"""The chapter that proves point in time by running it: cut, alter, flip, and plant leaks that must be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say, track
from .....core.random import numpy_generator
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...fraud.model import FraudModel
from ...fraud.records import CardEvents, Labels
from ...fraud.stream import NAMES, Stream, events_of, features_of
from ..cuts import Cut, held_against, total
from ..dossier import Chapter, expect
from ..written import count
from .case import Case, day_of

CHAPTER = "point in time"
SAMPLE, CUTS, LIVE = 16_000, 5, 300
ROUNDING = 1e-9  # of a logit, between one row at a time and many at once


def sampled(case: Case) -> Array:
    """Whole cards and whole terminals at random, over all days, up to about `SAMPLE` payments: a stream of its own."""
    events = case.payments.events
    if len(events) <= SAMPLE:
        return np.arange(len(events))
    random, kept = numpy_generator(case.seed, "point in time"), np.zeros(len(events), bool)
    for column in (events.card, events.terminal):
        _, which, sizes = np.unique(column, return_inverse=True, return_counts=True)
        order = random.permutation(len(sizes))
        chosen = np.zeros(len(sizes), bool)
        chosen[order[np.cumsum(sizes[order]) <= SAMPLE / 2]] = True
        kept |= chosen[which]
    return np.flatnonzero(kept)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rerun:
    """Features and score of every payment, made again from payments and labels that were tampered with."""

    model: FraudModel
    events: CardEvents
    labels: Labels
    random: np.random.Generator

    def made(self, events: CardEvents, labels: Labels) -> Array:
        """The stream from its beginning: `[payment, feature or score]`."""
        features = features_of(events, labels, stream=Stream(self.model.sequence))
        return np.column_stack([features, _scores(self.model, features)])

    def whole(self) -> Array:
        return self.made(self.events, self.labels)

    def truncated(self, at: int) -> Array:
        """From a file that was written at the moment of row `at`."""
        known = _known(self.labels[:at], float(self.events.time[at]))
        return self.made(self.events[:at], known)

    def altered(self, at: int) -> Array:
        return self.made(*_altered(self.events, self.labels, at, self.random))

    def flipped(self, at: int) -> Array:
        return self.made(self.events, _flipped(self.labels, float(self.events.time[at])))

    def next_one(self, at: int) -> Array:
        """A planted leak: each payment is given the features of the one after it."""
        return np.roll(self.altered(at), -1, axis=0)

    def at_once(self) -> Array:
        """A planted leak: labels are known as soon as they are paid."""
        return self.made(self.events, replace(self.labels, known_at=self.events.time))


def point_in_time(case: Case) -> Chapter:
    """Run the stream on a part of the payments, again and again, and hold what it says against itself."""
    rows, random = sampled(case), numpy_generator(case.seed, "cuts")
    events, labels = case.payments.events[rows], _labels(case)[rows]
    cuts = np.unique(random.integers(len(events) // 4, len(events), CUTS)).tolist()
    say(f"point in time: {len(events):,} payments, {len(cuts)} cuts")
    rerun = Rerun(model=case.model, events=events, labels=labels, random=random)
    whole, firsts = rerun.whole(), [_first(events, at) for at in cuts]
    found = {
        name: held_against(whole, _runs(name, run, cuts, until))
        for name, run, until in (
            ("truncated", rerun.truncated, cuts), ("altered", rerun.altered, firsts), ("flipped", rerun.flipped, firsts)
        )
    }  # fmt: skip
    found["live"] = (_live(case.model, events, labels, whole[:, -1]),)
    pending = [int(_open(events, labels, at).sum()) for at in cuts]
    leaks = (
        held_against(whole, ((len(events), rerun.at_once),)),
        held_against(np.roll(whole, -1, axis=0), ((firsts[0], partial(rerun.next_one, cuts[0])),)),
    )
    return Chapter(
        heading="Point in time, proven by running it",
        facts={
            "payments": len(events), "cuts": cuts, "labels_open_at_cuts": pending,
            **{name: [asdict(each) for each in each_cuts] for name, each_cuts in found.items()},
            "planted_leaks_found": [total(each)[2] > 0 for each in leaks],
        },
        claims=_claims(found, pending),
        evidence={"cuts": Evidence(kind="measurement", shows="the stream run again on cut and altered payments")},
        tables=(_table(found, leaks, pending, events, cuts),),
        notes=(_note(len(events), len(case.payments.events)),),
        expects=_expects(found, leaks, pending, len(cuts)),
    )  # fmt: skip


def _runs(
    name: str, run: Callable[[int], Array], cuts: list[int], until: list[int]
) -> Iterator[tuple[int, Callable[[], Array]]]:
    """Where to compare up to, and the run that ends or is altered at each cut."""
    for at, row in track(zip(cuts, until, strict=True), f"point in time, {name}", len(cuts)):
        yield row, partial(run, at)


def _note(run: int, whole: int) -> str:
    return (
        f"Run on {run:,} of {whole:,} payments: whole cards and terminals, drawn at random over all days. A payment at"
        " t may read payments and labels of before t, none of its own instant."
    )


def _labels(case: Case) -> Labels:
    assert case.payments.labels is not None
    return case.payments.labels


def _scores(model: FraudModel, features: Array) -> Array:
    return model.calibration.probabilities(model.logits(model.rows(features)))


def _first(events: CardEvents, at: int) -> int:
    """The first row of the instant of row `at`: what lies before it may see neither that instant nor later."""
    return int(np.searchsorted(events.time, events.time[at], side="left"))


def _known(labels: Labels, now: float) -> Labels:
    """What a file that was written at that moment would hold."""
    return replace(labels, known_at=np.where(labels.known_at < now, labels.known_at, np.inf))


def _open(events: CardEvents, labels: Labels, at: int) -> Array:
    """Labels of payments before the cut that are known after it: those that could leak."""
    return (events.time < events.time[at]) & (labels.known_at >= events.time[at]) & np.isfinite(labels.known_at)


def _altered(events: CardEvents, labels: Labels, at: int, random: np.random.Generator) -> tuple[CardEvents, Labels]:
    """From the cut on: other amounts, cards and terminals dealt anew, and every label turned round."""
    later = np.arange(len(events)) >= at
    amount = np.where(later, events.amount * random.uniform(0.1, 10, len(events)), events.amount)
    order = np.arange(len(events))
    order[at:] = at + random.permutation(len(events) - at)
    dealt = {
        column: getattr(events, column)[order]
        for column in ("card", "terminal", "text", "device") if getattr(events, column) is not None
    }  # fmt: skip
    changed = replace(events, amount=amount, **dealt)
    return changed, replace(labels, fraud=np.where(later, ~labels.fraud, labels.fraud))


def _flipped(labels: Labels, now: float) -> Labels:
    """Every label that becomes known at that moment or later, of whatever payment, turned round."""
    return replace(labels, fraud=np.where(labels.known_at >= now, ~labels.fraud, labels.fraud))


def _live(model: FraudModel, events: CardEvents, labels: Labels, score: Array) -> Cut:
    """One payment at a time, each label told only once it is known, against all at once."""
    stream, last = Stream(model.sequence), len(events) - LIVE
    for card, account in (events.account or {}).items():
        stream.meet(card, account)
    coming = sorted(
        (at, id, fraud) for id, fraud, at in zip(events.id.tolist(), labels.fraud.tolist(), labels.known_at.tolist(),
                                                 strict=True) if np.isfinite(at)
    )  # fmt: skip
    said, place = [], 0
    for row, event in enumerate(events_of(events)):
        while place < len(coming) and coming[place][0] < event.time:
            at, id, fraud = coming[place]
            stream.label(id, fraud, at)
            place += 1
        values = stream.update(event)
        if row >= last:
            said.append(_scores(model, np.array([values], np.float32))[0])
    return held_against(score[last:, None], ((LIVE, lambda: np.array(said)[:, None]),), within=ROUNDING)[0]


def _claims(found: dict[str, tuple[Cut, ...]], pending: list[int]) -> tuple[Claim, ...]:
    def fact(measure: Callable[[], float]) -> Fact:
        return Fact(value=measure(), evidence="cuts", measure=measure, digits=0)

    def millions(measure: Callable[[], float]) -> Fact:
        return Fact(value=measure(), evidence="cuts", measure=measure, digits=2, unit="million")

    every = [cut for cuts in found.values() for cut in cuts]
    return (
        Claim(
            template="{values} features and scores were made again with the future cut off, altered or relabelled;"
            " {moved} of them moved.",
            facts={
                "values": millions(lambda: sum(cut.values for cut in every) / 1e6),
                "moved": fact(lambda: float(sum(cut.moved for cut in every))),
            },
        ),
        Claim(
            template="{pending} labels of earlier payments were still unknown at the cuts and were turned round there.",
            facts={"pending": fact(lambda: float(sum(pending)))},
        ),
    )


def _table(
    found: dict[str, tuple[Cut, ...]],
    leaks: tuple[tuple[Cut, ...], ...],
    pending: list[int],
    events: CardEvents,
    cuts: list[int],
) -> Rows:
    days = ", ".join(day_of(events.time[at]) for at in cuts)
    rows = [
        (name, how, *(count(value) for value in total(found[key])))
        for key, name, how in (
            ("truncated", "score(stream's prefix) = score(data that end there)", f"cuts at {days}"),
            ("altered", "later payments altered", "amounts, cards, terminals and labels from each cut on"),
            ("flipped", "labels not yet known turned round", f"{sum(pending):,} of earlier payments among them"),
            ("live", "one payment at a time = all at once", "labels told only once they are known"),
        )
    ]
    rows += [
        ("control: a leak planted", how, *(count(value) for value in total(cut)))
        for cut, how in zip(
            leaks, ("labels known at once: must move", "features of the next payment: must move"), strict=True
        )
    ]
    return Rows(
        header=("test", "how", "payments", "values compared", "values that moved"), rows=tuple(rows),
        caption=f"A value is a feature ({len(NAMES)}) or the score. The last two lines show that the tests can fail.",
    )  # fmt: skip


def _expects(
    found: dict[str, tuple[Cut, ...]], leaks: tuple[tuple[Cut, ...], ...], pending: list[int], cuts: int
) -> tuple[Expectation, ...]:
    def line(key: str, what: str, ran: str) -> Expectation:
        rows, values, moved = total(found[key])
        held = sum(each.held for each in found[key])
        return expect(
            CHAPTER, what, ran, held == len(found[key]),
            f"{held} of {len(found[key])} held; {moved:,} of {values:,} values of {rows:,} payments moved",
        )  # fmt: skip

    caught = [total(each)[2] > 0 for each in leaks]
    labels_ran = "labels known at or after each cut turned round"
    return (
        line("truncated", "score(stream prefix) = score(batch truncated)", f"{cuts} random cuts"),
        line("altered", "No feature moves when later events are changed", f"events altered after {cuts} cuts"),
        line("flipped", "Labels are never read before their delay", labels_ran)
        if sum(pending)
        else expect(CHAPTER, "Labels are never read before their delay", labels_ran, None,
                    "no label was open at any cut: the data know every label at once"),
        line("live", "One code path for training and serving", "the last payments one at a time"),
        expect(CHAPTER, "The tests above can fail", "two leaks planted on purpose", all(caught),
               f"{sum(caught)} of {len(caught)} found"),
    )  # fmt: skip
