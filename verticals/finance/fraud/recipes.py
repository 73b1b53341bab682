"""How models are made: from a stream with labels, by time, with the last folds for calibration; and adapted to another.

python -m colonnade.verticals.finance.fraud.samples world
colonnade fit finance/fraud world --recipe shipped --out fraud
colonnade fit finance/fraud payments/ --out mine
colonnade fit finance/fraud payments/ --method probe --out mine
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ....core.errors import FormatError
from ....core.pipeline import FitOptions
from ....core.random import numpy_generator
from ....core.types import Array
from .boosting import LEAST, Boosting, fit_trees, out_of_fold
from .model import FraudModel, logits_of, usual_of
from .records import DAY
from .scoring import Calibration
from .sources import Payments
from .stream import NAMES, features_of

WARM = 14 * DAY  # the state is filled before anything is learnt from it, or a seventh of the data where that is less
MASKED = 0.15  # of the payments are learnt from without their device, and as many without their text
RIPE = 0.9  # of the honest payments must have been settled after such a wait
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
    rows = model.rows(lessons.rows)
    before = model.logits(rows)
    if options.method == "probe":
        return _model(model.names, model.stages, rows, lessons, before)
    config = ADDED[options.method]
    if options.epochs is not None:
        config = replace(config, rounds=options.epochs)
    wider = np.column_stack([rows, before])
    blind = out_of_fold(
        wider, lessons.fraud, lessons.time, lessons.known_at, config=config, seed=options.seed
    )[:, 0]  # fmt: skip
    trees = fit_trees(wider, lessons.fraud, config, seed=options.seed)
    return _model(model.names, (*model.stages, trees), rows, lessons, blind)


def made(
    model: FraudModel, payments: Payments, options: FitOptions, *, config: Boosting | None = None
) -> tuple[FraudModel, dict[str, Any]]:
    """By the options of `fit`: a model and its card."""
    lessons = lessons_of(payments)
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


def by_modality(lessons: Lessons, *, config: Boosting, seed: int = 0) -> Float[Array, "row subset"]:
    """Out-of-fold logits for what is added to boosting to learn from; NaN before the first fold.

    A column each for: all, without device, without text, without both.
    """
    names = _names(lessons)
    rows = lessons.rows[:, [NAMES.index(name) for name in names]].astype(np.float64)
    kinds = np.array([modality_of(name) for name in names])
    views = [
        np.where(np.isin(kinds, gone), np.nan, rows) for gone in ([], ["device"], ["text"], ["device", "text"])
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
    """The rows, some of them without their device or their text, so that every subset of modalities is learnt."""
    generator, rows = numpy_generator(seed, "masking"), rows.copy()
    for kind in ("device", "text"):
        columns = [index for index, name in enumerate(names) if modality_of(name) == kind]
        if columns:
            rows[np.ix_(np.flatnonzero(generator.random(len(rows)) < MASKED), np.array(columns))] = np.nan
    return rows


def modality_of(name: str) -> str:
    """Which modality a feature needs beside the events: device, text, or none."""
    if name.startswith("device_") or name == "card_devices":
        return "device"
    return "text" if name.startswith("text_") else ""


def shipped(model: FraudModel, payments: Payments, options: FitOptions) -> tuple[FraudModel, dict[str, Any]]:
    """From nothing, with fewer and smaller trees, on the made-up payments of samples.py."""
    return made(model, payments, options, config=SHIPPED)


RECIPES = {"shipped": shipped}
