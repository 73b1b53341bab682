"""Pictures of the chapters: what was promised beside what came, months beside each other, indices beside their nulls.

Each stands on its own white sheet, so that it reads the same on a light or a dark page. They know nothing of tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ....core.trust.reliability import Reliability
from ....core.trust.stability import SHIFTED, WATCHED, Shift
from ....core.types import Array
from ....knowledge.figures import COLOURS, canvas, picture
from ....knowledge.reports import Figure

MOST = 14  # bars


def reliability_figure(found: Reliability, event: str, *, logarithmic: bool) -> Figure:
    """Promised and happened, with intervals; the line is what perfect promises give."""
    points = found.curve
    said = np.array([point.promised for point in points])
    came = np.array([point.happened.value for point in points])
    low, high = (np.array([getattr(point.happened, side) for point in points]) for side in ("low", "high"))
    least = max(1e-5, 0.5 * min(said.min(), came[came > 0].min(initial=1.0))) if logarithmic else 0.0
    with canvas(7.5, 3.6) as (sheet, axes):
        top = 1.0 if logarithmic else max(said.max(), np.nanmax(high)) * 1.05
        axes.plot([least, top], [least, top], color=COLOURS[5], lw=1, ls="--", label="promised = happened")
        bars = np.clip(np.nan_to_num([came - low, high - came]), 0, None)
        axes.errorbar(said, np.maximum(came, least), yerr=bars, fmt="o", ms=5, color=COLOURS[0], capsize=2, lw=1.2,
                      label="ten bins of equal promise, 95 % intervals")  # fmt: skip
        if logarithmic:
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlim(least, 1.0)
            axes.set_ylim(least, 1.3)
        axes.set_xlabel(f"promised probability of {event}")
        axes.set_ylabel(f"share of {event}")
        axes.legend(frameon=False, loc="upper left")
        return picture(sheet, f"Reliability: the probability of {event} that was promised, and how often it came.")


def months_figure(names: Sequence[str], panels: Mapping[str, Array], caption: str, *, since: int) -> Figure:
    """One panel a measure, one point a month; `since` is the first month of the judged part."""
    with canvas(9, 2.5, columns=len(panels)) as (sheet, axes):
        at = np.arange(len(names))
        for panel, (title, values) in zip(np.atleast_1d(axes), panels.items(), strict=True):
            panel.axvspan(since - 0.5, len(names) - 0.5, color=COLOURS[0], alpha=0.07, lw=0)
            panel.plot(at, values, "-o", ms=4, lw=1.3, color=COLOURS[0])
            panel.set_title(title, fontsize=9)
            every = max(1, len(names) // 5)
            panel.set_xticks(at[::every], [names[place] for place in at[::every]], fontsize=7)
            panel.set_ylim(min(0.0, np.nanmin(values, initial=0.0)), 1.15 * np.nanmax(values, initial=1e-9))
        return picture(sheet, caption)


def shifts_figure(shifts: Mapping[str, Shift]) -> Figure:
    """The largest indices, each with what chance gives, and the two conventions."""
    ranked = sorted(shifts.items(), key=lambda item: -item[1].index)[:MOST][::-1]
    at = np.arange(len(ranked))
    chance = [np.nanmax([each.critical, each.critical_by_group]) for _, each in ranked]
    with canvas(9, 0.6 + 0.24 * len(ranked)) as (sheet, axes):
        axes.barh(at, [each.index for _, each in ranked], color=COLOURS[0], height=0.62, label="index")
        axes.scatter(chance, at, marker="|", s=110, color=COLOURS[1], zorder=3, label="95 % of chance")
        for bar, word in ((WATCHED, "watch"), (SHIFTED, "shifted")):
            axes.axvline(bar, color=COLOURS[5], lw=0.9, ls=":")
            axes.text(bar, len(ranked) - 0.35, f" {word}", fontsize=7.5, color=COLOURS[5])
        axes.set_yticks(at, [name for name, _ in ranked], fontsize=7.5)
        axes.set_xscale("symlog", linthresh=0.01)
        axes.set_xlim(0, max(1.0, 1.2 * max(each.index for _, each in ranked)))
        axes.set_xticks([0, 0.01, 0.1, 0.25, 1], ["0", ".01", ".1", ".25", "1"])
        axes.set_xlabel("population stability index")
        axes.legend(frameon=False, loc="lower right")
        return picture(sheet, "The largest shifts, judged part against the part before it, beside what chance gives.")
