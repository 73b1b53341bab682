"""What is judged: price series with every forecast that could have been made of them, from the network's last day on.

    learnt from by HAR, boosting, bounds and challenger, again each 1 January | judged, day by day

What is fitted on a series is fitted walking forward, with the days that the horizon reaches over left out (purged). It
knows nothing of reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .....core import digest
from .....core.errors import InputError
from .....core.progress import say, track
from .....core.types import Array
from ...market_risk.forecast import Shifter, Walk, walk
from ...market_risk.metrics import qlike
from ...market_risk.sources import Sourced, sources_in
from ...tasks import SAMPLES
from ..lineage import Origin, files_of

SAMPLE = SAMPLES / "sp500.csv"
LEAST = 250  # days judged


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Series and their walks, in one order; `card` is the checkpoint's."""

    origin: Origin
    sources: tuple[Sourced, ...]
    walks: tuple[Walk, ...]
    network: Shifter
    card: Mapping[str, Any]
    seed: int

    def rows(self, horizon: int) -> list[Array]:
        """The judged days of each series."""
        return [each.scored(horizon) for each in self.walks]

    def dates(self, horizon: int) -> Array:
        """Of every judged day of every series."""
        return self.joined([each.history.dates for each in self.walks], horizon)

    def joined(self, values: list[Array], horizon: int) -> Array:
        """A number or date a day and series, of the judged days only."""
        return np.concatenate([each[rows] for each, rows in zip(values, self.rows(horizon), strict=True)])

    def truth(self, horizon: int) -> Array:
        return self.joined([each.truth[:, each.column(horizon)] for each in self.walks], horizon)

    def loss(self, forecasts: list[Array], horizon: int) -> Array:
        """QLIKE of forecasts `[day]` of each series."""
        return qlike(self.truth(horizon), self.joined(forecasts, horizon))

    def ours(self, horizon: int) -> list[Array]:
        return [each.variance[:, each.column(horizon)] for each in self.walks]


def case_of(network: Shifter, card: Mapping[str, Any], data: Path | None, *, seed: int) -> Case:
    """Read the series and walk forward through each.

    Raises:
        InputError: prices that cannot be read, or fewer than 250 days after those that the network learnt from.
    """
    place = SAMPLE if data is None else data
    sources = tuple(sources_in(place))
    walks = tuple(walk(each.prices, network) for each in track(sources, "walking forward", len(sources)))
    judged = sum(len(each.scored(1)) for each in walks)
    if judged < LEAST:
        ends = max(each.prices.day(-1) for each in walks)
        raise InputError(
            f"{judged} forecasts can be judged, at least {LEAST} are needed: the data end on {ends} and the network has"
            f" learnt from days up to {network.until}: give later data, or fit on earlier days"
        )
    say(f"{len(sources)} series, {judged:,} days judged")
    origin = Origin(
        name=place.name if data is None else str(data), simulated=False if data is None else None,
        about=_about(data, sources, network), sha256=digest.of_file(place), files=files_of(place),
    )  # fmt: skip
    return Case(origin=origin, sources=sources, walks=walks, network=network, card=card, seed=seed)


def _about(data: Path | None, sources: tuple[Sourced, ...], network: Shifter) -> str:
    if data is None:
        return (
            "THE SAMPLE THAT SHIPS: no --data was given, so all of this was run on the S&P 500 of 1999 to 2018 (real"
            f" data). The network learnt from its days before {network.until} and is judged on the days after; the"
            " shape of the network was chosen with results of such days in sight, so they are not untouched."
        )
    bars = sum(len(each.prices) for each in sources)
    return f"Data: {data.name}, {len(sources)} series, {bars:,} bars; whether they are real the bank knows."
