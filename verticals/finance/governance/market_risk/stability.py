"""The chapter on stability: shifts of forecasts and inputs since the network learnt, and the monitor by year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .....core.governance import Expectation
from .....core.trust.stability import SHIFTED, Bins, Shift, index_of, shift_of
from .....core.types import Array
from .....knowledge.reports import Figure, Rows
from ...market_risk.forecast import FIRST
from ...market_risk.inputs import COLUMNS, inputs_of
from ...market_risk.metrics import qlike
from ..dossier import Chapter, expect
from ..drawings import months_figure, shifts_figure
from ..shifts import plain_shift, shifts_table
from ..written import count, number, share
from .case import Case

CHAPTER = "stability"
LISTED, SHORT = 10, 60
HOLDS = (0.8, 0.97)  # of the days of a year whose bounds, meant for 90 %, hold: a convention


@dataclass(frozen=True, kw_only=True)
class Stability:
    """Shifts by name, measures by year, and the chapter."""

    shifts: Mapping[str, Shift]
    years: Mapping[str, Mapping[str, float]]
    chapter: Chapter


def stability(case: Case) -> Stability:
    """Judged days against the days before them, or their first half where there are none before."""
    names, values, dates, split = _values(case)
    before, now = (values[dates < split], values[dates >= split])
    groups = tuple(each.astype("datetime64[M]").astype(int) for each in (dates[dates < split], dates[dates >= split]))
    shifts = {
        name: shift_of(before[:, at], now[:, at], groups=groups, seed=case.seed)  # type: ignore[arg-type]
        for at, name in enumerate(names)
    }
    years = _years(case, names, values, dates, before)
    return Stability(shifts=shifts, years=years, chapter=Chapter(
        heading="Stability and drift",
        facts={
            "split": str(split), "years": years,
            "shifts": {name: plain_shift(each) for name, each in shifts.items()},
        },
        figures=(shifts_figure(shifts), _figure(years)),
        tables=(
            shifts_table(
                ("forecast", shifts["forecast"]), {n: s for n, s in shifts.items() if n != "forecast"}, dealt="months",
                of=("inputs", "days"), listed=LISTED, digits=3,
            ),
            _years_table(years),
        ),
        notes=(
            f"Days from {split} on against the days before. Chance deals whole months to both sides, since volatility"
            " comes in spells; an index of independent rows would call almost anything shifted.",
        ),
        expects=_expects(shifts, years),
    ))  # fmt: skip


def _values(case: Case) -> tuple[tuple[str, ...], Array, Array, np.datetime64]:
    """The logarithm of the day's forecast and the network's inputs `[day, name]` of every series, and the days."""
    parts, dates = [], []
    for each in case.walks:
        table = inputs_of(each.history, np.log(each.har)).table[FIRST:]
        parts.append(np.column_stack([np.log(each.variance[FIRST:, 0]), table]))
        dates.append(each.history.dates[FIRST:])
    days = np.concatenate(dates)
    split = np.datetime64(case.network.until)
    if (days < split).sum() < SHORT:
        split = np.sort(days)[len(days) // 2]
    return ("forecast", *COLUMNS), np.concatenate(parts), days, split


def _years(
    case: Case, names: tuple[str, ...], values: Array, dates: Array, before: Array
) -> dict[str, dict[str, float]]:
    judged, truth = case.dates(1), case.truth(1)
    ours = case.joined(case.ours(1), 1)
    har = case.joined([each.har[:, 0] for each in case.walks], 1)
    low, high = (case.joined([each.bounds[1][:, side] for each in case.walks], 1) for side in (0, 1))
    cuts = [Bins.of(column) for column in before.T]
    base = [np.bincount(c.of_rows(v), minlength=c.size).astype(float) for c, v in zip(cuts, before.T, strict=True)]
    found = {}
    for year in np.unique(judged.astype("datetime64[Y]")):
        rows = judged.astype("datetime64[Y]") == year
        if rows.sum() < SHORT:
            continue
        inputs = values[dates.astype("datetime64[Y]") == year]
        moved = [
            float(index_of(b, np.bincount(c.of_rows(v), minlength=c.size).astype(float)))
            for b, c, v in zip(base[1:], cuts[1:], inputs.T[1:], strict=True)
        ]
        found[str(year)] = {
            "days": int(rows.sum()), "qlike": float(qlike(truth[rows], ours[rows]).mean()),
            "qlike_har": float(qlike(truth[rows], har[rows]).mean()),
            "volatility": float(100 * np.sqrt(ours[rows].mean() * case.walks[0].prices.periods)),
            "held": float(((truth[rows] >= low[rows]) & (truth[rows] <= high[rows])).mean()),
            "input_index": float(np.mean(moved)),
        }  # fmt: skip
    return found


def _years_table(years: Mapping[str, Mapping[str, float]]) -> Rows:
    rows = tuple(
        (name, count(y["days"]), number(y["volatility"], 1), number(y["input_index"], 3), number(y["qlike"], 4),
         number(y["qlike_har"], 4), share(y["held"]))
        for name, y in years.items()
    )  # fmt: skip
    return Rows(
        header=("year", "days", "mean forecast, % a year", "mean index of inputs", "QLIKE", "HAR with leverage",
                "bounds held (90 % meant)"),
        rows=rows, caption="The drift monitor, one day ahead.",
    )  # fmt: skip


def _figure(years: Mapping[str, Mapping[str, float]]) -> Figure:
    panels = {
        title: np.array([year[key] for year in years.values()])
        for title, key in (("mean forecast, % a year", "volatility"), ("mean index of inputs", "input_index"),
                           ("QLIKE", "qlike"), ("bounds held", "held"))
    }  # fmt: skip
    return months_figure(tuple(years), panels, "The drift monitor by year of the judged days.", since=0)


def _expects(shifts: Mapping[str, Shift], years: Mapping[str, Mapping[str, float]]) -> tuple[Expectation, ...]:
    moved = [name for name, each in shifts.items() if each.word == "shifted" and name != "forecast"]
    loose = [name for name, year in years.items() if not HOLDS[0] <= year["held"] <= HOLDS[1]]
    forecast = shifts["forecast"]
    return (
        expect(CHAPTER, "The forecast's distribution is stable", "index with its null", forecast.word != "shifted",
               f"{number(forecast.index)} (chance {number(forecast.critical_by_group)} by months): {forecast.word}"),
        expect(CHAPTER, "The network's inputs are stable", f"index of {len(shifts) - 1} inputs", not moved,
               f"above {SHIFTED:g} and chance: {', '.join(moved[:6])}" if moved else "none has shifted"),
        expect(CHAPTER, "Bounds hold in every year", f"{HOLDS[0]:.0%} to {HOLDS[1]:.0%} of its days, for 90 % meant",
               not loose, f"not in {', '.join(loose)}" if loose else f"in all of {len(years)} years"),
    )  # fmt: skip
