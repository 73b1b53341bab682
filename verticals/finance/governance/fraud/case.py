"""What is judged: payments with the features, scores and decisions of one checkpoint, parted by time with an embargo.

    warm-up | learnt from (challenger, baselines) | embargo | judged (the checkpoint and all beside it)

The embargo is the delay of labels: what is learnt from was known before the judged part began. It knows nothing of
reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .....core import digest
from .....core.errors import FormatError
from .....core.progress import say, track
from .....core.types import Array
from ...fraud.boosting import LEAST
from ...fraud.model import FraudModel
from ...fraud.recipes import WARM, Lessons, lessons_of
from ...fraud.records import DAY, CardEvents, Labels
from ...fraud.simulation.generate import simulate
from ...fraud.simulation.world import WorldConfig
from ...fraud.sources import Payments, read_payments
from ...fraud.stream import Stream, features_of
from ..lineage import Origin, files_of

WORLD, SEED = WorldConfig(cards=330, terminals=570, days=150), 2026  # the shipped weights learnt from seed 1
PARTS = 50  # of the stream, between which progress is shown
FLAT = 60_000  # honest payments that are kept where every row would take too long

Decide = Callable[[CardEvents, Array], Sequence[str]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Everything that the chapters read. `score` and `stopped` are `[payment]`, NaN and False in the warm-up.

    `seen`: why the judged part cannot be called held back, or nothing. `groups` are columns of the data by name.
    """

    origin: Origin
    payments: Payments
    features: Array
    model: FraudModel
    card: Mapping[str, Any]
    score: Array
    stopped: Array
    lessons: Lessons
    before: Array  # rows of the reference period: labels have begun to come, and the judged part has not begun
    judged: Array  # rows from `middle` on whose label is known
    since: Array  # all rows from `middle` on, labelled or not
    middle: float
    embargo: float  # seconds
    seen: str
    groups: Mapping[str, Array]
    seed: int

    @property
    def fraud(self) -> Array:
        """Of the judged rows."""
        assert self.payments.labels is not None
        return self.payments.labels.fraud[self.judged]

    @property
    def days(self) -> Array:
        """Of the judged rows: what is redrawn for intervals."""
        return (self.payments.events.time[self.judged] // DAY).astype(int)

    def rows(self, which: Array) -> Array:
        """What the model reads of these payments."""
        return self.model.rows(self.features[which])

    def thinned(self) -> tuple[Array, Array]:
        """Judged rows with every fraud and at most `FLAT` others, and the weight that each stands for."""
        fraud = self.fraud
        others = np.flatnonzero(~fraud)
        if len(others) <= FLAT:
            return self.judged, np.ones(len(self.judged))
        kept = np.random.default_rng([self.seed, 7]).choice(others, FLAT, replace=False)
        places = np.sort(np.concatenate([np.flatnonzero(fraud), kept]))
        return self.judged[places], np.where(fraud[places], 1.0, len(others) / FLAT)


def payments_of(data: Path | None, seed: int) -> tuple[Origin, Payments]:
    """The payments of the user's files, or of a simulated world that no weights that ship have seen."""
    if data is None:
        say(f"simulating {WORLD.days} days of {WORLD.cards} cards")
        made = simulate(WORLD, seed=SEED + seed)
        about = (
            f"SIMULATED DATA: no --data was given, so everything here was run on a stream of this house's simulator"
            f" (seed {SEED + seed}, another than the weights that ship learnt from). It shows that the tests run and"
            " what they find there; it says nothing of any bank's payments."
        )
        origin = Origin(
            name=f"simulator, seed {SEED + seed}", simulated=True, about=about, sha256=digest.of_value(made.events)
        )
        return origin, Payments(made.events, made.labels)
    say(f"reading {data}")
    payments, files = read_payments(data), files_of(data)
    scenario = payments.labels is not None and payments.labels.scenario is not None
    kind = (
        "they carry a column of scenarios, so they are simulated (the layout of the Fraud Detection Handbook)"
        if scenario
        else "whether they are real the data do not say: the bank knows"
    )
    about = f"Data: {data.name}, {len(payments.events):,} payments; {kind}."
    origin = Origin(
        name=str(data), simulated=True if scenario else None, about=about, sha256=digest.of_file(data), files=files
    )
    return origin, payments


def case_of(
    origin: Origin,
    payments: Payments,
    model: FraudModel,
    card: Mapping[str, Any],
    *,
    decide: Decide,
    groups: Mapping[str, Array],
    seed: int,
) -> Case:
    """Run the stream, score and decide, and part the payments by time.

    Raises:
        FormatError: no labels, or too few frauds known in time in either part.
    """
    events, labels = payments
    if labels is None:
        raise FormatError(f"{events.name} has no column fraud: a governance report needs labelled payments")
    features = _streamed(model, events, labels)
    middle, seen = _middle(origin, payments, card)
    lessons = lessons_of(payments, until=middle, features=features)
    judged = np.flatnonzero((events.time >= middle) & np.isfinite(labels.known_at))
    frauds = int(labels.fraud[judged].sum())
    if frauds < LEAST or frauds == len(judged):
        raise FormatError(
            f"{events.name} has {frauds} known frauds in {len(judged)} payments from {day_of(middle)} on: at least"
            f" {LEAST} and some honest ones are needed to judge by"
        )
    start = events.time[0] + min(WARM, (middle - events.time[0]) / 7)
    ripe = _ripe(start, middle, events, labels)
    told = np.flatnonzero(events.time >= start)
    score = np.full(len(events), np.nan)
    score[told] = model.calibration.probabilities(_logits(model, features, told))
    stopped = np.zeros(len(events), bool)
    stopped[told] = [each != "approve" for each in decide(events[told], score[told])]
    return Case(
        origin=origin, payments=payments, features=features, model=model, card=card, score=score, stopped=stopped,
        lessons=lessons, before=told[(events.time[told] >= ripe) & (events.time[told] < middle)], judged=judged,
        since=told[events.time[told] >= middle], middle=middle, embargo=middle - float(lessons.time.max()), seen=seen,
        groups=groups, seed=seed,
    )  # fmt: skip


def _streamed(model: FraudModel, events: CardEvents, labels: Labels) -> Array:
    """The features of every payment, a part of the stream at a time so that progress can be shown."""
    stream, edges = Stream(model.sequence), np.linspace(0, len(events), PARTS + 1).astype(int)
    parts = [
        features_of(events[low:high], labels[low:high], stream=stream)
        for low, high in track(list(pairwise(edges)), f"running the stream over {len(events):,} payments", PARTS)
    ]
    return np.concatenate(parts)


def _ripe(start: float, middle: float, events: CardEvents, labels: Labels) -> float:
    """From when the state has seen labels as it will ever after, if two weeks before the judged part remain then."""
    known = np.isfinite(labels.known_at)
    wait = float(np.quantile((labels.known_at - events.time)[known], 0.9))
    return start + wait if middle - start - wait >= 14 * DAY else start


def _middle(origin: Origin, payments: Payments, card: Mapping[str, Any]) -> tuple[float, str]:
    """Where the judged part begins, and why it is not held back, if so."""
    time = payments.events.time
    middle = float((time[0] + time[-1]) / 2)
    if card.get("data_sha256") == origin.sha256:
        return middle, "the checkpoint was fitted on these very data, the judged part among them"
    last = _last(card)
    named = str(card.get("trained_on", "")).startswith(f"{payments.events.name}:")
    if last is None or not time[0] <= last <= time[-1] or (origin.simulated and not origin.files):
        return middle, ""
    if last < (time[0] + 3 * time[-1]) / 4:
        return max(middle, last), ""
    if named:
        return middle, f"the checkpoint was fitted on data of the same name up to {day_of(last)}"
    return middle, ""


def _last(card: Mapping[str, Any]) -> float | None:
    try:
        return float(np.datetime64(str(card["last_payment"]), "s").astype(np.int64))
    except (KeyError, ValueError):
        return None


def _logits(model: FraudModel, features: Array, rows: Array, chunk: int = 100_000) -> Array:
    parts = [
        model.logits(model.rows(features[rows[start : start + chunk]])) for start in range(0, len(rows), chunk)
    ]  # fmt: skip
    return np.concatenate(parts)


def day_of(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))
