"""The walk-forward of one series or many, judged: metrics, intervals, baselines, subsets. It knows nothing of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.progress import track
from ....core.result import Evaluation
from ....core.types import Array
from .forecast import Shifter, Walk, mean_loss, walk
from .metrics import by_day, by_month, diebold_mariano, qlike
from .records import HORIZONS
from .sources import Sourced


def evaluate(network: Shifter, sources: Sequence[Sourced], *, task: str, data: str, seed: int) -> Evaluation:
    """Every model on the days that the network has not seen; many series count by their days.

    Raises:
        InputError: no such day.
    """
    walks = [walk(each.prices, network) for each in track(sources, "walking forward", len(sources))]
    judged = sum(len(each.scored(1)) for each in walks)
    if judged < 60:
        ends = max(each.prices.day(-1) for each in walks)
        raise InputError(
            f"{judged} forecasts can be judged, at least 60 are needed: the data end on {ends} and the network has"
            f" learnt from days up to {network.until}: give later data, or fit on earlier days"
        )
    metrics: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    baselines: dict[str, dict[str, float]] = {}
    for horizon in HORIZONS:
        table, dates = _losses(walks, horizon)
        daily = {name: by_day(loss, dates) for name, loss in table.items()}
        metrics |= _ours(walks, horizon) | {f"qlike_{horizon}": float(table["colonnade"].mean())}
        span = by_month(table["colonnade"], dates, seed=seed)
        intervals[f"qlike_{horizon}"] = (span.low, span.high)
        gain = by_month(table["colonnade"] - table["har_leverage"], dates, seed=seed)
        intervals[f"qlike_{horizon}_less_har_leverage"] = (gain.low, gain.high)
        metrics[f"qlike_{horizon}_less_har_leverage"] = gain.value
        for name, loss in table.items():
            against = diebold_mariano(daily["colonnade"], daily[name], lags=horizon + 4)
            if name == "colonnade":
                continue
            metrics[f"dm_t_{horizon}_against_{name}"] = against
            baselines.setdefault(name, {})[f"qlike_{horizon}"] = float(loss.mean())
    subsets = {"prices": {f"qlike_{horizon}": metrics[f"qlike_{horizon}"] for horizon in HORIZONS}}
    subsets |= _with_news(network, sources)
    return Evaluation(
        task=task, data=data, n=judged, metrics=metrics, intervals=intervals, baselines=baselines, subsets=subsets,
        worst_subset=max(subsets, key=lambda name: subsets[name]["qlike_1"]), notes=_notes(network, walks),
    )  # fmt: skip


def _losses(walks: Sequence[Walk], horizon: int) -> tuple[dict[str, Array], Array]:
    """QLIKE of each model on every judged day of every series, and the dates."""
    parts: dict[str, list[Array]] = {}
    dates = []
    for each in track(walks, f"fitting baselines, {horizon} day{'s' if horizon > 1 else ''}", len(walks)):
        rows, column = each.scored(horizon), each.column(horizon)
        for name, forecast in each.models(horizon).items():
            parts.setdefault(name, []).append(qlike(each.truth[rows, column], forecast[rows]))
        dates.append(each.history.dates[rows])
    return {name: np.concatenate(losses) for name, losses in parts.items()}, np.concatenate(dates)


def _ours(walks: Sequence[Walk], horizon: int) -> dict[str, float]:
    errors, held = [], []
    judged = [each for each in walks if len(each.scored(horizon))]
    for each in judged:
        rows, column = each.scored(horizon), each.column(horizon)
        truth, bounds = each.truth[rows, column], each.bounds[horizon][rows]
        errors.append(np.log(truth) - np.log(each.variance[rows, column]))
        held.append((truth >= bounds[:, 0]) & (truth <= bounds[:, 1]))
    found = {
        f"mse_log_{horizon}": float(np.mean(np.concatenate(errors) ** 2)),
        f"coverage_{horizon}": float(np.mean(np.concatenate(held))),
    }
    if len(walks) > 1:
        found[f"series_better_than_har_leverage_{horizon}"] = float(
            np.mean([_better(each, horizon) for each in judged])
        )
    return found


def _better(walked: Walk, horizon: int) -> bool:
    return mean_loss(walked, horizon, walked.forecast_of("colonnade", horizon)) < mean_loss(
        walked, horizon, walked.forecast_of("har_leverage", horizon)
    )


def _with_news(network: Shifter, sources: Sequence[Sourced]) -> Mapping[str, dict[str, float]]:
    """On days with news that nothing was learnt from: QLIKE with it and without, and Diebold-Mariano's t."""
    if not network.reads_news or not any(each.news for each in sources):
        return {}
    told = [walk(each.prices, network, news=each.news) for each in track(sources, "with news", len(sources))]
    with_news: dict[str, float] = {}
    without: dict[str, float] = {}
    for horizon in HORIZONS:
        both: list[Any] = [[], [], []]
        for source, each in zip(sources, told, strict=True):
            rows, column = _unheard(each, source, horizon, network.heard_until), each.column(horizon)
            for into, forecast in zip(both, (each.quiet, each.variance), strict=False):
                into.append(qlike(each.truth[rows, column], forecast[rows, column]))
            both[2].append(each.history.dates[rows])
        quiet, loud, dates = (np.concatenate(each) for each in both)
        if not len(dates):
            return {}
        without |= {f"qlike_{horizon}": float(quiet.mean()), "n": float(len(dates))}
        t = diebold_mariano(by_day(loud, dates), by_day(quiet, dates), lags=horizon + 4)
        with_news |= {
            f"qlike_{horizon}": float(loud.mean()),
            f"dm_t_{horizon}_against_prices": t,
            "n": float(len(dates)),
        }
    return {"prices, on days with news": without, "prices+news": with_news}


def _unheard(walked: Walk, source: Sourced, horizon: int, since: np.datetime64 | None) -> Array:
    """Judged rows with news, of days whose news nothing was learnt from."""
    rows = [row for row in walked.scored(horizon) if row in source.news]
    return np.array([row for row in rows if since is None or walked.history.dates[row] >= since], int)


def _notes(network: Shifter, walks: Sequence[Walk]) -> tuple[str, ...]:
    notes = [
        f"judged from {network.until} on: the network has learnt from days before it",
        "HAR, GARCH and boosting are fitted on each series, again every 1 January; the network never is",
        "intervals redraw calendar months; dm_t is Diebold-Mariano's t against the baseline: below -2 is better",
    ]
    if network.heard_until is not None and network.reads_news:
        notes.append(f"news is judged from {network.heard_until} on")
    if not network.reads_news:
        notes.append("this network does not listen to news: where the data have them, they changed nothing")
    if len(walks) > 1:
        notes.append("t statistics are of the mean loss of each day over the series: these are not independent")
    return tuple(notes)
