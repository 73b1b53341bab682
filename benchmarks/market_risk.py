"""Range-based volatility of the S&P 500 and the NASDAQ, 1 and 5 days ahead, walked forward from 2007: QLIKE by model.

    python -m benchmarks.market_risk

The data are those of the Python package `arch` (1999 to 2018), read from its files without importing it. Every model is
fitted again each 1 January on what had passed; the shipped network learnt from days before 2007 and never again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.results import table, write
from colonnade.core.errors import MissingExtra
from colonnade.core.types import Array
from colonnade.verticals.finance.market_risk.boosting import walk_boosting
from colonnade.verticals.finance.market_risk.forecast import Walk, coverage, exceedances, walk
from colonnade.verticals.finance.market_risk.metrics import by_month, diebold_mariano, kupiec, qlike
from colonnade.verticals.finance.market_risk.model import Network
from colonnade.verticals.finance.market_risk.pipeline import MarketRiskPipeline
from colonnade.verticals.finance.market_risk.records import HORIZONS
from colonnade.verticals.finance.market_risk.sources import sources_in
from colonnade.verticals.finance.market_risk.walkforward import Forecast, walk_garch

NAMES = {
    "random_walk": "random walk", "ma22": "mean of 22 days", "ewma": "EWMA, decay .94", "garch": "GARCH(1,1)",
    "gjr": "GJR-GARCH", "har": "HAR", "har_leverage": "HAR with leverage", "boosting": "boosting, direct",
    "boosting_on_har": "boosting on what HAR leaves", "colonnade": "**HAR with leverage + network**",
}  # fmt: skip


def arch_data() -> Path:
    """The folder of the data that come with the package `arch`."""
    found = find_spec("arch")
    if found is None or found.origin is None:
        raise MissingExtra("this benchmark reads the data of arch: pip install 'colonnade[bench]'")
    return Path(found.origin).parent / "data"


def rivals(walked: Walk, horizon: int) -> dict[str, Forecast]:
    """Every model's forecasts of one horizon."""
    found = walked.models(horizon)
    extra: dict[str, Callable[[], Forecast]] = {
        "gjr": lambda: walk_garch(walked.history, horizon, asymmetric=True),
        "boosting": lambda: walk_boosting(walked.history, horizon, residual=False),
        "boosting_on_har": lambda: walk_boosting(walked.history, horizon),
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
    walks = {each.prices.name.split(".")[0]: walk(each.prices, network) for each in sources_in(arch_data())}
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
        f"Judged days: {days}. The seeds are three networks trained alike; their mean is what ships. "
        "Intervals redraw calendar months (95 %).",
    ]
    write("Market risk", command="python -m benchmarks.market_risk", text="\n\n".join(text))
    print("\n\n".join(text))


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
        rows.setdefault("QLIKE of each seed alone, least and most", []).append(f"{min(alone):.4f} to {max(alone):.4f}")
        rows.setdefault("less HAR with leverage", []).append(f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]")
        rows.setdefault("t against boosting on what HAR leaves", []).append(f"{against:+.1f}")
        rows.setdefault("bounds that held what came (90 % meant)", []).append(f"{coverage(walked, horizon):.1%}")
        tail = f"{misses} of {days}" + (f" (p {kupiec(misses, days, rate=0.01):.3f})" if horizon == 1 else "")
        rows.setdefault("losses beyond value at risk (1 % meant)", []).append(tail)
    return [[label, *cells] for label, cells in rows.items()]


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
