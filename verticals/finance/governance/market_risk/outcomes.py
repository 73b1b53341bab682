"""The chapter on outcomes: the forecast beside baselines and a challenger of twelve rules, and value at risk tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say
from .....core.result import Interval
from .....core.trust.rulelist import RuleList
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...market_risk.forecast import tail_of
from ...market_risk.metrics import acerbi_szekely, by_day, by_month, christoffersen, diebold_mariano, kupiec
from ...market_risk.records import HORIZONS
from ..dossier import Chapter, expect
from ..written import count, number, share, span
from .case import Case
from .challenger import walk_rules

CHAPTER = "outcomes"
OURS, CHALLENGER = "colonnade", "challenger: twelve rules"
BAR = "har_leverage"
TAIL = 0.01
SAID = {
    OURS: "the checkpoint", "network": "HAR and network only", "boosting_on_har": "HAR and boosting only",
    "random_walk": "random walk", "ma22": "mean of 22 days", "ewma": "EWMA, decay .94", "garch": "GARCH(1,1)",
    "har": "HAR", BAR: "HAR with leverage",
}  # fmt: skip
REFUSED = 0.01  # p-value below which a test of the tail refuses


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """QLIKE of each model and day by horizon, the days, and the chapter."""

    losses: Mapping[int, Mapping[str, Array]]
    dates: Mapping[int, Array]
    chapter: Chapter


def outcomes(case: Case) -> Outcomes:
    """Every model on the judged days."""
    say("outcomes: fitting baselines and the challenger")
    rules: dict[int, RuleList] = {}
    losses: dict[int, dict[str, Array]] = {}
    for horizon in HORIZONS:
        walked = [walk_rules(each.history, horizon, periods=each.prices.periods) for each in case.walks]
        names = tuple(case.walks[0].models(horizon))
        losses[horizon] = {
            name: case.loss([each.forecast_of(name, horizon) for each in case.walks], horizon) for name in names
        }
        losses[horizon][CHALLENGER] = case.loss([each for each, _ in walked], horizon)
        rules[horizon] = walked[0][1]
    dates = {horizon: case.dates(horizon) for horizon in HORIZONS}
    table = {
        horizon: {name: _scored(case, loss, losses[horizon][OURS], dates[horizon], horizon)
                  for name, loss in losses[horizon].items()}
        for horizon in HORIZONS
    }  # fmt: skip
    tail = _tail(case)
    chapter = Chapter(
        heading="Outcomes, baselines and a challenger",
        facts={
            "qlike": {str(h): {name: {"qlike": asdict(each[0]), "dm_t_of_ours_against": each[1]}
                               for name, each in rows.items()} for h, rows in table.items()},
            "tail": tail, "challenger": {str(h): [asdict(rule) for rule in each.rules] for h, each in rules.items()},
        },
        claims=(_claim(losses[1][OURS]),),
        evidence={"losses": Evidence(kind="measurement", shows="QLIKE of each judged day")},
        tables=(_table(table), _tail_table(tail), _rules_table(case, rules[1])),
        notes=(
            "QLIKE, lower is better; intervals redraw calendar months (95 %); t is Diebold-Mariano's of ours against"
            " the model (below -2: ours is better beyond chance), of the mean of each day over the series.",
            f"The challenger is fitted by the folds of HAR; printed are the rules of {case.sources[0].prices.name} for"
            " one day as of the last 1 January.",
        ),
        expects=_expects(table, tail),
    )  # fmt: skip
    return Outcomes(losses=losses, dates=dates, chapter=chapter)


Scored = tuple[Interval, float]


def _scored(case: Case, loss: Array, ours: Array, dates: Array, horizon: int) -> Scored:
    against = diebold_mariano(by_day(ours, dates), by_day(loss, dates), lags=horizon + 4)
    return by_month(loss, dates, seed=case.seed), against


def _claim(loss: Array) -> Claim:
    def fact(measure: Callable[[], float], digits: int) -> Fact:
        return Fact(value=measure(), evidence="losses", digits=digits, measure=measure)

    return Claim(
        template="One day ahead, QLIKE of the forecast is {value} over {days} judged days.",
        facts={"value": fact(lambda: float(np.mean(loss)), 4), "days": fact(lambda: float(len(loss)), 0)},
    )


def _tail(case: Case) -> dict[str, float]:
    """Exceedances of one-day value at risk over all series, with the three tests of their pooled days."""
    parts = [tail_of(each, 1) for each in case.walks]
    returns, losses = np.concatenate([each[0] for each in parts]), np.concatenate([each[1] for each in parts])
    if len(returns) < 100:
        return {"days": float(len(returns))}
    beyond = returns < -losses[:, 0]
    statistic, chance = acerbi_szekely(returns, losses, rate=TAIL, seed=case.seed)
    return {
        "days": float(len(returns)), "beyond": float(beyond.sum()),
        "kupiec": kupiec(int(beyond.sum()), len(returns), rate=TAIL), "christoffersen": christoffersen(beyond),
        "acerbi_szekely": statistic, "acerbi_szekely_p": chance,
    }  # fmt: skip


def _table(table: Mapping[int, Mapping[str, Scored]]) -> Rows:
    rows = []
    for name in table[HORIZONS[0]]:
        cells = [SAID.get(name, name)]
        for horizon in HORIZONS:
            interval, against = table[horizon][name]
            cells += [span(interval, 4), "" if name == OURS else f"{against:+.1f}"]
        rows.append(tuple(cells))
    header = ["model"]
    for horizon in HORIZONS:
        header += [f"QLIKE, {horizon} day{'s' if horizon > 1 else ''}", "t of ours"]
    return Rows(header=tuple(header), rows=tuple(rows), caption="All models on the same judged days.")


def _tail_table(tail: Mapping[str, float]) -> Rows:
    if "kupiec" not in tail:
        return Rows(header=("value at risk", ""), rows=(("days with one", count(tail["days"])),))
    return Rows(
        header=("one-day value at risk, 1 %", ""),
        rows=(
            ("losses beyond it", f"{count(tail['beyond'])} of {count(tail['days'])},"
             f" {share(tail['beyond'] / tail['days'], 2)}"),
            ("as many as meant? (Kupiec, p)", number(tail["kupiec"])),
            ("do they come in runs? (Christoffersen, p)", number(tail["christoffersen"])),
            ("expected shortfall (Acerbi and Szekely's second statistic, p)",
             f"{tail['acerbi_szekely']:+.2f} ({number(tail['acerbi_szekely_p'])})"),
        ),
    )  # fmt: skip


def _rules_table(case: Case, rules: RuleList) -> Rows:
    periods = case.walks[0].prices.periods
    rows = tuple(
        (str(place), "If " + rule.sentence(lambda name, value: f"{value:.{1 if 'volatility' in name else 2}f}"),
         f"{100 * np.sqrt(np.exp(rule.value) * periods):.1f} %", count(rule.count))
        for place, rule in enumerate(rules.rules, start=1)
    )  # fmt: skip
    return Rows(
        header=("", "rule (volatilities annualised, in per cent)", "volatility", "days learnt from"), rows=rows,
        caption="The challenger: one and only one rule holds for a day.",
    )  # fmt: skip


def _expects(table: Mapping[int, Mapping[str, Scored]], tail: Mapping[str, float]) -> tuple[Expectation, ...]:
    lines = []
    for horizon in HORIZONS:
        rows, days = table[horizon], f"{horizon} day{'s' if horizon > 1 else ''} ahead"
        beaten = [name for name, (_, t) in rows.items() if name != OURS and t > 2]
        lines += [
            expect(CHAPTER, f"{days}: no baseline is better beyond chance", "Diebold-Mariano against each", not beaten,
                   f"better: {', '.join(SAID.get(each, each) for each in beaten)}" if beaten else "none is"),
            expect(CHAPTER, f"{days}: better than HAR with leverage beyond chance", "Diebold-Mariano",
                   rows[BAR][1] < -2, f"t {rows[BAR][1]:+.1f}, QLIKE {rows[OURS][0].value:.4f} against"
                   f" {rows[BAR][0].value:.4f}"),
            expect(CHAPTER, f"{days}: a challenger of at most 12 rules is worse beyond chance", "the same folds",
                   rows[CHALLENGER][1] < -2, f"t {rows[CHALLENGER][1]:+.1f}, its QLIKE"
                   f" {rows[CHALLENGER][0].value:.4f}"),
        ]  # fmt: skip
    for key, what in (
        ("kupiec", "Losses beyond value at risk are as many as meant"), ("christoffersen", "They do not come in runs"),
        ("acerbi_szekely_p", "Expected shortfall holds"),
    ):  # fmt: skip
        there = key in tail
        lines.append(
            expect(CHAPTER, what, f"p of at least {REFUSED:g}", tail[key] >= REFUSED if there else None,
                   f"p {tail[key]:.3f}" if there else f"{tail['days']:.0f} days with a value at risk are too few")
        )  # fmt: skip
    return tuple(lines)
