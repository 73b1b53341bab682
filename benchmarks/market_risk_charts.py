"""What a candlestick chart adds to the volatility forecast, by rolling origin: QLIKE with it and without.

    python -m benchmarks.market_risk_charts

The series are those of `benchmarks.market_risk`; the chart is drawn from their last 20 bars, so that it holds nothing
that the prices do not: what is asked is whether a Swin transformer sees in the picture what the forecast missed. For
each span tested a companion that knows nothing is taught on the forecasts before it (learn, choose, decide; see
market_risk/joining.py), never on later ones. The control is taught alike on the charts of other days.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from benchmarks.market_risk import series
from benchmarks.results import table, write
from colonnade.core.errors import ColonnadeError
from colonnade.core.random import numpy_generator
from colonnade.core.types import Array
from colonnade.verticals.finance.market_risk.companion import Companion
from colonnade.verticals.finance.market_risk.forecast import Walk, walk
from colonnade.verticals.finance.market_risk.joining import (
    Apprenticeship,
    Decided,
    Lesson,
    blank,
    examples_of,
    join,
)
from colonnade.verticals.finance.market_risk.lessons import drawn, lesson_of, read_by, taught
from colonnade.verticals.finance.market_risk.metrics import by_day, by_month, diebold_mariano
from colonnade.verticals.finance.market_risk.model import Network
from colonnade.verticals.finance.market_risk.news import Verdict
from colonnade.verticals.finance.market_risk.pipeline import MarketRiskPipeline
from colonnade.verticals.finance.market_risk.records import HORIZONS, Prices
from colonnade.verticals.finance.market_risk.training import Examples, loss_of, means

SPANS = (("2011-01-01", "2015-01-01"), ("2015-01-01", "2021-01-01"))
EVERY = 4  # days between charts that are taught: neighbours share most of their 20 bars
SCHEDULE = Apprenticeship(epochs=4)
ARMS = ("chart", "chart of another day")


@dataclass(frozen=True, kw_only=True, eq=False)
class Tested:
    """One arm in one span: what was decided before it, and losses listening as decided and to all of it."""

    verdict: Verdict
    decided: Decided
    whole: Decided
    names: Array


def main() -> None:
    started = time.perf_counter()
    network = MarketRiskPipeline.from_pretrained().network
    bars = series()
    walks = {name: walk(prices, network) for name, prices in bars.items()}
    tested: dict[str, list[Tested]] = {arm: [] for arm in ARMS}
    for start, stop in SPANS:
        for arm in ARMS:
            tested[arm].append(test(arm, network, bars, walks, start=start, stop=stop))
            print(f"{arm}, from {start}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    rows = sum(len(each.decided.dates) for each in tested["chart"])
    text = [
        f"Real bars, charts drawn from them. {rows} days of four series in {len(SPANS)} spans ({SPANS[0][0]} to "
        f"{SPANS[-1][1]}), each tested after learning on the forecasts from {network.until} to the span's first day. "
        "QLIKE, lower is better; in brackets the difference from no chart with its 95 % interval over calendar months, "
        "and Diebold-Mariano's t of the daily mean: below -2 is better beyond chance.",
        table(["QLIKE", *(_days(each) for each in HORIZONS)], _rows(tested)),
        table(["all of the chart, by series", *(_days(each) for each in HORIZONS)], _by_series(tested["chart"])),
        "What the rule decided on the days before each span (share of the change kept, as chosen, and t on the days "
        "that decide, against no chart and against the charts of other days; kept where both are below -1):",
        table(["", *(_days(each) for each in HORIZONS)], _verdicts(tested)),
        "'As decided' is what a user gets. A chart drawn from the bars tells nothing that the bars do not, and on "
        "indices and large stocks about nothing was expected of it (the effect of Jiang, Kelly and Xiu 2023 lives in "
        "small ones). A picture with more on it than bars was not measured.",
    ]
    whole = "\n\n".join(text)
    write("Market risk with a chart", command="python -m benchmarks.market_risk_charts", text=whole)
    print(whole)


def test(
    arm: str, network: Network, bars: Mapping[str, Prices], walks: Mapping[str, Walk], *, start: str, stop: str
) -> Tested:
    """Teach on the days before `start`, judge those from it on."""
    begin, end = np.datetime64(start), np.datetime64(stop)
    companion = blank("chart", network.standard, begin)
    found = {name: lessons(companion, bars[name], walked, end) for name, walked in walks.items()}
    if arm != "chart":
        found = {name: others(each) for name, each in found.items()}
    known = [each for one in found.values() for each in _until(one, begin)[::EVERY]]
    verdict = join(companion, known, SCHEDULE)
    pairs = [(name, each) for name, one in found.items() for each in one if each.date >= begin]
    pairs.sort(key=lambda pair: pair[1].date)
    later = examples_of(companion, [each for _, each in pairs])
    shifts = means(companion.model, later.batch, size=256)
    decided, whole = (_losses(shifts, later, share) for share in (verdict.listens, (1.0,) * len(HORIZONS)))
    return Tested(verdict=verdict, decided=decided, whole=whole, names=np.array([name for name, _ in pairs]))


def _losses(shifts: Tensor, later: Examples, share: Sequence[float]) -> Decided:
    """QLIKE with that share of the shifts, and with none."""
    told, alone = (
        loss_of(kept * shifts, later.leftover).double().numpy() for kept in (torch.tensor(share), torch.zeros(1))
    )
    return Decided(alone=alone, told=told, other=alone, dates=later.dates)


def lessons(companion: Companion, prices: Prices, walked: Walk, until: np.datetime64) -> list[Lesson]:
    """Every day with a forecast that the network had not seen."""
    inputs = read_by(walked)
    return [lesson_of(companion, walked, inputs, row, drawn(prices, row)) for row in taught(walked, until)]


def others(found: Sequence[Lesson]) -> list[Lesson]:
    """The same days, each with the chart of another day of its own year."""
    years = np.array([each.date.astype("datetime64[Y]") for each in found])
    drawn_from = np.arange(len(found))
    for year in np.unique(years):
        here = np.flatnonzero(years == year)
        drawn_from[here] = numpy_generator(0, f"charts/{year}").permutation(here)
    return [
        replace(each, record={**each.record, "chart": found[int(other)].record["chart"]})
        for each, other in zip(found, drawn_from, strict=True)
    ]


def _until(found: Sequence[Lesson], begin: np.datetime64) -> list[Lesson]:
    """Lessons whose days had all passed: ten calendar days hold five bars."""
    return [each for each in found if each.date < begin - np.timedelta64(10, "D")]


def _rows(tested: Mapping[str, Sequence[Tested]]) -> list[list[str]]:
    alone = np.concatenate([each.decided.alone for each in tested["chart"]])
    rows = [["no chart (the forecast as it ships)", *(f"{alone[:, column].mean():.4f}" for column in (0, 1))]]
    for arm, spans in tested.items():
        rows.append([f"{arm}, as decided", *(_cell([each.decided for each in spans], column) for column in (0, 1))])
        rows.append([f"{arm}, all of it", *(_cell([each.whole for each in spans], column) for column in (0, 1))])
    return rows


def _cell(spans: Sequence[Decided], column: int) -> str:
    ours, bar = (np.concatenate([getattr(each, way)[:, column] for each in spans]) for way in ("told", "alone"))
    dates = np.concatenate([each.dates for each in spans])
    if np.array_equal(ours, bar):
        return f"{ours.mean():.4f} (not listened to)"
    gain = by_month(ours - bar, dates)
    t = diebold_mariano(by_day(ours, dates), by_day(bar, dates), lags=HORIZONS[column] + 4)
    return f"{ours.mean():.4f} ({gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}], t {t:+.1f})"


def _by_series(spans: Sequence[Tested]) -> list[list[str]]:
    rows = []
    for name in np.unique(spans[0].names):
        cells = []
        for column in (0, 1):
            parts = [_only(each.whole, each.names == name) for each in spans]
            cells.append(_cell(parts, column))
        rows.append([str(name), *cells])
    return rows


def _only(decided: Decided, rows: Array) -> Decided:
    return Decided(
        alone=decided.alone[rows], told=decided.told[rows], other=decided.other[rows], dates=decided.dates[rows]
    )


def _verdicts(tested: Mapping[str, Sequence[Tested]]) -> list[list[str]]:
    rows = []
    for arm, spans in tested.items():
        for (start, _), each in zip(SPANS, spans, strict=True):
            told = each.verdict
            cells = [
                f"{told.chosen[column]:.2f}, t {told.t[column]:+.1f} and {told.t_words[column]:+.1f}: "
                + ("kept" if told.listens[column] else "not kept")
                for column in range(len(HORIZONS))
            ]
            rows.append([f"{arm}, before {start}", *cells])
    return rows


def _days(horizon: int) -> str:
    return f"{horizon} day{'s' if horizon > 1 else ''}"


if __name__ == "__main__":
    try:
        main()
    except ColonnadeError as error:
        raise SystemExit(f"market_risk_charts: {error}") from error
