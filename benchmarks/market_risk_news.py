"""What a day's tweets add to the volatility forecast of single stocks, by rolling origin: QLIKE with them and without.

    python -m benchmarks.market_risk_news STOCKNET

STOCKNET is the dataset of Xu and Cohen (2018), 86 US stocks with tweets of 2014 and 2015. For each quarter tested, the
shipped network is taught on the days before it (learn, choose, decide; see market_risk/news.py), never on later
ones. Two controls are taught alike: how much was said and nothing of what, and the tweets of another stock and day of
the same month. The rule for listening was fixed before the quarters were tested.

The forecast that ships is the mean of network and boosting once boosting has five years of a series. No stock here has
as many, so a user gets the network's; beside it stands the mean with a boosting pooled over all stocks, fitted before
each quarter.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from benchmarks.results import table, write
from colonnade.core.errors import ColonnadeError
from colonnade.core.random import numpy_generator
from colonnade.core.types import Array
from colonnade.verticals.finance.market_risk.boosting import LEAST
from colonnade.verticals.finance.market_risk.metrics import by_day, by_month, diebold_mariano, qlike
from colonnade.verticals.finance.market_risk.model import Network
from colonnade.verticals.finance.market_risk.news import Lessons, Verdict, heard, judge, shifts_of, teach_member, thirds
from colonnade.verticals.finance.market_risk.pipeline import MarketRiskPipeline
from colonnade.verticals.finance.market_risk.records import HORIZONS
from colonnade.verticals.finance.market_risk.sources import Sourced, sources_in
from colonnade.verticals.finance.market_risk.training import Examples, Material, examples_of, loss_of

QUARTERS = (("2015-04-01", "2015-07-01"), ("2015-07-01", "2015-10-01"))
USUAL = 44  # rows that how much is usually said is averaged over
Arm: TypeAlias = "Callable[[Sequence[Sourced]], list[Mapping[int, str]]]"


def words(sources: Sequence[Sourced]) -> list[Mapping[int, str]]:
    """The tweets themselves."""
    return [each.news for each in sources]


def counts(sources: Sequence[Sourced]) -> list[Mapping[int, str]]:
    """In the place of the tweets two words: how many there were, and how many for this stock at this time."""
    found = []
    for each in sources:
        lines = np.array([_lines(each.news.get(row)) for row in range(len(each.prices))])
        texts = {}
        for row in each.news:
            usual = lines[max(0, row - USUAL) : row].mean() if row else 0.0
            over = np.log2((1 + lines[row]) / (1 + usual))
            texts[row] = f"count{int(np.log2(lines[row]))} times{int(np.clip(np.rint(over), -3, 3)) + 3}"
        found.append(texts)
    return found


def shuffled(sources: Sequence[Sourced]) -> list[Mapping[int, str]]:
    """The tweets of another stock and day, drawn within each month."""
    places = [(index, row) for index, each in enumerate(sources) for row in each.news]
    months = np.array([sources[index].prices.dates[row].astype("datetime64[M]") for index, row in places])
    found: list[dict[int, str]] = [{} for _ in sources]
    for month in np.unique(months):
        here = np.flatnonzero(months == month)
        drawn = numpy_generator(0, f"shuffled/{month}").permutation(here)
        for place, other in zip(here, drawn, strict=True):
            (index, row), (from_, there) = places[place], places[other]
            found[index][row] = sources[from_].news[there]
    return list(found)


ARMS: Mapping[str, Arm] = {"news": words, "counts of news only": counts, "news of another stock and day": shuffled}


@dataclass(frozen=True, kw_only=True, eq=False)
class Tested:
    """One arm in one quarter: shifts `[row, horizon]` of the members' mean and of each member, and what came."""

    verdict: Verdict
    quiet: Array
    told: Array
    each_quiet: list[Array]
    each_told: list[Array]
    leftover: Array
    dates: Array
    pooled: Array  # shifts of boosting, learnt on all stocks


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m benchmarks.market_risk_news STOCKNET")
    started = time.perf_counter()
    network = MarketRiskPipeline.from_pretrained().network
    sources = sources_in(Path(sys.argv[1]))
    tested: dict[str, list[Tested]] = {}
    for name, arm in ARMS.items():
        news = arm(sources)
        for start, stop in QUARTERS:
            tested.setdefault(name, []).append(test(network, sources, news, start=start, stop=stop))
            print(f"{name}, from {start}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    longest = max(len(each.prices) for each in sources)
    assert longest < LEAST, "boosting would have enough of a stock, and the forecast be the mean with it"
    rows = sum(len(each.dates) for each in tested["news"])
    days = len(np.unique(np.concatenate([each.dates for each in tested["news"]])))
    text = "\n\n".join(
        [
            f"Real tweets and prices, {rows} stock-days with tweets on {days} days of two quarters "
            f"({QUARTERS[0][0]} to {QUARTERS[-1][1]}), each tested after learning on the days before it. QLIKE, lower "
            "is better; in brackets the difference from prices only with its 95 % interval over calendar months, and "
            "Diebold-Mariano's t of the daily mean: below -2 is better beyond chance.",
            f"As a user gets it: no stock has more than {longest} of the {LEAST} days that boosting asks for.",
            table(["QLIKE", *(_horizon(each) for each in HORIZONS)], _rows(tested, _network)),
            "The mean of the network and of boosting on what HAR leaves over, learnt on all stocks before each quarter "
            "(what news changes in the network's forecast is added to the mean):",
            table(["QLIKE", *(_horizon(each) for each in HORIZONS)], _bars(tested) + _rows(tested, _mean)),
            "What the rule decided on the days before each quarter (share of the change kept, as chosen, and "
            "Diebold-Mariano's t on the days that decide, against no news and against the news of another row; it "
            "listens where both are below -1), and for each seed alone the least and "
            "the most of QLIKE with all of the news less prices only, on the quarter:",
            table(["", *(_horizon(each) for each in HORIZONS)], _verdicts(tested)),
            "'As decided' is what a user gets: where the rule does not listen it is prices only. Three seeds are the "
            "three members, taught each on its own; their mean is the forecast. Six months are few for an interval, "
            "and 24 August 2015, when many stocks fell by a fifth within minutes, is one of the days.",
        ]
    )
    write("Market risk with news", command="python -m benchmarks.market_risk_news STOCKNET", text=text)
    print(text)


def test(
    network: Network, sources: Sequence[Sourced], news: Sequence[Mapping[int, str]], *, start: str, stop: str
) -> Tested:
    """Teach on the days before `start`, forecast those from it on."""
    begin, end, schedule = np.datetime64(start), np.datetime64(stop), Lessons()
    taught, before = copy.deepcopy(network), materials(sources, news, begin)
    known, choosing, deciding = thirds(taught, before, schedule.validation)
    for number, member in enumerate(taught.members):
        teach_member(member, known, choosing, replace(schedule, seed=number))  # type: ignore[arg-type]
    later = [_from(each, begin) for each in materials(sources, news, end)]
    examples = examples_of(later, taught.standard, taught.members[0], only_news=True)  # type: ignore[arg-type]
    seeds = [alone(taught, member) for member in taught.members]
    quiet, told = _shifts(taught, examples)
    pairs = [_shifts(each, examples) for each in seeds]
    return Tested(
        verdict=judge(taught, choosing, deciding),
        quiet=quiet,
        told=told,
        each_quiet=[pair[0] for pair in pairs],
        each_told=[pair[1] for pair in pairs],
        leftover=examples.leftover.double().numpy(),
        dates=examples.dates,
        pooled=pooled(before, later),
    )


def pooled(before: Sequence[Material], later: Sequence[Material]) -> Array:
    """What boosting adds to the logarithm of HAR `[row, horizon]` on the days with news; settings as for one series."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    x = np.concatenate([each.inputs.table[each.rows] for each in before])
    y = np.concatenate([each.leftover for each in before])
    told = [[row for row in each.rows if each.news.get(int(row))] for each in later]
    ahead = np.concatenate([each.inputs.table[rows] for each, rows in zip(later, told, strict=True)])
    found = []
    for column in range(len(HORIZONS)):
        model = HistGradientBoostingRegressor(
            max_iter=120, learning_rate=0.04, max_leaf_nodes=8, min_samples_leaf=60, l2_regularization=5.0,
            random_state=0, early_stopping=False,
        )  # fmt: skip
        with threadpool_limits(1, user_api="openmp"):
            model.fit(x, y[:, column])
        level = np.log(np.mean(np.exp(y[:, column] - model.predict(x))))
        found.append(model.predict(ahead) + level)
    return np.column_stack(found)


def materials(sources: Sequence[Sourced], news: Sequence[Mapping[int, str]], until: np.datetime64) -> list[Material]:
    """Every series with news, up to that day."""
    made = [heard(source.prices, until, told) for source, told in zip(sources, news, strict=True)]
    return [each for each in made if each is not None]


def alone(network: Network, member: torch.nn.Module) -> Network:
    """A network of one of the members."""
    return Network([member], standard=network.standard, until=network.until, errors=network.errors)  # type: ignore[list-item]


def _from(material: Material, begin: np.datetime64) -> Material:
    later = material.dates[material.rows] >= begin
    return replace(material, rows=material.rows[later], leftover=material.leftover[later])


def _shifts(network: Network, examples: Examples) -> tuple[Array, Array]:
    quiet, told = shifts_of(network, examples.batch)
    return quiet.double().numpy(), told.double().numpy()


def _rows(tested: Mapping[str, Sequence[Tested]], base: Base) -> list[list[str]]:
    """The pooled quarters: prices only, and each arm as decided, as chosen and whole."""
    first, only = tested["news"], BASES[base]
    rows = [[f"prices only ({only})", *(f"{_loss(first, _silent, base)[:, c].mean():.4f}" for c in (0, 1))]]
    ways: Mapping[str, Callable[[Tested], Array]] = {
        "as decided": lambda each: np.array(each.verdict.listens),
        "as much as chosen, whatever was decided": lambda each: np.array(each.verdict.chosen),
        "all of it": lambda each: np.ones(len(HORIZONS)),
    }
    for arm, quarters in tested.items():
        for way, share in ways.items():
            rows.append([f"prices and {arm}, {way}", *(_cell(quarters, share, column, base) for column in (0, 1))])
    return rows


def _bars(tested: Mapping[str, Sequence[Tested]]) -> list[list[str]]:
    """HAR of each stock, and boosting alone."""
    bars: Mapping[str, Base] = {
        "HAR with leverage": lambda each: np.zeros_like(each.quiet),
        "HAR with leverage + boosting pooled over stocks": lambda each: each.pooled,
    }
    return [
        [name, *(f"{_loss(tested['news'], _silent, base)[:, column].mean():.4f}" for column in (0, 1))]
        for name, base in bars.items()
    ]


def _network(each: Tested) -> Array:
    return each.quiet


def _mean(each: Tested) -> Array:
    return np.asarray((each.quiet + each.pooled) / 2)


Base: TypeAlias = "Callable[[Tested], Array]"
BASES: Mapping[Base, str] = {_network: "HAR with leverage + network", _mean: "mean of network and pooled boosting"}


def _silent(each: Tested) -> Array:
    return np.zeros(len(HORIZONS))


def _loss(quarters: Sequence[Tested], share: Callable[[Tested], Array], base: Base) -> Array:
    """QLIKE `[row, horizon]` over the quarters, listening to that share."""
    moved = [base(each) + share(each) * (each.told - each.quiet) for each in quarters]
    return np.concatenate(
        [qlike(np.exp(each.leftover), np.exp(shift)) for each, shift in zip(quarters, moved, strict=True)]
    )


def _cell(quarters: Sequence[Tested], share: Callable[[Tested], Array], column: int, base: Base) -> str:
    ours, bar = (_loss(quarters, each, base)[:, column] for each in (share, _silent))
    dates = np.concatenate([each.dates for each in quarters])
    if np.array_equal(ours, bar):
        return f"{ours.mean():.4f} (not listened to)"
    gain = by_month(ours - bar, dates)
    t = diebold_mariano(by_day(ours, dates), by_day(bar, dates), lags=HORIZONS[column] + 4)
    return f"{ours.mean():.4f} ({gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}], t {t:+.1f})"


def _verdicts(tested: Mapping[str, Sequence[Tested]]) -> list[list[str]]:
    rows = []
    for arm, quarters in tested.items():
        for (start, _), each in zip(QUARTERS, quarters, strict=True):
            cells = []
            for column in range(len(HORIZONS)):
                verdict = each.verdict
                word = "listens" if verdict.listens[column] else "does not listen"
                gains = [_gain(each, seed, column) for seed in range(len(each.each_told))]
                cells.append(
                    f"{verdict.chosen[column]:.2f}, t {verdict.t[column]:+.1f} and "
                    f"{verdict.t_words[column]:+.1f}: {word}; "
                    f"{min(gains):+.4f} to {max(gains):+.4f}"
                )
            rows.append([f"{arm}, before {start}", *cells])
    return rows


def _gain(each: Tested, seed: int, column: int) -> float:
    left = torch.from_numpy(each.leftover)
    told, quiet = (
        loss_of(torch.from_numpy(which[seed]), left)[:, column].mean() for which in (each.each_told, each.each_quiet)
    )
    return float(told - quiet)


def _lines(text: str | None) -> int:
    return text.count("\n") + 1 if text else 0


def _horizon(days: int) -> str:
    return f"{days} day{'s' if days > 1 else ''}"


if __name__ == "__main__":
    try:
        main()
    except ColonnadeError as error:
        raise SystemExit(f"market_risk_news: {error}") from error
