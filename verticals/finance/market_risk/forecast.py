"""Every forecast that could have been made of one series, day by day, with bounds and losses.

HAR is moved by the network and, apart from it, by boosting on what HAR leaves over; the forecast is the mean of the two
(of logarithms, in equal parts: a combination with fitted weights is seldom better, Timmermann 2006), or the network's
alone where boosting had less than five years to learn from. The last row is the forecast asked for; the rows before it
are the record that it is judged by. HAR and boosting are fitted here, on the series' own past; the network comes
trained. It knows nothing of files or of reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from ....core.types import Array
from .boosting import learnt_enough, walk_boosting
from .bounds import adaptive_bounds, tail_losses
from .history import History, history_of, later_return, target
from .inputs import Inputs, inputs_of
from .metrics import diebold_mariano, qlike
from .records import HORIZONS, MINIMUM_BARS, Prices
from .walkforward import BASELINES, walk_har

FIRST = MINIMUM_BARS - 1  # the row of the first forecast
OWN = {"colonnade": "variance", "network": "network", "boosting_on_har": "boosting"}  # models by name, and their arrays


class Shifter(Protocol):
    """What moves the HAR forecast: a trained network, or nothing."""

    until: np.datetime64  # the network has seen no day from here on
    errors: Mapping[int, Array]  # of logarithms, on its own validation days, by horizon
    heard_until: np.datetime64 | None  # and no news from here on

    @property
    def reads_news(self) -> bool: ...

    def shifts(
        self, inputs: Inputs, rows: Int[Array, " row"], news: Mapping[int, str]
    ) -> Float[Array, "row horizon"]: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """Arrays `[day]` or `[day, horizon]`, NaN before the first forecast; variances are daily."""

    prices: Prices
    history: History
    har: Float[Array, "day horizon"]
    network: Float[Array, "day horizon"]  # HAR moved by the network alone, without news
    boosting: Float[Array, "day horizon"]  # HAR moved by boosting alone
    variance: Float[Array, "day horizon"]  # the forecast
    quiet: Float[Array, "day horizon"]  # what it would be had no news been read
    plain: Float[Array, " horizon"]  # the last forecast had neither chart nor call been read
    truth: Float[Array, "day horizon"]  # NaN where the days have not all passed
    bounds: Mapping[int, Float[Array, "day 2"]]
    losses: Mapping[int, Float[Array, "day 2"]]  # value at risk and expected shortfall of the log return
    until: np.datetime64

    def column(self, horizon: int) -> int:
        return HORIZONS.index(horizon)

    def scored(self, horizon: int) -> Int[Array, " row"]:
        """Rows whose forecast can be judged: the network had not seen them, and their days have passed."""
        unseen = self.history.dates >= self.until
        column = self.column(horizon)
        return np.flatnonzero(unseen & np.isfinite(self.variance[:, column]) & np.isfinite(self.truth[:, column]))

    def models(self, horizon: int) -> dict[str, Float[Array, " day"]]:
        """Every model's forecasts of that horizon, ours first."""
        return {name: self.forecast_of(name, horizon) for name in (*OWN, *BASELINES)}

    def forecast_of(self, name: str, horizon: int) -> Float[Array, " day"]:
        """One model's forecasts of that horizon."""
        if name in OWN:
            return np.asarray(getattr(self, OWN[name])[:, self.column(horizon)])
        return BASELINES[name](self.history, horizon)


@dataclass(frozen=True, kw_only=True)
class Score:
    """A model on the judged rows: mean QLIKE, and Diebold-Mariano's t against HAR with leverage (below -2: better)."""

    qlike: float
    against_har: float


def walk(
    prices: Prices,
    network: Shifter,
    *,
    news: Mapping[int, str] | None = None,
    moved: Float[Array, " horizon"] | None = None,
) -> Walk:
    """Forecasts from the 250th bar on; `news` by row, `moved` what is added to the logarithm of the last variance."""
    history = history_of(prices)
    har = np.column_stack([walk_har(history, horizon) for horizon in HORIZONS])
    rows = np.arange(FIRST, len(history))
    inputs, news = inputs_of(history, np.log(har)), news or {}
    told = np.array([row for row in rows if network.reads_news and int(row) in news], int)
    boosting = np.column_stack([walk_boosting(history, horizon) for horizon in HORIZONS])
    enough = np.column_stack([learnt_enough(history.dates, horizon) for horizon in HORIZONS])
    alone = har.copy()
    alone[rows] *= np.exp(network.shifts(inputs, rows, {}))
    quiet = np.where(enough, np.sqrt(alone * boosting), alone)
    variance = quiet.copy()
    variance[told] *= np.exp(network.shifts(inputs, told, news)) * har[told] / alone[told]
    plain = variance[-1].copy()
    if moved is not None:
        variance[-1], quiet[-1] = variance[-1] * np.exp(moved), quiet[-1] * np.exp(moved)
    truth = np.column_stack([target(history.variance, horizon) for horizon in HORIZONS])
    bounds, losses = {}, {}
    for column, horizon in enumerate(HORIZONS):
        bounds[horizon] = adaptive_bounds(
            truth[:, column], variance[:, column], horizon, prior=network.errors.get(horizon, np.zeros(0))
        )
        losses[horizon] = tail_losses(later_return(history.returns, horizon), variance[:, column], horizon)
    return Walk(
        prices=prices, history=history, har=har, network=alone, boosting=boosting, variance=variance, quiet=quiet,
        plain=plain, truth=truth, bounds=bounds, losses=losses, until=network.until,
    )  # fmt: skip


def scores(walked: Walk, horizon: int) -> dict[str, Score]:
    """Each model on the rows that can be judged; empty where there are fewer than 60 of them."""
    rows = walked.scored(horizon)
    if len(rows) < 60:
        return {}
    truth = walked.truth[rows, walked.column(horizon)]
    found = {name: qlike(truth, forecast[rows]) for name, forecast in walked.models(horizon).items()}
    bar = found["har_leverage"]
    return {
        name: Score(qlike=float(loss.mean()), against_har=diebold_mariano(loss, bar, lags=horizon + 4))
        for name, loss in found.items()
    }


def mean_loss(walked: Walk, horizon: int, forecast: Float[Array, " day"]) -> float:
    """The mean QLIKE of forecasts on the rows that can be judged."""
    rows = walked.scored(horizon)
    return float(qlike(walked.truth[rows, walked.column(horizon)], forecast[rows]).mean())


def coverage(walked: Walk, horizon: int) -> float:
    """How often the bounds held what came, on the rows that can be judged."""
    rows = walked.scored(horizon)
    truth, bounds = walked.truth[rows, walked.column(horizon)], walked.bounds[horizon][rows]
    return float(np.mean((truth >= bounds[:, 0]) & (truth <= bounds[:, 1])))


def exceedances(walked: Walk, horizon: int) -> tuple[int, int]:
    """How often the loss was larger than the value at risk, and of how many days."""
    returns, losses = tail_of(walked, horizon)
    return int((returns < -losses[:, 0]).sum()), len(returns)


def tail_of(walked: Walk, horizon: int) -> tuple[Float[Array, " row"], Float[Array, "row 2"]]:
    """Returns of the days that can be judged and had a value at risk, with what that was and the expected shortfall."""
    rows = walked.scored(horizon)
    rows = rows[np.isfinite(walked.losses[horizon][rows, 0])]
    return later_return(walked.history.returns, horizon)[rows], walked.losses[horizon][rows]
