"""Control charts for the page: over the units of a session, or over the lines of a results file.

In a session centre and sigma come from the good units that the inspector learned from, so that the first unit can
already be out. Over a file the charts are those of the line itself. What a rule means is said by `monitoring`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ....core.errors import FormatError
from ..inspection.pipeline import InspectionPipeline
from ..line.senses import LOST_AFTER
from ..line.watching import Watching
from ..monitoring.alarm import Rule
from ..monitoring.charts import Chart, Ewma, Individuals
from ..monitoring.rules import RULES
from ..records import SENSES

SCORE = "score"
NEEDED = ("unit", "time", "decision", "scores", "judged", "p_value", "missing", "unusable")
SMALLEST = 5  # good units that a session's chart takes centre and sigma from


def of_session(pipeline: InspectionPipeline, units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Charts over what the page was told of each unit, in order."""
    charts: dict[str, tuple[Chart, Chart]] = {}
    for unit in units:
        values = {each["sense"]: each["raw"] for each in unit["senses"] if each["judged"]}
        if unit["good"] is not None:
            values[f"{SCORE} ({' + '.join(unit['judged'])})"] = unit["score"]
        for name, value in values.items():
            if name not in charts:
                made = _pair(name, *_learned(pipeline, name, unit))
                if made is None:
                    continue
                charts[name] = made
            for chart in charts[name]:
                chart.update(float(value), unit["name"])
    return _told([each for pair in charts.values() for each in pair], source="session", units=len(units))


def of_lines(lines: Iterable[Mapping[str, Any]], *, name: str) -> dict[str, Any]:
    """The line's own charts over its result lines, and one of the score of every unit, rejects too."""
    watching = Watching(SENSES, rule=Rule(), lost_after=LOST_AFTER)
    scores = (Individuals(SCORE), Ewma(SCORE))
    count = 0
    for line in lines:
        count += 1
        watching.update(line)
        if line.get("score") is not None and math.isfinite(line["score"]):
            for chart in scores:
                chart.update(float(line["score"]), line["unit"])
    charts = [*scores, *(each for pair in watching.by_sense.values() for each in pair), *watching.fused]
    return _told(charts, source=name, units=count)


def read_lines(text: str, name: str) -> list[dict[str, Any]]:
    """The lines of a results file.

    Raises:
        FormatError: a line that no line of `colonnade line` is.
    """
    found = []
    for number, raw in enumerate(text.splitlines(), start=1):
        if raw.strip():
            found.append(parsed(raw, f"{name}: line {number}"))
    if not found:
        raise FormatError(f"{name} holds no result: give the results.jsonl of a line")
    return found


def parsed(raw: str | bytes, where: str) -> dict[str, Any]:
    """One result line.

    Raises:
        FormatError: it is none.
    """
    try:
        line = json.loads(raw)
    except ValueError as error:
        raise FormatError(f"{where} is not JSON: give the results.jsonl of a line") from error
    lacking = [key for key in NEEDED if not isinstance(line, dict) or key not in line]
    if lacking:
        raise FormatError(f"{where} has no {' and no '.join(lacking[:3])}: give the results.jsonl of a line")
    return dict(line)


def _learned(pipeline: InspectionPipeline, name: str, unit: Mapping[str, Any]) -> tuple[float, float]:
    """Mean and spread of good units."""
    scale = pipeline.inspector.scale
    if name in scale.centre:
        return scale.centre[name][SCORE], scale.spread[name][SCORE]
    scores = np.asarray(unit["good"]["scores"])
    return float(scores.mean()), float(scores.std(ddof=1)) if len(scores) >= SMALLEST else 0.0


def _pair(name: str, centre: float, sigma: float) -> tuple[Chart, Chart] | None:
    if not sigma > 0:
        return None
    return Individuals(name, centre=centre, sigma=sigma), Ewma(name, centre=centre, sigma=sigma)


def _told(charts: Sequence[Chart], *, source: str, units: int) -> dict[str, Any]:
    """Every chart with at least one point, by name."""
    found = [each.to_dict() for each in charts if each.count]
    names = list(dict.fromkeys(each["name"] for each in found))
    return {"source": source, "units": units, "names": names, "charts": found, "rules": RULES}
