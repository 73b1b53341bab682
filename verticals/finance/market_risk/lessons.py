"""Lessons for a companion: the days of many series, each with its forecast as it was made, its chart or its call, and
what came. It knows nothing of training.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ....core.progress import track
from ....core.types import Image
from .calls import Call
from .charts import DAYS, Chart, pixels_at
from .companion import Companion
from .forecast import FIRST, Walk, walk
from .inputs import Inputs, inputs_of
from .joining import Lesson
from .model import Network
from .records import Prices
from .sources import Sourced
from .training import LONGEST


def chart_lessons(
    companion: Companion, sources: Sequence[Sourced], network: Network, until: np.datetime64
) -> list[Lesson]:
    """A chart for every day that the network has not seen and whose target lies before `until`."""
    found = []
    for source in track(sources, "drawing", len(sources)):
        walked = walk(source.prices, network)
        inputs = read_by(walked)
        found += [lesson_of(companion, walked, inputs, row, drawn(source.prices, row)) for row in taught(walked, until)]
    return found


def call_lessons(
    companion: Companion, sources: Sequence[Sourced], network: Network, until: np.datetime64
) -> list[Lesson]:
    """Every call on a day whose target lies before `until`."""
    found = []
    for source in sources:
        rows = called(source.prices, source.calls)
        if rows:
            walked = walk(source.prices, network)
            inputs = read_by(walked)
            found += [
                lesson_of(companion, walked, inputs, row, call)
                for row in taught(walked, until)
                for call in rows.get(row, ())
            ]
    return found


def lesson_of(companion: Companion, walked: Walk, inputs: Inputs, row: int, seen: Chart | Call | None) -> Lesson:
    """One day."""
    return Lesson(
        record=companion.record(inputs, row, seen),
        leftover=np.log(walked.truth[row]) - np.log(walked.quiet[row]),
        date=walked.history.dates[row],
    )


def read_by(walked: Walk) -> Inputs:
    """What the network read of each day."""
    return inputs_of(walked.history, np.log(walked.har))


def taught(walked: Walk, until: np.datetime64) -> Iterator[int]:
    """Rows that the network has not seen, whose forecast can be judged, and whose target lies before `until`."""
    dates = walked.history.dates
    last = int(np.searchsorted(dates, until)) - LONGEST
    first = max(FIRST, int(np.searchsorted(dates, walked.until)))
    yield from (row for row in range(first, last) if np.isfinite(walked.truth[row]).all())


def drawn(prices: Prices, row: int) -> Chart:
    """The chart of that day."""
    return Chart(image=Image(pixels=pixels_at(prices, row, days=DAYS)), shows="drawn")


def called(prices: Prices, calls: Sequence[Call]) -> Mapping[int, list[Call]]:
    """Calls by the last bar of the day they were held on, or before it: what they move comes after that close."""
    found: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        row = -1 if call.day is None else int(np.searchsorted(prices.dates, call.day, side="right")) - 1
        if row >= 0 and call.day is not None and (call.day - prices.dates[row]).astype(int) <= 5:
            found[row].append(call)
    return found
