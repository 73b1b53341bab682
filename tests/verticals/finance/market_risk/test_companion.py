"""A chart or a call starts as nothing, is trusted only where it is there, and is kept only if later days say so."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from colonnade.core.errors import FormatError, InputError
from colonnade.core.pipeline import FitOptions
from colonnade.core.random import numpy_generator, torch_generator
from colonnade.core.types import Array, Image, Noun, Waveform
from colonnade.verticals.finance.market_risk.calls import FEATURES, Call
from colonnade.verticals.finance.market_risk.charts import Chart, draw_chart, png_of
from colonnade.verticals.finance.market_risk.companion import (
    Companion,
    CompanionConfig,
    companion_from,
    joined_of,
    tensors_of,
    without,
)
from colonnade.verticals.finance.market_risk.inputs import COLUMNS, Inputs, Standard
from colonnade.verticals.finance.market_risk.joining import Apprenticeship, Lesson, examples_of, exchanged, join
from colonnade.verticals.finance.market_risk.lessons import call_lessons, called, chart_lessons
from colonnade.verticals.finance.market_risk.model import Network, NetworkConfig, member_of
from colonnade.verticals.finance.market_risk.pipeline import MarketRiskPipeline, Settings
from colonnade.verticals.finance.market_risk.records import HORIZONS, Prices
from colonnade.verticals.finance.market_risk.sources import Sourced, sources_in
from colonnade.verticals.finance.market_risk.training import LONGEST

UNTIL = np.datetime64("2002-06-01")
DAYS = 480
TINY = NetworkConfig(width=8, heads=2, patch=22, latents=2, words=4, buckets=64, members=1, row=8)
STANDARD = Standard(
    table_mean=np.zeros(len(COLUMNS)), table_scale=np.ones(len(COLUMNS)), window_mean=np.zeros(4),
    window_scale=np.ones(4),
)  # fmt: skip
INPUTS = Inputs(table=np.zeros((1, len(COLUMNS))), days=np.zeros((1, 4)), level=np.zeros(1))


def companion(reads: str, *, shaken: bool = False, listens: tuple[float, float] = (0.0, 0.0)) -> Companion:
    config = CompanionConfig(reads=reads, width=8, latents=1, pixels=32, words=8, buckets=64)  # type: ignore[arg-type]
    made = Companion(config, standard=STANDARD, until=UNTIL, listens=listens)
    if shaken:
        generator = torch_generator(0, "shake")
        with torch.no_grad():
            for parameter in made.parameters():
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return made


def picture(light: bool) -> Chart:
    pixels = np.zeros((32, 32), np.float32)
    pixels[: 8 if light else 24] = 1
    return Chart(image=Image(pixels=pixels), shows="made up")


def call(loud: bool = False, *, sound: bool = False) -> Call:
    tone = 0.1 * np.sin(np.arange(8_000) * (0.5 if loud else 0.1)).astype(np.float32)
    return Call(
        name="20020701_AAA",
        sentences=("we warn of losses" if loud else "all is calm", "thank you"),
        voice=np.full((2, len(FEATURES)), 1.0 if loud else -1.0),
        sound=Waveform(samples=tone, rate=8_000) if sound else None,
    )


@cache
def prices() -> Prices:
    generator = numpy_generator(0, "bars")
    path = np.exp(np.cumsum((0.003 * generator.standard_normal((DAYS, 12))).ravel()).reshape(DAYS, 12))
    dates = np.busday_offset("2001-01-01", np.arange(DAYS), roll="forward")
    high, low = path.max(axis=1) * 1.0005, path.min(axis=1) * 0.9995
    return Prices(name="AAA.csv", dates=dates, high=high, low=low, close=path[:, -1])


def pipeline(companions: dict[str, Companion] | None = None) -> MarketRiskPipeline:
    network = Network(
        [member_of(TINY, seed=0)], standard=STANDARD, until=UNTIL,
        errors={horizon: np.linspace(-1, 1, 60) for horizon in HORIZONS},
    )  # fmt: skip
    companions = companions or {}
    joined = {name: joined_of(each) for name, each in companions.items()}
    settings = Settings(network=TINY, until=str(UNTIL), base=-9.0, companions=joined)
    taught = {"taught_on": "9 made-up days", "days": 99, "t": [0.3, -2.0], "t_words": [-1.0, -3.0]}
    card = {"trained_on": "a made-up series", "seed": 0} | dict.fromkeys(companions, taught)
    return MarketRiskPipeline(network, settings, card, companions)


@pytest.mark.parametrize("reads", ["chart", "call"])
def test_before_it_has_learnt_the_forecast_does_not_move_at_all(reads: str) -> None:
    made = companion(reads)
    seen = picture(True) if reads == "chart" else call(sound=True)
    assert not made.shifts([made.record(INPUTS, 0, seen)]).any()


@pytest.mark.parametrize("reads", ["chart", "call"])
def test_without_chart_or_call_a_taught_one_says_exactly_nothing(reads: str) -> None:
    made = companion(reads, shaken=True)
    seen = picture(True) if reads == "chart" else call(sound=True)
    there, gone = made.record(INPUTS, 0, seen), made.record(INPUTS, 0, None)
    assert made.shifts([there]).any()
    assert not made.shifts([gone]).any()
    assert np.allclose(made.shifts([there, gone])[0], made.shifts([there])[0], atol=1e-5)
    assert 0 < made.gate(there) < 1
    assert made.gate(gone) == 0
    batch = made.model.collate([there, there])
    assert not without(batch).presence[:, 1:].any()


def test_any_part_of_a_call_can_be_missing() -> None:
    made = companion("call", shaken=True)
    whole = call(sound=True)
    parts = [
        whole, replace(whole, voice=None), replace(whole, sound=None), replace(whole, sentences=()),
        replace(whole, voice=None, sound=None), replace(whole, voice=None, sentences=()),
    ]  # fmt: skip
    found = [made.shifts([made.record(INPUTS, 0, each)])[0] for each in parts]
    assert np.isfinite(found).all()
    assert len({tuple(each.round(9)) for each in found}) == len(parts)


def lessons(made: Companion, leftover: Array, light: Array) -> list[Lesson]:
    charts: list[dict[str, Noun | None]] = [made.record(INPUTS, 0, picture(bool(each))) for each in light]
    dates = np.datetime64("2001-01-01") + np.arange(len(light))
    return [
        Lesson(record=record, leftover=np.full(2, left), date=date)
        for record, left, date in zip(charts, leftover, dates, strict=True)
    ]


LIGHT = numpy_generator(0, "light").integers(2, size=200).astype(bool)
NOISE = 0.4 * numpy_generator(0, "noise").standard_normal(200)
QUICK = Apprenticeship(epochs=3, rate=1e-2, size=32)


def test_a_chart_that_tells_what_comes_is_kept() -> None:
    made = companion("chart")
    verdict = join(made, lessons(made, np.where(LIGHT, 0.7, -0.7) + NOISE, LIGHT), QUICK)
    assert min(verdict.listens) > 0
    assert max(*verdict.t, *verdict.t_words) < -2
    assert made.listens == verdict.listens
    up, down = (made.shifts([made.record(INPUTS, 0, picture(light))])[0] for light in (True, False))
    assert (up > down + 0.3).all()


def test_a_chart_that_tells_nothing_is_read_and_not_kept() -> None:
    made = companion("chart")
    verdict = join(made, lessons(made, NOISE + 1.0, LIGHT), QUICK)
    assert verdict.listens == (0.0, 0.0)
    assert verdict.days > 20


def test_too_few_lessons_are_refused_or_decide_nothing() -> None:
    made = companion("chart")
    few = lessons(made, np.where(LIGHT, 0.7, -0.7), LIGHT)[::12]
    assert join(made, few, QUICK).listens == (0.0, 0.0)
    with pytest.raises(InputError, match="8 days to learn from: at least 10"):
        join(made, few[:8], QUICK)


def test_the_control_exchanges_the_chart_and_leaves_the_prices() -> None:
    made = companion("chart")
    batch = examples_of(made, lessons(made, NOISE, LIGHT)).batch
    other = exchanged(batch)
    assert torch.equal(other.inputs["prices"].x, batch.inputs["prices"].x)
    assert not torch.equal(other.inputs["chart"].x, batch.inputs["chart"].x)
    assert torch.equal(other.inputs["chart"].x.sum(), batch.inputs["chart"].x.sum())


def test_a_companion_is_written_and_read_back() -> None:
    for reads in ("chart", "call"):
        made = companion(reads, shaken=True, listens=(0.5, 0.0))
        again = companion_from(joined_of(made), tensors_of(made))
        seen = picture(True) if reads == "chart" else call(sound=True)
        assert np.array_equal(
            made.shifts([made.record(INPUTS, 0, seen)]), again.shifts([again.record(INPUTS, 0, seen)])
        )
        assert again.listens == (0.5, 0.0)


def test_lessons_are_of_days_that_the_network_had_not_seen_and_whose_target_has_passed() -> None:
    network, until = pipeline().network, np.datetime64("2002-10-01")
    made = companion("chart")
    found = chart_lessons(made, [Sourced(prices=prices())], network, until)
    dates = np.array([each.date for each in found])
    assert dates.min() >= UNTIL
    assert prices().dates[np.searchsorted(prices().dates, dates.max()) + LONGEST] < until
    weekend = replace(call(), day=np.datetime64("2002-07-06"))
    rows = called(prices(), [weekend, call(), replace(call(), day=np.datetime64("2009-01-01"))])
    assert [str(prices().dates[row]) for row in rows] == ["2002-07-05"]
    listed = call_lessons(companion("call"), [Sourced(prices=prices(), calls=(weekend,))], network, until)
    assert [str(each.date) for each in listed] == ["2002-07-05"]


def test_what_is_not_kept_leaves_the_forecast_as_it_was_and_is_told() -> None:
    plain = pipeline().predict(prices=prices())
    deaf = pipeline({"chart": companion("chart", shaken=True)})
    told = deaf.predict(prices=prices(), chart=picture(True), call=call())
    assert told.forecast == plain.forecast
    assert told.gates["chart"] == told.gates["call"] == 0
    assert told.beside["chart"].would_move is not None
    assert told.beside["call"].would_move is None
    said = " ".join(told.warnings)
    assert "the chart was read (made up) and adds nothing measurable: it was taught 9 made-up days" in said
    assert "at most +0.3 at 1 day and -2.0 at 5 days (below -1 is asked for); the forecast is unchanged" in said
    assert "adds nothing measurable: this network was taught no calls; the forecast is unchanged" in said
    assert told.report is not None
    assert "Chart and call" in told.report.html()


def test_what_is_kept_moves_forecast_and_bounds_by_its_share() -> None:
    made = companion("chart", shaken=True, listens=(0.5, 0.0))
    keen = pipeline({"chart": made})
    plain, told = keen.predict(prices=prices()), keen.predict(prices=prices(), chart=picture(True))
    would = told.beside["chart"].would_move
    assert would is not None
    moved = (1 + would["1"] / 100) ** 0.5
    one, other = plain.forecast["1"].volatility, told.forecast["1"].volatility
    assert other.value == pytest.approx(one.value * moved, rel=1e-6)
    assert other.low == pytest.approx(one.low * moved, rel=1e-6)
    assert told.forecast["1"].without_chart_and_call == pytest.approx(one.value)
    assert told.forecast["5"].volatility == plain.forecast["5"].volatility
    assert told.gates["chart"] > 0
    assert not any("the forecast is unchanged" in each for each in told.warnings)
    explained = keen.explain(prices=prices(), chart=picture(True))
    assert explained.value - keen.explain(prices=prices()).value == pytest.approx(2 * np.log(moved), rel=1e-4)


def test_a_chart_is_drawn_when_asked_for(tmp_path: Path) -> None:
    keen = pipeline({"chart": companion("chart", shaken=True, listens=(1.0, 1.0))})
    drawn = keen.setting("chart", "20").predict(prices=prices())
    (tmp_path / "a.png").write_bytes(png_of(draw_chart(prices(), days=20)))
    given = keen.predict(prices=prices(), chart=tmp_path / "a.png")
    assert drawn.beside["chart"].shows == "drawn from the last 20 bars of AAA.csv"
    assert drawn.forecast["1"].volatility.value == pytest.approx(given.forecast["1"].volatility.value, rel=1e-6)
    for name, value, says in (("chart", "soon", "number of days"), ("mood", "good", "no settings but chart=DAYS")):
        with pytest.raises(InputError, match=says):
            keen.setting(name, value)
    with pytest.raises(FormatError, match="a chart is drawn of 5 to 250 days, got 3"):
        keen.setting("chart", "3").predict(prices=prices())


def csv_of(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    bars = zip(prices().dates, prices().high, prices().low, prices().close, strict=True)
    text = "date,high,low,close\n" + "\n".join(",".join(map(str, row)) for row in bars)
    (folder / "AAA.csv").write_text(text, encoding="utf-8")
    return folder


def test_the_recipe_teaches_charts_beside_the_forecast_and_keeps_the_rest(tmp_path: Path) -> None:
    before = pipeline()
    fitted = before.fit(csv_of(tmp_path / "data"), out=tmp_path / "with", options=FitOptions(recipe="chart", epochs=1))
    assert fitted.card["trained_on"] == "a made-up series"
    assert fitted.card["chart"]["taught_on"].endswith("charts of 1 series")
    after = MarketRiskPipeline.from_pretrained(tmp_path / "with")
    assert after.companions["chart"].listens == tuple(fitted.card["chart"]["listens"])
    assert after.predict(prices=prices()).forecast == before.predict(prices=prices()).forecast
    with pytest.raises(FormatError, match="there is no call to learn from"):
        before.fit(tmp_path / "data", out=tmp_path / "x", options=FitOptions(recipe="call"))


def test_calls_beside_prices_are_found_by_ticker(tmp_path: Path) -> None:
    folder = csv_of(tmp_path / "data")
    for name in ("20020705_AAA", "20020705_BBB"):
        (folder / "calls" / name).mkdir(parents=True)
        (folder / "calls" / name / "text.txt").write_text("We warn of losses.\n", encoding="utf-8")
    (found,) = sources_in(folder)
    assert [each.name for each in found.calls] == ["20020705_AAA"]


def test_a_call_of_another_time_than_the_prices_is_told() -> None:
    late = replace(call(), day=np.datetime64("2009-01-05"))
    said = pipeline().predict(prices=prices(), call=late).warnings
    assert any("after the last bar" in each for each in said)
    old = pipeline().predict(prices=prices(), call=replace(call(), day=np.datetime64("2002-01-05"))).warnings
    assert any("days before the last bar" in each for each in old)
