"""How networks are made: the one that ships, news added to it, and adaptation to a user's own series.

colonnade fit finance/market-risk <data folder of the package arch> --recipe shipped --out market-risk
colonnade fit finance/market-risk <stocknet folder> --recipe shipped-news --checkpoint market-risk --out with-news
colonnade fit finance/market-risk my_prices/ --recipe news --out mine
colonnade fit finance/market-risk <data folder of arch> --recipe shipped-chart --checkpoint with-news --out with-chart
colonnade fit finance/market-risk <stocknet, MAEC as its calls/> --recipe shipped-call --checkpoint with-chart --out all
colonnade fit finance/market-risk my_prices/ --recipe chart --out mine      (or --recipe call, with my_prices/calls/)
colonnade fit finance/market-risk my_prices/ --method lora --out mine
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ....core.errors import FormatError
from ....core.pipeline import FitOptions
from ....core.training.adaptation import SHARE, LoraConfig, Parts, begin, finish
from .calls import Call
from .companion import Companion
from .forecast import FIRST
from .history import history_of
from .joining import Apprenticeship, blank, join
from .lessons import call_lessons, chart_lessons
from .model import SILENT, Network, NetworkConfig
from .news import Lessons, heard, teach
from .records import Prices
from .sources import Sourced
from .training import Schedule, errors_of, examples_of, material_of, split, train, train_member

Made: TypeAlias = tuple[Network, NetworkConfig, dict[str, Any]]
S = TypeVar("S", bound=Schedule)
Recipe: TypeAlias = Callable[[Network, NetworkConfig, Sequence[Sourced], FitOptions], Made]

UNTIL = np.datetime64("2007-01-01")  # the shipped network learns from days before it, so that all later ones are unseen
HEARD_UNTIL = np.datetime64("2015-07-01")  # and from news before it
DRAWN_UNTIL = np.datetime64("2013-01-01")  # and from charts before it
PARTS = Parts(
    groups=(("residuals", "experts"), ("decoder", "fusion", "gates"), ("",)),
    lora=LoraConfig(trained=("residuals",), share=SHARE),
    every=4,
)


def shipped(network: Network, config: NetworkConfig, sources: Sequence[Sourced], options: FitOptions) -> Made:
    """From nothing, on the days before 2007 of the series given (the S&P 500 and the NASDAQ of the package arch)."""
    schedule = _schedule(options, Schedule(seed=options.seed))
    config = NetworkConfig()
    made = train([material_of(each.prices, UNTIL) for each in sources], config, schedule, UNTIL)
    card = _card(sources, UNTIL, options, recipe="shipped")
    return made, config, card | {"validation_qlike": _validation(made)}


def with_news(network: Network, config: NetworkConfig, sources: Sequence[Sourced], options: FitOptions) -> Made:
    """The same network with news learnt beside it; forecasts without news stay what they were."""
    return _told(network, config, sources, options, until=_end(sources))


def shipped_news(network: Network, config: NetworkConfig, sources: Sequence[Sourced], options: FitOptions) -> Made:
    """As `with_news`, on the days before July 2015 of StockNet: the months after them are for testing."""
    return _told(network, config, sources, options, until=HEARD_UNTIL)


def adapted(network: Network, config: NetworkConfig, sources: Sequence[Sourced], options: FitOptions) -> Made:
    """The given network trained further on the user's series, up to their last day."""
    schedule = replace(_schedule(options, Schedule(seed=options.seed)), rate=1e-3)
    until = _end(sources)
    made = copy.deepcopy(network)
    materials = [material_of(each.prices, until) for each in sources]
    members: list[Any] = list(made.members)
    known, later = split(examples_of(materials, made.standard, members[0]), schedule.validation)
    for number, member in enumerate(members):
        train_member(
            member, known, later, replace(schedule, seed=options.seed * 1000 + number),
            unfreezing=begin(member, options.method, PARTS),
        )  # fmt: skip
        finish(member, options.method)
    made.until = until
    made.listens, made.heard_until = SILENT, None  # what news was worth beside other weights does not hold for these
    made.errors = errors_of(made, later)
    card = _card(sources, until, options, recipe=f"adapted, {options.method}")
    return made, config, card | {"validation_qlike": _validation(made)}


RECIPES: Mapping[str, Recipe] = {"shipped": shipped, "news": with_news, "shipped-news": shipped_news}


def companion_of(
    reads: str, network: Network, sources: Sequence[Sourced], options: FitOptions, *, until: np.datetime64 | None
) -> tuple[Companion, dict[str, Any]]:
    """A companion that reads charts (drawn from the bars) or calls, taught beside the network's forecasts as they were
    made, on days that the network had not seen; and what its card says.

    Raises:
        FormatError: no such day, or no call of a series.
    """
    until = until or _end(sources)
    calls: list[Call] = [call for each in sources for call in each.calls]
    made = blank(reads, network.standard, until, calls=calls)
    find = chart_lessons if reads == "chart" else call_lessons
    lessons = find(made, sources, network, until)
    if not lessons:
        raise FormatError(
            f"there is no {reads} to learn from: the days must lie from {network.until} to before {until}, and"
            " calls are looked for in a folder calls/, named like 20150723_AAA for a series AAA"
        )
    verdict = join(made, lessons, _schedule(options, Apprenticeship(seed=options.seed)))
    count = len([each for each in sources if reads == "chart" or each.calls])
    said = f"{len(lessons)} {reads}s of {count} series"
    return made, {"taught_on": said, "until": str(until), "seed": options.seed} | asdict(verdict)


COMPANIONS: Mapping[str, tuple[str, np.datetime64 | None]] = {
    "chart": ("chart", None), "call": ("call", None), "shipped-chart": ("chart", DRAWN_UNTIL),
    "shipped-call": ("call", None),
}  # fmt: skip


def _told(
    network: Network, config: NetworkConfig, sources: Sequence[Sourced], options: FitOptions, *, until: np.datetime64
) -> Made:
    materials = [found for each in sources if (found := heard(each.prices, until, each.news)) is not None]
    if not materials:
        raise FormatError(
            f"no series has news of a day from its {FIRST + 1}th bar on and before {until}: this recipe needs data with"
            " news, the StockNet layout or CSV files with a folder news/"
        )
    made = copy.deepcopy(network)
    verdict = teach(made, materials, _schedule(options, Lessons(seed=options.seed)), until)
    told = {"taught_on": f"news of {len(materials)} series", "until": str(until), "seed": options.seed}
    return made, config, {"news": told | asdict(verdict)}


def _schedule(options: FitOptions, schedule: S) -> S:
    return schedule if options.epochs is None else replace(schedule, epochs=options.epochs)


def _end(sources: Sequence[Sourced]) -> np.datetime64:
    """The day after the last bar of all."""
    last: np.datetime64 = max(each.prices.dates[-1] for each in sources)
    return last + np.timedelta64(1, "D")


def _card(sources: Sequence[Sourced], until: np.datetime64, options: FitOptions, *, recipe: str) -> dict[str, Any]:
    from ....core import digest

    names = ", ".join(each.prices.name.split(".")[0] for each in sources[:4]) + (", ..." if len(sources) > 4 else "")
    noticed = {each.prices.name: list(each.prices.warnings) for each in sources[:4] if each.prices.warnings}
    return {
        "recipe": recipe,
        **({"noticed": noticed} if noticed else {}),
        "trained_on": f"{names} ({len(sources)} series)",
        "until": str(until),
        "seed": options.seed,
        "data_sha256": {each.prices.name: digest.of_value(each.prices) for each in sources[:4]},
        "mean_log_variance": float(np.mean([_level(each.prices, until) for each in sources])),
        "inputs": "daily high, low, close; volume and news where known",
        "outputs": "how far the logarithm of HAR's variance forecast moves, 1 and 5 trading days ahead",
    }


def _validation(network: Network) -> dict[str, float]:
    """QLIKE on up to 500 of the validation days, by horizon."""
    return {str(horizon): float(np.mean(np.exp(e) - e - 1)) for horizon, e in network.errors.items()}


def _level(prices: Prices, until: np.datetime64) -> float:
    history = history_of(prices)
    return float(np.mean(np.log(history.variance[history.dates < until])))
