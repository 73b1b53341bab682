"""The page a risk officer reads: the forecast and its bounds, the record it is judged by, the tail, what was fitted.

It knows nothing of how a forecast is made; every number is measured again from the arrays of the walk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial

import numpy as np

from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Key, Report, Rows, Section
from .bounds import TAIL
from .drawdown import Outlook, outlook
from .drawings import advantage, fan, past
from .forecast import Score, Walk, coverage, exceedances, mean_loss, tail_of
from .metrics import acerbi_szekely, christoffersen, kupiec
from .records import HORIZONS, Beside, Horizon, MarketRisk

WORDS = {1: "the next trading day", 5: "the next five trading days"}
LABELS = {
    "colonnade": "HAR with leverage, moved by network and boosting (this forecast)",
    "network": "HAR with leverage + network", "boosting_on_har": "HAR with leverage + boosting",
    "random_walk": "random walk", "ma22": "mean of 22 days", "ewma": "EWMA, decay 0.94", "garch": "GARCH(1,1)",
    "har": "HAR", "har_leverage": "HAR with leverage",
}  # fmt: skip


def annual(walked: Walk, variance: float) -> float:
    """A daily variance as annualised volatility in per cent."""
    return float(100 * np.sqrt(walked.prices.periods * variance))


def report_of(
    risk: MarketRisk,
    walked: Walk,
    table: Mapping[int, Mapping[str, Score]],
    *,
    warnings: Sequence[str],
    provenance: Mapping[str, str],
) -> Report:
    """The page, verified as it is made."""
    one = risk.forecast["1"].volatility
    return Report(
        title=f"Market risk of {walked.prices.name}",
        verdict=f"Volatility of the day after {risk.as_of}: {one.value:.1f} % a year, "
        f"between {one.low:.1f} and {one.high:.1f} % with {one.coverage:.0%} confidence",
        keys=_keys(risk),
        sections=(
            _forecast(risk, walked),
            *_beside(risk),
            _record(walked, table),
            _tail(walked),
            *_warning(risk, walked),
            *_crises(risk),
            _fitted(risk),
        ),
        evidence=_evidence(walked, risk),
        warnings=tuple(warnings),
        provenance=provenance,
    )


def _keys(risk: MarketRisk) -> tuple[Key, ...]:
    keys = [
        Key(
            label=WORDS[horizon.days].capitalize(),
            value=f"{horizon.volatility.value:.1f} %",
            note=f"{horizon.volatility.low:.1f} to {horizon.volatility.high:.1f} %; HAR alone {horizon.har:.1f} %",
        )
        for horizon in risk.forecast.values()
    ]
    keys.append(Key(label="Last day's range", value=f"{risk.latest:.1f} %", note=f"a year, on {risk.as_of}"))
    loss = risk.forecast["1"].value_at_risk
    if loss is not None:
        keys.append(
            Key(label="Value at risk, next day", value=f"{loss:.1f} %", note="a loss beyond it on 1 day in 100")
        )
    return tuple(keys)


def _forecast(risk: MarketRisk, walked: Walk) -> Section:
    claims = []
    for column, horizon in enumerate(HORIZONS):
        answer = risk.forecast[str(horizon)]
        bounds = walked.bounds[horizon]

        def bound(side: int, bounds: np.ndarray = bounds) -> float:
            return annual(walked, float(bounds[-1, side]))

        def middle(column: int = column) -> float:
            return annual(walked, float(walked.variance[-1, column]))

        def har(column: int = column) -> float:
            return annual(walked, float(walked.har[-1, column]))

        percent = partial(Fact, unit="%", digits=1)
        claims.append(
            Claim(
                template=f"For {WORDS[horizon]} after {{day}} the range-based volatility is forecast at {{middle}} "
                "a year, between {low} and {high} with {share} confidence; HAR with leverage alone says {har}.",
                facts={
                    "day": Fact(value=risk.as_of, evidence="prices", measure=lambda: walked.prices.day(-1)),
                    "middle": percent(value=answer.volatility.value, evidence="network", measure=middle),
                    "low": percent(value=answer.volatility.low, evidence="bounds", measure=partial(bound, 0)),
                    "high": percent(value=answer.volatility.high, evidence="bounds", measure=partial(bound, 1)),
                    "share": Fact(
                        value=100 * answer.volatility.coverage,
                        evidence="bounds",
                        digits=0,
                        unit="%",
                        measure=partial(_share, answer),
                    ),
                    "har": percent(value=answer.har, evidence="har", measure=har),
                },
            )
        )
        if answer.without_news is not None:
            claims.append(_without_news(answer.without_news, horizon, walked))
        if answer.without_chart_and_call is not None:
            claims.append(_without_beside(answer.without_chart_and_call, horizon, walked))
    note = (
        "Volatility is Parkinson's, from each day's high and low, as daily variance times the trading days of a year. "
        "Moves between one close and the next open are not in it; value at risk below has them."
    )
    return Section(heading="Forecast", claims=tuple(claims), figures=(fan(walked), past(walked)), notes=(note,))


def _without_news(volatility: float, horizon: int, walked: Walk) -> Claim:
    """What the news changed."""
    column = walked.column(horizon)

    def quiet() -> float:
        return annual(walked, float(walked.quiet[-1, column]))

    def moved() -> float:
        return 100 * (float(np.sqrt(walked.variance[-1, column] / walked.quiet[-1, column])) - 1)

    percent = partial(Fact, unit="%", digits=1, evidence="network")
    return Claim(
        template=f"Without the news the forecast of {WORDS[horizon]} would be {{quiet}}: reading it changed the "
        "volatility by {moved}.",
        facts={
            "quiet": percent(value=volatility, measure=quiet),
            "moved": percent(value=moved(), measure=moved),
        },
    )


def _without_beside(volatility: float, horizon: int, walked: Walk) -> Claim:
    """What the chart and the call changed."""

    def plain() -> float:
        return annual(walked, float(walked.plain[walked.column(horizon)]))

    fact = Fact(value=volatility, unit="%", digits=1, evidence="beside", measure=plain)
    return Claim(
        template=f"Had neither chart nor call been read, the forecast of {WORDS[horizon]} would be {{plain}}.",
        facts={"plain": fact},
    )


def _beside(risk: MarketRisk) -> tuple[Section, ...]:
    """What was made of a chart and a call."""
    if not risk.beside:
        return ()
    rows = tuple(
        (name, each.shows, ", ".join(f"{share:.0%}" for share in each.kept.values()), _would(each), each.verdict)
        for name, each in risk.beside.items()
    )
    shown = Rows(
        header=("input", "what was read", "kept, 1 and 5 days", "would move the volatility by", "why"),
        rows=rows,
        caption="A chart or a call moves the forecast only as far as it made earlier forecasts better on days that it "
        "had not seen, by more than the standard error of that gain.",
    )
    return (Section(heading="Chart and call", tables=(shown,)),)


def _would(beside: Beside) -> str:
    return ", ".join(f"{each:+.1f} %" for each in (beside.would_move or {}).values()) or "not taught"


def _share(answer: Horizon) -> float:
    return 100 * answer.volatility.coverage


def _record(walked: Walk, table: Mapping[int, Mapping[str, Score]]) -> Section:
    if not all(table.values()):
        return Section(
            heading="Record on this series",
            notes=(
                "Fewer than sixty forecasts can be judged: too little of this series lies after the days that the "
                "network was trained on. The bounds rest on its validation days instead.",
            ),
        )
    claims = [claim for horizon in HORIZONS for claim in _record_claims(walked, table, horizon)]
    rows = tuple(
        (label, *(cell for horizon in HORIZONS for cell in _cells(table[horizon][name], name)))
        for name, label in LABELS.items()
    )
    shown = Rows(
        header=("model", "QLIKE, 1 day", "DM t", "QLIKE, 5 days", "DM t"),
        rows=rows,
        caption=f"Walk-forward on this series from {walked.history.dates[walked.scored(1)[0]]}: each model refitted "
        "every 1 January on what had passed, the network never. QLIKE: lower is better. DM t: Diebold-Mariano against "
        "HAR with leverage (Newey-West); below -2 is better beyond chance.",
    )
    return Section(heading="Record on this series", claims=tuple(claims), figures=(advantage(walked),), tables=(shown,))


def _cells(score: Score, name: str) -> tuple[str, str]:
    return f"{score.qlike:.4f}", "" if name == "har_leverage" else f"{score.against_har:+.1f}"


def _record_claims(walked: Walk, table: Mapping[int, Mapping[str, Score]], horizon: int) -> tuple[Claim, Claim]:
    def again(name: str) -> float:
        return mean_loss(walked, horizon, walked.forecast_of(name, horizon))

    ours, bar = table[horizon]["colonnade"].qlike, table[horizon]["har_leverage"].qlike
    loss = partial(Fact, evidence="record", digits=4)
    compare = Claim(
        template=f"Over {{days}} forecasts of {WORDS[horizon]}, QLIKE was {{ours}}; HAR with leverage had {{bar}}.",
        facts={
            "days": Fact(
                value=float(len(walked.scored(horizon))), evidence="record", digits=0,
                measure=lambda: float(len(walked.scored(horizon))),
            ),
            "ours": loss(value=ours, measure=partial(again, "colonnade")),
            "bar": loss(value=bar, measure=partial(again, "har_leverage")),
        },
    )  # fmt: skip
    held = Claim(
        template=f"The bounds for {WORDS[horizon]} held what came in {{share}} of them.",
        facts={
            "share": Fact(
                value=100 * coverage(walked, horizon), evidence="record", unit="%",
                measure=lambda: 100 * coverage(walked, horizon),
            )
        },
    )  # fmt: skip
    return compare, held


def _tail(walked: Walk) -> Section:
    claims = []
    for horizon in HORIZONS:
        losses = walked.losses[horizon]
        if not np.isfinite(losses[-1]).all():
            continue
        percent = partial(Fact, unit="%", evidence="tail")
        claims.append(
            Claim(
                template=f"Over {WORDS[horizon]}, one time in a hundred the close is expected to fall by more than "
                "{risk}, and then by {shortfall} on average.",
                facts={
                    "risk": percent(value=_loss(losses, 0), measure=partial(_loss, losses, 0)),
                    "shortfall": percent(value=_loss(losses, 1), measure=partial(_loss, losses, 1)),
                },
            )
        )
    misses, days = exceedances(walked, 1)
    if days >= 250:
        count = partial(Fact, evidence="tail", digits=0)
        claims.append(
            Claim(
                template="The next day's loss was beyond its value at risk on {misses} of {days} days, where one in a "
                "hundred was meant (Kupiec's p = {p}).",
                facts={
                    "misses": count(value=float(misses), measure=lambda: float(exceedances(walked, 1)[0])),
                    "days": count(value=float(days), measure=lambda: float(exceedances(walked, 1)[1])),
                    "p": Fact(
                        value=kupiec(misses, days, rate=0.01),
                        evidence="tail",
                        digits=3,
                        measure=lambda: kupiec(*exceedances(walked, 1), rate=0.01),
                    ),
                },
            )
        )
        claims.append(_depth(walked))
    notes = () if claims else ("Too few past forecasts to speak of a loss that comes one time in a hundred.",)
    return Section(heading="Tail of the return", claims=tuple(claims), notes=notes)


def _depth(walked: Walk) -> Claim:
    """Whether losses beyond the value at risk come in runs, and whether the expected shortfall is deep enough."""

    @cache
    def tested() -> tuple[float, float, float]:
        returns, losses = tail_of(walked, 1)
        return christoffersen(returns < -losses[:, 0]), *acerbi_szekely(returns, losses, rate=TAIL)

    fact = partial(Fact, evidence="tail")
    runs, depth, p = tested()
    return Claim(
        template="Such days follow each other no more than chance has it with p = {runs} (Christoffersen); the second "
        "statistic of Acerbi and Szekely for the expected shortfall is {depth}, p = {chance} (below zero: too small).",
        facts={
            "runs": fact(value=runs, digits=3, measure=lambda: tested()[0]),
            "depth": fact(value=depth, digits=2, measure=lambda: tested()[1]),
            "chance": fact(value=p, digits=3, measure=lambda: tested()[2]),
        },
    )


def _warning(risk: MarketRisk, walked: Walk) -> tuple[Section, ...]:
    """How likely a fall is within ten days, and how such probabilities have done."""
    told = risk.drawdown
    if told is None:
        return ()

    @cache
    def again() -> Outlook:
        found = outlook(walked.history.returns, walked.variance[:, -1], fall=told.fall, budget=told.budget)
        assert found is not None, "an outlook that was told can be made again"
        return found

    percent = partial(Fact, unit="%", digits=1, evidence="drawdown")
    score = partial(Fact, digits=4, evidence="drawdown")
    facts = {
        "fall": percent(value=100 * told.fall, digits=0, measure=lambda: 100 * again().fall),
        "chance": percent(value=100 * told.probability, measure=lambda: 100 * again().probability),
        "share": percent(value=100 * told.share, measure=lambda: 100 * again().share),
    }
    claims = [
        Claim(
            template="Within ten trading days the close falls by {fall} or more with a probability of {chance}; on "
            "this series that came on {share} of the days that can be judged.",
            facts=facts,
        ),
        Claim(
            template="Brier's score of such probabilities was {brier}; always saying that share would have had {flat}.",
            facts={
                "brier": score(value=told.brier, measure=lambda: again().brier),
                "flat": score(value=told.brier_of_share, measure=lambda: again().brier_of_share),
            },
        ),
    ]
    among = "one of" if told.alert else "not one of"
    note = (
        f"This is {among} the {told.budget:.0%} of days with the highest probability, judged by the 1,000 days before."
    )
    return (Section(heading="Early warning of a fall", claims=tuple(claims), notes=(note,)),)


def _crises(risk: MarketRisk) -> tuple[Section, ...]:
    if not risk.stress:
        return ()
    rows = tuple(
        (
            each.name, str(each.days), f"{each.qlike:.4f}", f"{each.har:.4f}", f"{each.coverage:.0%}",
            f"{each.misses} of {each.with_risk}", f"{each.worst:.1f} %",
        )
        for each in risk.stress
    )  # fmt: skip
    shown = Rows(
        header=("crisis", "days", "QLIKE", "HAR with leverage", "bounds held", "losses beyond VaR", "worst day"),
        rows=rows,
        caption="One-day forecasts as they were made at the time. Of losses beyond the value at risk one in a hundred "
        "is meant, and in a crisis there are more.",
    )
    return (Section(heading="Crises replayed", tables=(shown,)),)


def _loss(losses: np.ndarray, which: int) -> float:
    return 100 * -float(np.expm1(-losses[-1, which]))


def _fitted(risk: MarketRisk) -> Section:
    rows = tuple((what, where) for what, where in risk.fitted.items())
    return Section(heading="What was fitted where", tables=(Rows(header=("part", "fitted on"), rows=rows),))


def _evidence(walked: Walk, risk: MarketRisk) -> dict[str, Evidence]:
    bars = f"{len(walked.prices)} bars from {walked.prices.day(0)} to {walked.prices.day(-1)} of {walked.prices.name}"
    return {
        "prices": Evidence(kind="row", shows=bars),
        "har": Evidence(kind="model", shows=f"HAR with leverage, {risk.fitted['HAR']}"),
        "network": Evidence(
            kind="model",
            shows=f"mean of a residual network ({risk.fitted['network']}) and of boosting ({risk.fitted['boosting']})",
        ),
        **({"beside": Evidence(kind="model", shows="companions of the forecast")} if risk.beside else {}),
        "bounds": Evidence(kind="measurement", shows=f"adaptive conformal bounds, {risk.fitted['bounds']}"),
        "record": Evidence(
            kind="measurement", shows="the walk-forward on these bars, each day's forecast and what came"
        ),
        "drawdown": Evidence(
            kind="measurement", shows="past ten-day lows of the close, in units of the five-day forecast of their day"
        ),
        "tail": Evidence(kind="measurement", shows=f"past returns in units of their forecast, {risk.fitted['tail']}"),
    }
