"""`finance/market-risk`: daily prices, with news, a chart or a call where given, to volatility with bounds, a report.

It holds the network and says what was fitted where; how forecasts are made is in forecast.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ....core.checkpoint import Checkpoint
from ....core.config import from_plain, to_plain
from ....core.errors import FormatError, InputError, UnknownName
from ....core.pipeline import Answered, FitOptions, Pipeline
from ....core.result import Evaluation, Interval
from ....core.training.continual import replayed
from ....core.types import Text
from ..tasks import market_risk
from .beside import Look, look, warnings_of
from .boosting import latest_boosting, learnt_enough
from .calls import Call, read_call
from .charts import Chart, draw_chart, read_chart
from .companion import Companion, Joined, joined_of
from .drawdown import outlook
from .forecast import FIRST, Score, Walk, scores, walk
from .har import leverage_features
from .history import History, history_of
from .inputs import inputs_of
from .model import HEADS, Network, record_of
from .news import EVIDENCE
from .prices import read_prices
from .records import HORIZONS, Horizon, MarketRisk, Prices
from .report import annual, report_of
from .stored import Settings, companions_from, network_from, tensors_of
from .stress import replay
from .walkforward import walk_har

if TYPE_CHECKING:
    from ....core.data.quality import Rows
    from ....core.export.program import Program
    from ....core.governance import Governance

SHORT = 756  # bars: three years
OLD = 10  # days


class MarketRiskPipeline(Pipeline):
    """Volatility of the next day and week of any daily price series."""

    task = market_risk
    weights = Path(__file__).parents[1] / "weights" / "market-risk"
    explains = "logarithm of the variance forecast for the next trading day"

    def __init__(
        self,
        network: Network,
        settings: Settings,
        card: Mapping[str, Any],
        companions: Mapping[str, Companion] | None = None,
    ) -> None:
        self.network, self.settings, self.card = network, settings, card
        self.companions = dict(companions or {})
        self.draws = 0  # days of a chart that is drawn where none is given

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        settings: Settings = from_plain(Settings, checkpoint.config)
        return cls(network_from(checkpoint, settings), settings, checkpoint.card, companions_from(checkpoint, settings))

    def to_checkpoint(self) -> Checkpoint:
        tensors = tensors_of(self.network, self.companions)
        return Checkpoint(kind=self.task.name, config=to_plain(self.settings), tensors=tensors, card=self.card)

    def setting(self, name: str, value: str) -> Self:
        """`chart=20`: where no chart is given, the last 20 days are drawn and read as one."""
        if name != "chart":
            raise InputError(f"{self.task.name} has no settings but chart=DAYS, so {name}={value} cannot be set")
        if not value.isdecimal():
            raise InputError(f"chart takes the number of days to draw, got {value!r}")
        made = type(self)(self.network, self.settings, self.card, self.companions)
        made.model, made.draws = self.model, int(value)
        return made

    def read(self, modality: str, value: Any) -> Any:
        readers: Mapping[str, Any] = {"prices": read_prices, "chart": read_chart, "call": read_call}
        if modality in readers:
            return readers[modality](value)
        text = value.text if isinstance(value, Text) else value
        if not isinstance(text, str) or not text.strip():
            raise FormatError(f"news is text, one headline or tweet a line, got {type(value).__name__} {value!r:.40}")
        return text.strip()

    def answer(self, record: Mapping[str, Any]) -> Answered:
        prices: Prices = record["prices"]
        news = {len(prices) - 1: record["news"]} if "news" in record else {}
        seen = self._seen(record)
        looked = self._look(prices, seen)
        walked = walk(prices, self.network, news=news, moved=looked.moved if looked.moves else None)
        table = {horizon: scores(walked, horizon) for horizon in HORIZONS}
        risk = self._risk(walked, table, looked, told=bool(news) and self.network.reads_news)
        doubts = _doubts(prices, seen)
        warnings = (*prices.warnings, *self._warnings(walked, record), *warnings_of(looked, seen), *doubts)
        provenance = {
            "model": f"{self.model.get('name', 'not saved')}, seed {self.model.get('seed')}",
            "weights SHA-256": str(self.model.get("sha256", "not saved")),
            "network trained on": str(self.card.get("trained_on", "not said")),
        }
        return Answered(
            answer=risk,
            warnings=warnings,
            report=report_of(risk, walked, table, warnings=warnings, provenance=provenance),
            gates={**self._gates(walked, record), **looked.gates},
            basis=(walked, table),
        )

    def _seen(self, record: Mapping[str, Any]) -> dict[str, Chart | Call]:
        """The chart and the call that were given; a chart is drawn where that was asked for."""
        seen = {name: record[name] for name in ("chart", "call") if name in record}
        if self.draws and "chart" not in seen and "prices" in record:
            seen["chart"] = draw_chart(record["prices"], days=self.draws)
        return seen

    def _look(self, prices: Prices, seen: Mapping[str, Chart | Call]) -> Look:
        if not seen:
            return Look()
        history = history_of(prices)
        offsets = np.log(np.column_stack([walk_har(history, horizon) for horizon in HORIZONS]))
        return look(self.companions, self.card, inputs_of(history, offsets), seen)

    def measure(self, record: Mapping[str, Any]) -> float:
        """Without prices: the mean of the training days, moved by what the network makes of the news alone.

        A chart or a call moves a forecast and says nothing where there is none.
        """
        prices: Prices | None = record.get("prices")
        if prices is None:
            return self.settings.base + self.network.news_alone(record.get("news"))
        history = history_of(prices)
        offsets = np.log(np.column_stack([walk_har(history, horizon) for horizon in HORIZONS]))
        rows, inputs = np.array([len(history) - 1]), inputs_of(history, offsets)
        quiet = float(self.network.shifts(inputs, rows, {})[0, 0])
        told = {int(rows[0]): record["news"]} if "news" in record else {}
        moved = float(self.network.shifts(inputs, rows, told)[0, 0]) - quiet if told else 0.0
        alone = float(offsets[-1, 0]) + quiet
        beside = float(self._look(prices, self._seen(record)).moved[0])
        return alone + self._boosted(history, alone) + moved + beside

    def _boosted(self, history: History, alone: float) -> float:
        """What taking the mean with boosting changes; nothing where it had too few days to learn from."""
        if not learnt_enough(history.dates, HORIZONS[0])[-1]:
            return 0.0
        return (float(np.log(latest_boosting(history, HORIZONS[0]))) - alone) / 2

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """HAR's forecast, what the network moves it by, and what the mean with boosting does then, as logarithms of
        variance; and the features that HAR read."""
        history = history_of(record["prices"])
        offsets = np.log(np.column_stack([walk_har(history, horizon) for horizon in HORIZONS]))
        names = ("day", "week", "month", "quarter", "fall of a day", "falls of a week", "falls of a month")
        features = dict(zip(names, leverage_features(history)[-1].tolist(), strict=True))
        har, rows = float(offsets[-1, 0]), np.array([len(history) - 1])
        network = float(self.network.shifts(inputs_of(history, offsets), rows, {})[0, 0])
        return {
            "prices": {
                "har": har,
                "network": network,
                "boosting": self._boosted(history, har + network),
                "har_features": features,
            }
        }

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        from .evaluation import evaluate
        from .sources import sources_in

        sources = sources_in(data, layout=layout)
        return evaluate(self.network, sources, task=self.task.name, data=str(data), seed=seed)

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        from .recipes import COMPANIONS, RECIPES, adapted
        from .sources import sources_in

        if options.recipe is not None and options.recipe not in (*RECIPES, *COMPANIONS):
            raise UnknownName("recipe", options.recipe, (*RECIPES, *COMPANIONS))
        if options.recipe is not None and options.recipe in COMPANIONS:
            return self._joined(options.recipe, data, options)
        recipe = adapted if options.recipe is None else RECIPES[options.recipe]
        sources = replayed(
            sources_in(data), None if options.replay is None else sources_in(options.replay), seed=options.seed
        )
        network, config, card = recipe(self.network, self.settings.network, sources, options)
        kept: dict[str, Companion] = {}
        if set(card) == {"news"}:  # taught beside prices: what is said of these still holds
            card, kept = {**self.card, **card}, self.companions
        settings = Settings(
            network=config,
            until=str(network.until),
            base=card.get("mean_log_variance", self.settings.base),
            listens=network.listens,
            heard_until=None if network.heard_until is None else str(network.heard_until),
            companions={name: joined_of(each) for name, each in kept.items()},
        )
        return type(self)(network, settings, card, kept)

    def _joined(self, recipe: str, data: Path, options: FitOptions) -> Self:
        """The same forecast with a companion taught beside it."""
        from .recipes import COMPANIONS, companion_of
        from .sources import sources_in

        reads, until = COMPANIONS[recipe]
        made, told = companion_of(reads, self.network, sources_in(data), options, until=until)
        companions = {**self.companions, reads: made}
        joined = {name: joined_of(each) for name, each in companions.items()}
        settings = replace(self.settings, companions=joined)
        return type(self)(self.network, settings, {**self.card, reads: told}, companions)

    def rows_in(self, data: Path) -> Rows:
        from .described import rows_of
        from .sources import sources_in

        return rows_of(sources_in(data))

    def govern_on(self, data: Path | None, *, groups: tuple[str, ...], seed: int) -> Governance:
        from ..governance.market_risk.report import govern

        def parts(prices: Prices) -> Mapping[str, float]:
            said = self.parts({"prices": prices})["prices"]
            return {name: said[name] for name in ("har", "network", "boosting")}

        return govern(
            self.network, self.card, parts=parts, checkpoint=self.model, data=data, groups=groups, seed=seed
        )  # fmt: skip

    def program(self) -> Program:
        """The network without HAR: a day's window, table row and news in, the shift of the logarithm out."""
        from typing import cast

        from ....core.export.multimodal import program_of
        from ....core.model import Model

        generator = np.random.default_rng(0)
        bars = _wandering(generator)
        history = history_of(bars)
        offsets = np.log(np.column_stack([walk_har(history, horizon) for horizon in HORIZONS]))
        inputs = inputs_of(history, offsets)
        texts = ("shares fall after a warning on profit", "dividend raised")
        rows = (len(bars) - 2, len(bars) - 1)
        records = [record_of(inputs, self.network.standard, row, text) for row, text in zip(rows, texts, strict=True)]
        return program_of(
            cast(Model, self.network),
            self.network.collate(records),
            lengths={"news": {1: "words"}, "news.mask": {1: "words"}},
            enough=lambda subset: {"window", "table"} <= set(subset),
            notes={
                "before": "HAR with leverage is fitted on the series; window and table are scaled by the checkpoint",
                "after": f"{', '.join(HEADS)}: mean and log scale; add the mean to the logarithm of HAR's variance, "
                "then take the mean with boosting on what HAR leaves over, fitted on the series",
            },
        )

    def _risk(self, walked: Walk, table: Mapping[int, Mapping[str, Score]], looked: Look, *, told: bool) -> MarketRisk:
        return MarketRisk(
            as_of=walked.prices.day(-1),
            bars=len(walked.prices),
            forecast={str(horizon): _horizon(walked, horizon, told=told, seen=looked.moves) for horizon in HORIZONS},
            latest=annual(walked, float(walked.history.variance[-1])),
            walk_forward={
                str(horizon): {name: score.qlike for name, score in rows.items()} for horizon, rows in table.items()
            },
            fitted=self._fitted(walked),
            drawdown=outlook(walked.history.returns, walked.variance[:, -1]),
            stress=replay(walked),
            beside=dict(looked.said),
        )

    def _fitted(self, walked: Walk) -> dict[str, str]:
        dates = walked.history.dates
        turns = np.flatnonzero(np.diff(dates.astype("datetime64[Y]").astype(int))) + 1
        last = max([FIRST, *(int(row) for row in turns if row > FIRST)])
        found = {
            "HAR": f"this series, expanding, again every 1 January; last at {dates[last]} on the bars before it",
            "boosting": "this series, on what HAR leaves over, when HAR is; unused before it has five years",
            "network": f"{self.card.get('trained_on', 'other series')}, before {self.settings.until}; never here",
            "bounds": "this series: errors of its own past forecasts, the latest 500, the level moved by each miss",
            "tail": "this series: its past returns in units of the forecast of the time, the level moved by each miss",
        }
        if "news" in self.card:
            found["news"] = (
                f"{self.card['news']['taught_on']}, before {self.card['news']['until']}; {self._listening()}"
            )
        for name, joined in self.settings.companions.items():
            found[name] = f"{self.card[name]['taught_on']}, before {joined.until}; {_share(joined)}"
        return found

    def _listening(self) -> str:
        """How far the network listens to news, in words."""
        if not self.network.reads_news:
            return "not listened to"
        shares = zip(HORIZONS, self.network.listens, strict=True)
        said = ", ".join(f"{share:.0%} at {horizon} day{'s' if horizon > 1 else ''}" for horizon, share in shares)
        return f"of what they change is kept: {said}"

    def _warnings(self, walked: Walk, record: Mapping[str, Any]) -> list[str]:
        said = []
        prices = walked.prices
        if len(prices) < SHORT:
            said.append(f"{len(prices)} bars are a short history (under {SHORT}): HAR and the bounds rest on few days")
        age = int((np.datetime64("today", "D") - prices.dates[-1]).astype(int))
        if age > OLD:
            said.append(f"the last bar is of {prices.day(-1)}: the forecast is for the days after it, not for today")
        if not len(walked.scored(1)):
            said.append(f"all of this series lies before {self.settings.until}, days that the network has learnt from")
        if "news" in record and not self.network.reads_news:
            said.append(f"news was given and not used: {verdict_of(self.card)}")
        return said

    def _gates(self, walked: Walk, record: Mapping[str, Any]) -> dict[str, float]:
        """How far prices and news are trusted; the window and the table are both prices."""
        inputs = inputs_of(walked.history, np.log(walked.har))
        text = record.get("news") if self.network.reads_news else None
        found = self.network.gates(record_of(inputs, self.network.standard, len(walked.history) - 1, text))
        return {"prices": found["window"] + found["table"], "news": found["news"]}


def _share(joined: Joined) -> str:
    kept = ", ".join(f"{share:.0%} at {days}" for days, share in zip(HORIZONS, joined.listens, strict=True))
    return f"of what it changes is kept, by days: {kept}"


def _doubts(prices: Prices, seen: Mapping[str, Chart | Call]) -> list[str]:
    """Whether the call belongs to the day that is forecast from."""
    call = seen.get("call")
    if not isinstance(call, Call) or call.day is None:
        return []
    apart = int((prices.dates[-1] - call.day).astype(int))
    if apart < 0:
        return [f"the call is of {call.day}, after the last bar ({prices.day(-1)}): bars up to its day are missing"]
    return [f"the call is of {call.day}, {apart} days before the last bar"] if apart > OLD else []


def _horizon(walked: Walk, horizon: int, *, told: bool, seen: bool) -> Horizon:
    column, bounds, losses = walked.column(horizon), walked.bounds[horizon][-1], walked.losses[horizon][-1]
    low, high = (annual(walked, float(bound)) for bound in bounds)
    risk, shortfall = (100 * -float(np.expm1(-loss)) if np.isfinite(loss) else None for loss in losses)
    return Horizon(
        days=horizon,
        volatility=Interval(value=annual(walked, float(walked.variance[-1, column])), low=low, high=high),
        har=annual(walked, float(walked.har[-1, column])),
        value_at_risk=risk,
        expected_shortfall=shortfall,
        history=max(0, len(walked.history) - FIRST - horizon),
        without_news=annual(walked, float(walked.quiet[-1, column])) if told else None,
        without_chart_and_call=annual(walked, float(walked.plain[column])) if seen else None,
    )


def verdict_of(card: Mapping[str, Any]) -> str:
    """Why a network does not listen to news, in words."""
    news = card.get("news")
    if news is None:
        return "this network was taught prices only"
    days = [f"{horizon} day{'s' if horizon > 1 else ''}" for horizon in HORIZONS]
    t = " and ".join(f"{max(each):+.1f} at {day}" for day, *each in zip(days, news["t"], news["t_words"], strict=True))
    return (
        f"it was taught {news['taught_on']}, and on {news['days']} later days these made forecasts no better"
        f" (Diebold-Mariano's t {t}; below {EVIDENCE:g} is asked for)"
    )


def _wandering(generator: np.random.Generator) -> Prices:
    """A made-up series, to trace the program with."""
    steps = 0.01 * generator.standard_normal(300)
    close = 100 * np.exp(np.cumsum(steps))
    width = np.exp(0.005 * (0.5 + generator.random(300)))
    dates = np.datetime64("2001-01-01") + np.arange(300)
    return Prices(name="made up", dates=dates, high=close * width, low=close / width, close=close)
