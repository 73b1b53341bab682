"""The chapter on ablations: the forecast without each of its parts, and with the network reading another day.

A part whose shuffled inputs do as well as its own adds nothing but numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from .....core.governance import Expectation
from .....core.random import numpy_generator
from .....core.result import Interval
from .....core.types import Array
from .....knowledge.reports import Rows
from ...market_risk.forecast import FIRST, Walk
from ...market_risk.inputs import inputs_of
from ...market_risk.metrics import by_day, by_month, diebold_mariano
from ...market_risk.records import HORIZONS
from ..dossier import Chapter, expect
from ..written import span
from .case import Case

CHAPTER = "controls"
SHUFFLED = "network reading another day"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """QLIKE without a part less QLIKE as it is (above zero: the part is worth something), and Diebold-Mariano's t."""

    more: Interval
    t: float


def controls(case: Case) -> Chapter:
    """What each part is worth on the judged days."""
    found = {horizon: _changes(case, horizon) for horizon in HORIZONS}
    rows = []
    for name in found[HORIZONS[0]]:
        cells = [name]
        for horizon in HORIZONS:
            cells += [span(found[horizon][name].more, 4, sign=True), f"{found[horizon][name].t:+.1f}"]
        rows.append(tuple(cells))
    header = ["the forecast with"]
    for horizon in HORIZONS:
        header += [f"QLIKE more, {horizon} day{'s' if horizon > 1 else ''}", "t"]
    return Chapter(
        heading="Ablations and shuffled controls",
        facts={str(h): {name: asdict(each) for name, each in rows_.items()} for h, rows_ in found.items()},
        tables=(
            Rows(header=tuple(header), rows=tuple(rows),
                 caption="QLIKE above that of the forecast as it is; t above 2: worse beyond chance."),
        ),
        notes=("The forecast is the mean (of logarithms) of HAR moved by the network and HAR moved by boosting. Parts"
               " are taken away and nothing is fitted again.",),
        expects=(*_expects(found), _news(case)),
    )  # fmt: skip


def _changes(case: Case, horizon: int) -> dict[str, Change]:
    column = HORIZONS.index(horizon)
    versions = {
        "HAR and boosting only": [each.boosting[:, column] for each in case.walks],
        "HAR and network only": [each.network[:, column] for each in case.walks],
        "HAR with leverage only": [each.har[:, column] for each in case.walks],
        SHUFFLED: [_shuffled(case, each, horizon) for each in case.walks],
    }
    dates, ours = case.dates(horizon), case.loss(case.ours(horizon), horizon)
    found = {}
    for name, forecasts in versions.items():
        loss = case.loss(forecasts, horizon)
        t = diebold_mariano(by_day(loss, dates), by_day(ours, dates), lags=horizon + 4)
        found[name] = Change(more=by_month(loss - ours, dates, seed=case.seed), t=t)
    return found


def _shuffled(case: Case, walked: Walk, horizon: int) -> Array:
    """The forecast had the network read another day of the same series."""
    column, rows = HORIZONS.index(horizon), np.arange(FIRST, len(walked.history))
    inputs = inputs_of(walked.history, np.log(walked.har))
    dealt = numpy_generator(case.seed, f"shuffled/{walked.prices.name}").permutation(rows)
    other = walked.har[:, column].copy()
    other[rows] *= np.exp(case.network.shifts(inputs, dealt, {})[:, column])
    with_boosting = ~np.isclose(walked.quiet[:, column], walked.network[:, column], rtol=1e-9, atol=0, equal_nan=True)
    return np.where(with_boosting, np.sqrt(other * walked.boosting[:, column]), other)


def _expects(found: Mapping[int, Mapping[str, Change]]) -> tuple[Expectation, ...]:
    lines = []
    for horizon, changes in found.items():
        days = f"{horizon} day{'s' if horizon > 1 else ''} ahead"
        harmful = [name for name, each in changes.items() if each.t < -2]
        lines += [
            expect(CHAPTER, f"{days}: no part does harm beyond chance", "each part taken away", not harmful,
                   f"better without: {', '.join(harmful)}" if harmful else "none is better without"),
            expect(CHAPTER, f"{days}: the network is worth more than one that reads another day", "shuffled inputs",
                   changes[SHUFFLED].t > 2, f"t {changes[SHUFFLED].t:+.1f}"),
        ]  # fmt: skip
    return tuple(lines)


def _news(case: Case) -> Expectation:
    what = "News is worth more than shuffled news"
    told = sum(len(each.news) for each in case.sources)
    if not case.network.reads_news:
        return expect(CHAPTER, what, "nothing", None, "this network does not listen to news (see its card)")
    if not told:
        return expect(CHAPTER, what, "nothing", None, "the data hold no news")
    return expect(CHAPTER, what, "nothing", None, "`colonnade evaluate` compares days with news; shuffled at fit")
