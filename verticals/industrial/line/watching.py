"""What a line watches over: alarms of rejects, of units that cannot be measured, of drift and of lost sensors.

It reads result lines and nothing else, so that the same lines give the same state again after a restart. Drift is
charted on what good units score: the conformal p-value as a normal score, which is N(0, 1) as long as good units are
what they were when the thresholds were set, whichever senses judged; and the raw score of each sense.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, final

from ....knowledge.graph import KnowledgeGraph
from ..causes.likely import likely, signs_of
from ..monitoring.alarm import Alarm, Rule, units_between
from ..monitoring.charts import Chart, Cusum, Ewma, Individuals
from ..monitoring.runs import ewma_run_length
from .senses import Senses

BASELINE = 50  # good units from which a sense's own chart takes its centre and sigma
ONCE = Rule(m=1, n=1)


@final
class Watching:
    """Alarms, charts and senses of one line."""

    def __init__(
        self, senses: Sequence[str], *, rule: Rule, lost_after: int, graph: KnowledgeGraph | None = None
    ) -> None:
        self.graph = graph
        self.senses = Senses(senses, lost_after)
        self.alarms = {
            "rejects": Alarm("rejects", rule), "unmeasurable": Alarm("unmeasurable", rule),
            "drift": Alarm("drift", ONCE), "sensors": Alarm("sensors", ONCE),
        }  # fmt: skip
        self.fused: list[Chart] = [
            Ewma("normal score", centre=0.0, sigma=1.0), Cusum("normal score", centre=0.0, sigma=1.0)
        ]  # fmt: skip
        self.by_sense: dict[str, list[Chart]] = {
            sense: [Individuals(sense, baseline=BASELINE), Ewma(sense, baseline=BASELINE)] for sense in senses
        }
        self.recent: deque[list[str]] = deque(maxlen=rule.n)
        self.causes: list[dict[str, Any]] = []
        self.counts = dict.fromkeys(("pass", "review", "reject", "unmeasurable"), 0)

    def update(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """What the line adds to its result: `alarm`, `drift`, `sensors`, `causes` and `events`."""
        decision, at = line["decision"], line["time"]
        self.counts[decision] += 1
        events = self.senses.update(line)
        drift = self._chart(line) if decision in ("pass", "review") else None
        signs = signs_of(line) if decision == "reject" else []
        self.recent.append(signs)
        bad = {
            "rejects": decision == "reject", "unmeasurable": decision == "unmeasurable",
            "drift": self.alarms["drift"].active if drift is None else bool(drift),
            "sensors": bool(self.senses.lost),
        }  # fmt: skip
        raised = [name for name, alarm in self.alarms.items() if alarm.update(bad[name], at)]
        causes = likely(signs, graph=self.graph) if signs else []
        if raised:
            self.causes = likely(self._signs(), graph=self.graph)
            causes = self.causes
            events += [f"alarm raised: {name}" for name in raised]
        return {
            "alarm": self.state() | {"raised": raised}, "drift": list(drift or ()), "causes": causes, "events": events,
        }  # fmt: skip

    def acknowledge(self, by: str, alarm: str | None = None) -> list[str]:
        """A person has seen the alarms (or one of them); which there were."""
        names = list(self.alarms) if alarm is None else [alarm]
        return [name for name in names if name in self.alarms and self.alarms[name].acknowledge(by)]

    def state(self) -> dict[str, Any]:
        """The worst of the alarms, and which are active or latched."""
        active = [name for name, alarm in self.alarms.items() if alarm.active]
        latched = [name for name, alarm in self.alarms.items() if alarm.latched]
        level = "normal"
        if active or latched:
            level = "alarm" if {"rejects", "unmeasurable"} & {*active, *latched} else "warning"
        return {
            "level": level, "active": active, "latched": latched, "lost_senses": sorted(self.senses.lost),
            "rejects": sum(self.alarms["rejects"].recent), "of": len(self.alarms["rejects"].recent),
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Everything for a page: alarms, charts with limits and broken rules, senses, likely causes, counts."""
        return {
            "counts": dict(self.counts), "alarm": self.state(), "causes": self.causes,
            "alarms": {name: alarm.to_dict() for name, alarm in self.alarms.items()},
            "senses": self.senses.to_dict(),
            "charts": [chart.to_dict() for of in (self.fused, *self.by_sense.values()) for chart in of],
        }  # fmt: skip

    def promise(self, rate: float | None) -> dict[str, Any]:
        """How often good units alone raise the alarms, from the promised rate of false rejects."""
        rule = self.alarms["rejects"].rule
        found: dict[str, Any] = {"units_between_false_drift_signals": round(ewma_run_length())}
        if rate is not None and math.comb(rule.n, rule.m - 1) <= 10_000:
            found["units_between_false_alarms"] = round(units_between(rule, rate))
        return found

    def _chart(self, line: Mapping[str, Any]) -> tuple[str, ...]:
        """The charts that this good unit makes signal: of drift, those that average."""
        signals: list[str] = []
        if line["p_value"] is not None:
            score = NormalDist().inv_cdf(1 - min(max(line["p_value"], 0.005), 0.995))
            for chart in self.fused:
                signals += [f"{chart.name} ({chart.kind}): {each}" for each in chart.update(score, line["unit"])]
        for sense, value in line["scores"].items():
            for chart in self.by_sense.get(sense, ()) if value is not None and sense in line["judged"] else ():
                found = chart.update(float(value), line["unit"])
                if isinstance(chart, Ewma):
                    signals += [f"{sense} ({chart.kind}): {each}" for each in found]
        return tuple(signals)

    def _signs(self) -> list[str]:
        """Signs of the latest units, and of the line's own state."""
        found = [sign for signs in self.recent for sign in signs]
        found += [f"{sense}: lost" for sense in self.senses.lost]
        own = {"drift": "line: drift", "unmeasurable": "line: unmeasurable"}
        return found + [sign for name, sign in own.items() if self.alarms[name].active]
