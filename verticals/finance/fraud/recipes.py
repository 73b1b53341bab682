"""How models are made: from a stream with labels, by time, with the last folds for calibration; and adapted to another.

python -m colonnade.verticals.finance.fraud.samples world
colonnade fit finance/fraud world --recipe shipped --out fraud
colonnade fit finance/fraud payments/ --out mine
colonnade fit finance/fraud payments/ --method probe --out mine
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ....core.errors import FormatError
from ....core.pipeline import FitOptions
from ....core.progress import say
from ....core.random import numpy_generator
from ....core.types import Array
from .boosting import LEAST, Boosting, fit_trees, out_of_fold
from .model import FraudModel, logits_of, usual_of
from .records import DAY
from .scoring import Calibration
from .sources import Payments
from .stream import NAMES, Stream, features_of

WARM = 14 * DAY  # the state is filled before anything is learnt from it, or a seventh of the data where that is less
OPTIONAL = ("text", "device", "account")
MASKED = 0.15  # of the payments are learnt from without their device, as many without their text or their account
HONEST, LATER = 40_000, 0.75  # payments that the network learns from; the share of time after which it is judged
RIPE = 0.9  # of the honest payments must have been settled after such a wait
SMALL = Boosting(rounds=200, rate=0.05, leaves=6, support=100, ridge=20.0, depth=4)  # for few known frauds
SHIPPED = Boosting(rounds=120, rate=0.05, leaves=15, support=200, ridge=50.0)
ADDED = {"lora": Boosting(rounds=40, rate=0.05, leaves=7), "progressive": Boosting(rounds=120, rate=0.05, leaves=15)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """What can be learnt from: rows whose label is known, in the order of time."""

    rows: Float[Array, "row name"]
    fraud: Bool[Array, " row"]
    time: Float[Array, " row"]
    known_at: Float[Array, " row"]


def learnable(payments: Payments, until: float | None = None) -> Array:
    """Rows of payments after the state has warmed up whose label is known at `until` (default: the last payment).

    Raises:
        FormatError: the data say nothing of fraud, or too few frauds are known in time.
    """
    events, labels = payments
    if labels is None:
        raise FormatError(f"{events.name} has no column fraud: labels are needed to learn from or to judge by")
    end = events.time[-1] if until is None else until
    start = events.time[0] + min(WARM, (end - events.time[0]) / 7)
    rows = np.flatnonzero((events.time >= start) & (ripe_at(payments, end) <= end))
    if labels.fraud[rows].sum() < 2 * LEAST:
        raise FormatError(
            f"{events.name} has {int(labels.fraud[rows].sum())} frauds that are known by its last payment"
            f" (after a start of {(start - events.time[0]) / DAY:.0f} days): at least {2 * LEAST} are needed"
        )
    return rows


def lessons_of(payments: Payments, *, until: float | None = None, features: Array | None = None) -> Lessons:
    """The learnable rows with their features, made by running the stream where they are not given."""
    events, labels = payments
    rows = learnable(payments, until)
    assert labels is not None
    features = features_of(events, labels) if features is None else features
    ripe = ripe_at(payments, events.time[-1] if until is None else until)
    return Lessons(rows=features[rows], fraud=labels.fraud[rows], time=events.time[rows], known_at=ripe[rows])


def ripe_at(payments: Payments, until: float) -> Float[Array, " payment"]:
    """From when each label may be learnt from: not before honest payments of that day are mostly settled too.

    Frauds are reported sooner than silence counts as honest: without the wait the newest lessons were nearly all fraud,
    and trees would learn that what is recent is fraud. Where every label takes as long, it is when the label is known.
    """
    events, labels = payments
    assert labels is not None
    honest = ~labels.fraud & (labels.known_at <= until)
    if not honest.any():
        return labels.known_at
    wait = np.quantile(labels.known_at[honest] - events.time[honest], RIPE)
    return np.maximum(labels.known_at, events.time + wait)


def fitted(lessons: Lessons, *, config: Boosting | None = None, folds: int = 4, seed: int = 0) -> FraudModel:
    """A model from nothing. Calibration rests on folds forward in time, scored by trees that never saw them."""
    config = Boosting() if config is None else config
    names = _names(lessons)
    columns = [NAMES.index(name) for name in names]
    rows = _masked(lessons.rows[:, columns].astype(np.float64), names, seed)
    blind = out_of_fold(
        rows, lessons.fraud, lessons.time, lessons.known_at, config=config, folds=folds, seed=seed
    )[:, 0]  # fmt: skip
    return _model(names, (fit_trees(rows, lessons.fraud, config, seed=seed),), rows, lessons, blind)


def adapted(model: FraudModel, lessons: Lessons, options: FitOptions) -> FraudModel:
    """The given model on other payments: calibrated anew (probe), or with trees added (lora: few, progressive)."""
    model = replace(model, names=trees_of(model), sequence=None, usual=model.usual[: len(trees_of(model))])
    rows = model.rows(lessons.rows)
    before = model.logits(rows)
    if options.method == "probe":
        return _model(model.names, model.stages, rows, lessons, before)
    config = ADDED[options.method]
    say(
        f"fit: trees have no layers for {options.method}: {config.rounds} small trees are added to those that stand, "
        "which does the same (few weights, nothing forgotten)"
    )
    if options.epochs is not None:
        config = replace(config, rounds=options.epochs)
    wider = np.column_stack([rows, before])
    blind = out_of_fold(
        wider, lessons.fraud, lessons.time, lessons.known_at, config=config, seed=options.seed
    )[:, 0]  # fmt: skip
    trees = fit_trees(wider, lessons.fraud, config, seed=options.seed)
    return _model(model.names, (*model.stages, trees), rows, lessons, blind)


def trees_of(model: FraudModel) -> tuple[str, ...]:
    """The features that the trees read: an adapted model lets go of the network."""
    return tuple(name for name in model.names if name != "sequence")


def made(
    model: FraudModel,
    payments: Payments,
    options: FitOptions,
    *,
    config: Boosting | None = None,
    features: Array | None = None,
    old: Payments | None = None,
) -> tuple[FraudModel, dict[str, Any]]:
    """By the options of `fit`: a model and its card; `old` payments are learnt from beside the new."""
    lessons = lessons_of(payments, features=features)
    if old is not None:
        lessons = beside(lessons, lessons_of(old), seed=options.seed)
    if options.method == "full":
        config = config or Boosting()
        if options.epochs is not None:
            config = replace(config, rounds=options.epochs)
        found = fitted(lessons, config=config, seed=options.seed)
    else:
        found = adapted(model, lessons, options)
    days = (payments.events.time[-1] - payments.events.time[0]) / DAY
    card = {
        "trained_on": f"{payments.events.name}: {len(payments.events)} payments of {days:.0f} days",
        "learnt_from": len(lessons.fraud),
        "frauds": int(lessons.fraud.sum()),
        "method": options.method,
        "seed": options.seed,
        "last_payment": str(np.datetime64(int(payments.events.time[-1]), "s")),
    }
    return found, card


def beside(new: Lessons, old: Lessons, *, seed: int) -> Lessons:
    """Both, with at most as many old rows as new ones, in the order of time."""
    rows = np.sort(numpy_generator(seed, "replay").permutation(len(old.rows))[: len(new.rows)])
    time = np.concatenate([old.time[rows], new.time])
    order = np.argsort(time, kind="stable")
    return Lessons(
        rows=np.concatenate([old.rows[rows], new.rows])[order],
        fraud=np.concatenate([old.fraud[rows], new.fraud])[order],
        time=time[order],
        known_at=np.concatenate([old.known_at[rows], new.known_at])[order],
    )


def by_modality(lessons: Lessons, *, config: Boosting, seed: int = 0) -> Float[Array, "row subset"]:
    """Out-of-fold logits for what is added to boosting to learn from; NaN before the first fold.

    A column each for: all, without device, without text, without both.
    """
    names = _names(lessons)
    rows = lessons.rows[:, [NAMES.index(name) for name in names]].astype(np.float64)
    views = [
        np.where(absent(names, gone), np.nan, rows) for gone in ([], ["device"], ["text"], ["device", "text"])
    ]  # fmt: skip
    return out_of_fold(
        _masked(rows, names, seed), lessons.fraud, lessons.time, lessons.known_at,
        config=config, views=views, seed=seed,
    )  # fmt: skip


def _names(lessons: Lessons) -> tuple[str, ...]:
    """The features that the data have at all."""
    return tuple(name for name, column in zip(NAMES, lessons.rows.T, strict=True) if not np.isnan(column).all())


def _model(names: tuple[str, ...], stages: Any, rows: Array, lessons: Lessons, blind: Array) -> FraudModel:
    judged = np.isfinite(blind)
    if lessons.fraud[judged].sum() < LEAST // 2:
        judged, blind = np.ones(len(rows), bool), logits_of(stages, rows)  # too little to hold any of it back
    return FraudModel(
        names=names,
        stages=stages,
        calibration=Calibration.of(blind[judged], lessons.fraud[judged]),
        usual=usual_of(rows, lessons.fraud),
        rate=float(lessons.fraud.mean()),
    )


def _masked(rows: Array, names: tuple[str, ...], seed: int) -> Array:
    """The rows, some of them without device, text or account, so that every subset of modalities is learnt."""
    generator, rows = numpy_generator(seed, "masking"), rows.copy()
    for kind in OPTIONAL:
        columns = np.flatnonzero(absent(names, (kind,)))
        if len(columns):
            rows[np.ix_(np.flatnonzero(generator.random(len(rows)) < MASKED), columns)] = np.nan
    return rows


def hidden(
    rows: Float[Array, "row feature"], fraud: Bool[Array, " row"], names: tuple[str, ...], seed: int
) -> tuple[Array, Array]:
    """The rows twice, once whole and once without one set of modalities each, so that every set is learnt as well."""
    kinds = [kind for kind in OPTIONAL if absent(names, (kind,)).any()]
    if not kinds:
        return rows, fraud
    lacks, blank = numpy_generator(seed, "hidden").integers(1, 2 ** len(kinds), size=len(rows)), rows.copy()
    for number in range(1, 2 ** len(kinds)):
        gone = absent(names, [kind for place, kind in enumerate(kinds) if number >> place & 1])
        blank[np.ix_(np.flatnonzero(lacks == number), np.flatnonzero(gone))] = np.nan
    return np.concatenate([rows, blank]), np.concatenate([fraud, fraud])


def modalities_of(name: str) -> tuple[str, ...]:
    """Which modalities a feature needs beside the events."""
    if name.startswith("text_device_"):
        return ("text", "device")
    if name == "card_devices":
        return ("device",)
    return tuple(kind for kind in OPTIONAL if name.startswith(f"{kind}_"))


def absent(names: Sequence[str], gone: Sequence[str]) -> Bool[Array, " feature"]:
    """Which features there are not without some modalities; what the network says rests on all that was given."""
    lost = set(gone)
    return np.array([bool(lost & set(modalities_of(name))) or (name == "sequence" and bool(lost)) for name in names])


def shipped(model: FraudModel, payments: Payments, options: FitOptions) -> tuple[FraudModel, dict[str, Any]]:
    """From nothing, with fewer and smaller trees, on the made-up payments of samples.py."""
    return made(model, payments, options, config=SHIPPED)


def sequenced(model: FraudModel, payments: Payments, options: FitOptions) -> tuple[FraudModel, dict[str, Any]]:
    """Boosting from nothing, and a network over each card's payments on top where later payments are better for it."""
    from .sequence_training import Recorder, Schedule, train

    events, rows = payments.events, learnable(payments)
    assert payments.labels is not None
    fraud = payments.labels.fraud[rows]
    few, share = thinned(rows, fraud, options.seed)
    recorder = Recorder(few)
    features = features_of(events, payments.labels, stream=Stream(recorder))
    found, card = made(model, payments, replace(options, method="full", epochs=None), features=features)
    ripe, fraud = ripe_at(payments, events.time[-1])[few], payments.labels.fraud[few]
    blind = out_of_fold(found.rows(features[few]), fraud, events.time[few], ripe, config=SMALL, seed=options.seed)[:, 0]
    known = np.flatnonzero(np.isfinite(blind))
    later = events.time[few] >= np.quantile(events.time[few][known], LATER)
    guarded = train(
        recorder.windows.at(known), blind[known] - np.log(share), fraud[known], events.card[few][known], later[known],
        Schedule(seed=options.seed) if options.epochs is None else Schedule(seed=options.seed, epochs=options.epochs),
    )  # fmt: skip
    card["network"] = {"counts": guarded.share, "loss_falls_by": guarded.gain, "standard_error": guarded.error}
    if guarded.sequence is None:
        return found, card
    usual = np.append(found.usual, 0.0)
    return replace(found, names=(*found.names, "sequence"), usual=usual, sequence=guarded.sequence), card


def thinned(rows: Array, fraud: Bool[Array, " row"], seed: int) -> tuple[Array, float]:
    """All frauds and some of the others, and the share of these that is kept."""
    others = rows[~fraud]
    count = min(len(others), HONEST)
    kept = numpy_generator(seed, "sequence").choice(others, count, replace=False)
    return np.sort(np.concatenate([rows[fraud], kept])), count / max(len(others), 1)


RECIPES = {"shipped": shipped, "sequence": sequenced}
