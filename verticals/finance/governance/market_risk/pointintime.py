"""The chapter that proves point in time by running it: series cut short, later bars altered, a leak planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say, track
from .....core.random import numpy_generator
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...market_risk.drawdown import chances
from ...market_risk.forecast import FIRST, Shifter, Walk, walk
from ...market_risk.records import HORIZONS, Prices
from ..cuts import Cut, held_against, total
from ..dossier import Chapter, expect
from ..written import count
from .case import Case

CHAPTER = "point in time"
BARS = 2000  # of the newest that are walked again: enough for boosting to speak
CUTS = 2  # at random, and as many behind a 1 January, when everything has just been fitted
WITHIN = 1e-9  # of a variance, a bound or a probability, all below one


@dataclass(frozen=True, kw_only=True, eq=False)
class Rerun:
    """Everything said of each day, made again from bars that were tampered with."""

    network: Shifter
    prices: Prices
    random: np.random.Generator

    def whole(self) -> Array:
        return said_of(walk(self.prices, self.network))

    def truncated(self, rows: int) -> Array:
        return said_of(walk(self.prices.until(rows), self.network))

    def altered(self, rows: int) -> Array:
        """From that row on every bar is another one, its range five times as wide."""
        return said_of(walk(altered(self.prices, rows, self.random), self.network))

    def next_one(self, rows: int) -> Array:
        """A planted leak: each day is given the forecast of the day after it."""
        return np.roll(self.altered(rows), -1, axis=0)


def said_of(walked: Walk) -> Array:
    """`[day, number]`: variance, bounds, value at risk and shortfall of each horizon, and the chance of a fall."""
    parts = [walked.variance, *(walked.bounds[each] for each in HORIZONS), *(walked.losses[each] for each in HORIZONS)]
    return np.column_stack([*parts, chances(walked.history.returns, walked.variance[:, 0])])


def altered(prices: Prices, rows: int, random: np.random.Generator) -> Prices:
    """Other bars from that row on."""
    later = np.arange(len(prices)) >= rows
    level = np.where(later, random.uniform(0.7, 1.4, len(prices)), 1.0)
    wide = np.where(later, np.exp(random.uniform(0, 0.05, len(prices))), 1.0)
    return replace(
        prices, high=prices.high * level * wide, low=prices.low * level / wide, close=prices.close * level,
        open=None if prices.open is None else prices.open * level,
    )  # fmt: skip


def point_in_time(case: Case) -> Chapter:
    """Walk through the newest bars of one series again and again."""
    random = numpy_generator(case.seed, "cuts")
    place = int(np.argmax([len(each.prices) for each in case.sources]))
    prices = newest(case.sources[place].prices)
    cuts = _cuts(prices, random)
    say(f"point in time: {len(prices):,} bars of {prices.name}, {len(cuts)} cuts")
    rerun = Rerun(network=case.network, prices=prices, random=random)
    whole = rerun.whole()
    found = {
        name: held_against(whole, _runs(name, run, cuts), within=WITHIN)
        for name, run in (("truncated", rerun.truncated), ("altered", rerun.altered))
    }
    leak = held_against(np.roll(whole, -1, axis=0), ((cuts[0], partial(rerun.next_one, cuts[0])),), within=WITHIN)
    return Chapter(
        heading="Point in time, proven by running it",
        facts={
            "series": prices.name, "bars": len(prices), "cuts": [prices.day(at) for at in cuts],
            **{name: [asdict(each) for each in cuts_] for name, cuts_ in found.items()},
            "planted_leak_found": total(leak)[2] > 0,
        },
        claims=(_claim(found),),
        evidence={"cuts": Evidence(kind="measurement", shows="the series walked again, cut short and altered")},
        tables=(_table(found, leak, prices, cuts),),
        notes=(
            f"Run on the newest {len(prices):,} bars of {prices.name}. Half of the cuts lie a day or a horizon behind a"
            " 1 January: there every part has just been fitted, and a day learnt from too early would show.",
        ),
        expects=_expects(found, leak, len(cuts)),
    )  # fmt: skip


def newest(prices: Prices) -> Prices:
    """The last bars as a series of its own, so that walking it again takes seconds."""
    cut = slice(-BARS, None)
    return replace(
        prices, dates=prices.dates[cut], high=prices.high[cut], low=prices.low[cut], close=prices.close[cut],
        open=None if prices.open is None else prices.open[cut],
        volume=None if prices.volume is None else prices.volume[cut],
    )  # fmt: skip


def _cuts(prices: Prices, random: np.random.Generator) -> list[int]:
    low = min(FIRST + 60, len(prices) - 2)
    drawn = random.integers(low, len(prices) - 1, CUTS).tolist()
    years = prices.dates.astype("datetime64[Y]").astype(int)
    turns = [int(row) for row in np.flatnonzero(np.diff(years)) + 1 if row > low]
    behind = [row + 1 + (max(HORIZONS) - 1) * (number % 2) for number, row in enumerate(turns[-CUTS:])]
    return sorted({*drawn, *(min(row, len(prices) - 1) for row in behind)})


def _runs(name: str, run: Callable[[int], Array], cuts: list[int]) -> Iterator[tuple[int, Callable[[], Array]]]:
    for at in track(cuts, f"point in time, {name}", len(cuts)):
        yield at, partial(run, at)


def _claim(found: dict[str, tuple[Cut, ...]]) -> Claim:
    every = [cut for cuts in found.values() for cut in cuts]

    def fact(measure: Callable[[], float]) -> Fact:
        return Fact(value=measure(), evidence="cuts", measure=measure, digits=0)

    return Claim(
        template="{values} forecasts, bounds, losses and probabilities were made again with the future cut off or"
        " altered; {moved} of them moved.",
        facts={
            "values": fact(lambda: float(sum(cut.values for cut in every))),
            "moved": fact(lambda: float(sum(cut.moved for cut in every))),
        },
    )


def _table(found: dict[str, tuple[Cut, ...]], leak: tuple[Cut, ...], prices: Prices, cuts: list[int]) -> Rows:
    days = ", ".join(prices.day(at) for at in cuts)
    lines = (
        ("forecast(prefix) = forecast(series that ends there)", f"cuts at {days}", found["truncated"]),
        ("later bars altered", "level, range and close of every later bar", found["altered"]),
        ("control: a leak planted", "forecasts of the day after: must move", leak),
    )
    return Rows(
        header=("test", "how", "days", "values compared", "values that moved"),
        rows=tuple((name, how, *(count(value) for value in total(each))) for name, how, each in lines),
        caption=f"A value counts as moved by more than {WITHIN:g}. The last line shows that the tests can fail.",
    )


def _expects(found: dict[str, tuple[Cut, ...]], leak: tuple[Cut, ...], cuts: int) -> tuple[Expectation, ...]:
    lines = []
    for key, what, ran in (
        ("truncated", "forecast(stream prefix) = forecast(batch truncated)", f"{cuts} cuts"),
        ("altered", "No forecast moves when later bars are changed; outcomes are not read before they pass",
         f"bars altered after {cuts} cuts"),
    ):  # fmt: skip
        held = sum(each.held for each in found[key])
        _, values, moved = total(found[key])
        lines.append(
            expect(CHAPTER, what, ran, held == len(found[key]),
                   f"{held} of {len(found[key])} held; {moved:,} of {values:,} values moved")
        )  # fmt: skip
    caught = total(leak)[2] > 0
    lines.append(
        expect(
            CHAPTER, "The tests above can fail", "a leak planted on purpose", caught, "found" if caught else "missed"
        )
    )
    return tuple(lines)
