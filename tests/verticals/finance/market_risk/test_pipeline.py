"""The pipeline end to end on a tiny network: predict, report, checkpoint, evaluate, fit, explain, program."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colonnade.core.errors import CheckpointError, FormatError, InputError, MissingModality, UnknownName
from colonnade.core.pipeline import FitOptions
from colonnade.core.random import numpy_generator, torch_generator
from colonnade.core.result import Result
from colonnade.core.types import Batch, Table
from colonnade.verticals.finance.market_risk.encoder import RowEncoder
from colonnade.verticals.finance.market_risk.history import history_of
from colonnade.verticals.finance.market_risk.inputs import CHANNELS, COLUMNS, Standard, inputs_of
from colonnade.verticals.finance.market_risk.model import HEADS, Network, NetworkConfig, member_of, record_of
from colonnade.verticals.finance.market_risk.pipeline import MarketRiskPipeline, Settings
from colonnade.verticals.finance.market_risk.records import HORIZONS, Prices
from colonnade.verticals.finance.market_risk.training import Schedule, loss_of, material_of, standard_for, train
from colonnade.verticals.finance.market_risk.walkforward import BASELINES, walk_har

TINY = NetworkConfig(width=8, heads=2, patch=22, latents=2, words=8, buckets=64, members=2, row=8)
UNTIL = np.datetime64("2003-01-01")


def made_up(days: int = 780, seed: int = 0) -> Prices:
    generator = numpy_generator(seed, "bars")
    level = np.exp(np.convolve(generator.standard_normal(days), np.ones(20) / 20, "same") * 2)
    path = np.exp(np.cumsum((0.003 * level[:, None] * generator.standard_normal((days, 12))).ravel()).reshape(days, 12))
    dates = np.busday_offset("2001-01-01", np.arange(days), roll="forward")
    return Prices(
        name="made up", dates=dates, high=path.max(axis=1) * 1.0005, low=path.min(axis=1) * 0.9995, close=path[:, -1]
    )


PRICES = made_up()


def network(*, reads_news: bool = False, config: NetworkConfig = TINY) -> Network:
    """Untrained, its weights shaken so that it has something to say."""
    made = Network(
        [member_of(config, seed=seed) for seed in range(config.members)],
        standard=standard_for([material_of(PRICES, UNTIL)]),
        until=UNTIL,
        errors={horizon: np.linspace(-1, 1, 60) for horizon in HORIZONS},
        listens=(1.0, 0.5) if reads_news else (0.0, 0.0),
    )
    generator = torch_generator(0, "shake")
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return made


def pipeline(*, reads_news: bool = False, config: NetworkConfig = TINY) -> MarketRiskPipeline:
    made = network(reads_news=reads_news, config=config)
    settings = Settings(network=config, until=str(UNTIL), base=-9.0, listens=made.listens)
    return MarketRiskPipeline(made, settings, {"trained_on": "a made-up series", "seed": 0})


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What is predicted from prices alone."""
    return pipeline().predict(prices=csv_of(PRICES, tmp_path_factory.mktemp("plain") / "prices.csv"))


def csv_of(prices: Prices, path: Path) -> Path:
    rows = zip(prices.dates, prices.high, prices.low, prices.close, strict=True)
    path.write_text("date,high,low,close\n" + "\n".join(",".join(map(str, row)) for row in rows), encoding="utf-8")
    return path


def test_predict_answers_each_horizon_with_bounds_beside_har(plain: Result, tmp_path: Path) -> None:
    plain.save(tmp_path / "out")
    saved = json.loads((tmp_path / "out" / "result.json").read_text())
    assert saved["as_of"] == str(PRICES.dates[-1])
    assert set(saved["forecast"]) == {"1", "5"}
    for answer in saved["forecast"].values():
        assert 0 < answer["volatility"]["low"] < answer["volatility"]["value"] < answer["volatility"]["high"]
        assert answer["volatility"]["coverage"] == 0.9
        assert answer["har"] > 0
        assert answer["expected_shortfall"] >= answer["value_at_risk"] > 0
    assert set(saved["walk_forward"]["1"]) >= {"colonnade", "garch", "ewma", "har", "har_leverage"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<svg") == 3
    assert "GARCH(1,1)" in page
    assert "again every 1 January" in page


def test_the_forecast_of_a_prefix_is_the_one_made_at_its_last_day() -> None:
    whole, cut = pipeline(), PRICES.until(640)
    walked = whole.network
    history = history_of(PRICES)
    offsets = np.log(np.column_stack([walk_har(history, horizon) for horizon in HORIZONS]))
    moved = offsets[639] + walked.shifts(inputs_of(history, offsets), np.array([639]), {})[0]
    then = moved  # boosting has less than five years to learn from
    answer = whole.predict(prices=cut).forecast
    for column, horizon in enumerate(HORIZONS):
        volatility = 100 * np.sqrt(252 * np.exp(then[column]))
        assert answer[str(horizon)].volatility.value == pytest.approx(volatility, rel=1e-6)


def test_warnings_say_what_a_reader_must_know() -> None:
    said = " ".join(pipeline().predict(prices=PRICES.until(400), news="profit warning").warnings)
    assert "short history" in said
    assert "not for today" in said
    assert "before 2003-01-01" in said
    assert "news was given and not used: this network was taught prices only" in said


def test_news_that_is_read_moves_the_answer_and_shows_in_the_gates(plain: Result) -> None:
    silent, told = plain, pipeline(reads_news=True).predict(prices=PRICES, news="shares fall\nprofit warning")
    assert silent.gates["news"] == 0
    assert told.gates["news"] > 0
    for horizon, without in silent.forecast.items():
        assert without.without_news is None
        assert told.forecast[horizon].volatility.value != without.volatility.value
        assert told.forecast[horizon].without_news == pytest.approx(without.volatility.value, rel=1e-6)
    assert told.report is not None
    assert "Without the news" in told.report.html()


def test_a_saved_pipeline_answers_as_before(plain: Result, tmp_path: Path) -> None:
    pipeline().save(tmp_path / "saved")
    after = MarketRiskPipeline.from_pretrained(tmp_path / "saved")
    assert after.predict(prices=PRICES).forecast == plain.forecast
    settings = json.loads((tmp_path / "saved" / "config.json").read_text())
    settings["config"]["network"]["widht"] = 3
    (tmp_path / "saved" / "config.json").write_text(json.dumps(settings))
    with pytest.raises((CheckpointError, UnknownName)):
        MarketRiskPipeline.from_pretrained(tmp_path / "saved")


def test_evaluate_gives_metrics_intervals_and_every_baseline(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    csv_of(PRICES, tmp_path / "aaa.csv")
    lines = "\n".join(f"{PRICES.dates[row]},profit warning {row}" for row in range(500, 700, 2))
    (tmp_path / "news" / "aaa.csv").write_text(f"date,text\n{lines}\n", encoding="utf-8")
    reader = pipeline(reads_news=True)
    reader.network.heard_until = PRICES.dates[600]
    found = reader.evaluate(tmp_path)
    assert found.n == int(np.sum(PRICES.dates >= UNTIL)) - 1
    assert {"qlike_1", "qlike_5", "mse_log_1", "coverage_1", "dm_t_1_against_har_leverage"} <= set(found.metrics)
    assert set(found.baselines) == {*BASELINES, "boosting_on_har", "network"}
    low, high = found.intervals["qlike_1"]
    assert low < found.metrics["qlike_1"] < high
    assert found.subsets["prices+news"]["n"] == len([row for row in range(500, 700, 2) if row >= 600])
    assert found.subsets["prices+news"]["qlike_1"] != found.subsets["prices, on days with news"]["qlike_1"]


def test_evaluate_refuses_days_that_the_network_has_learnt_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 60 are needed"):
        pipeline().evaluate(csv_of(PRICES.until(500), tmp_path / "early.csv"))


@pytest.mark.parametrize("method", ["full", "probe", "progressive", "lora"])
def test_fit_starts_from_the_weights_given_and_ends_after_the_data(tmp_path: Path, method: str) -> None:
    data = csv_of(PRICES.until(500), tmp_path / "mine.csv")
    before = pipeline(config=replace(TINY, members=1))
    fitted = before.fit(data, out=tmp_path / method, options=FitOptions(method=method, epochs=1))
    after = MarketRiskPipeline.from_pretrained(tmp_path / method)
    assert after.network.until == PRICES.dates[499] + 1
    assert set(fitted.card["validation_qlike"]) == {"1", "5"}
    old, new = before.network.state_dict(), after.network.state_dict()
    assert old.keys() == new.keys()
    moved = {
        name for name in old if not torch.equal(old[name], new[name]) and "blend" not in name and "prior" not in name
    }
    assert moved
    if method == "probe":
        assert all("residuals" in name or "experts" in name for name in moved)


def test_unknown_recipes_and_news_without_news_are_refused(tmp_path: Path) -> None:
    data = csv_of(PRICES, tmp_path / "mine.csv")
    with pytest.raises(UnknownName, match="did you mean 'shipped'"):
        pipeline().fit(data, out=tmp_path / "x", options=FitOptions(recipe="shiped"))
    with pytest.raises(FormatError, match="data with news"):
        pipeline().fit(data, out=tmp_path / "x", options=FitOptions(recipe="news"))
    assert not (tmp_path / "x").exists()


def test_what_is_given_is_checked() -> None:
    with pytest.raises(MissingModality):
        pipeline().predict(news="only words")
    with pytest.raises(FormatError, match="news is text"):
        pipeline().predict(prices=PRICES, news=3)
    with pytest.raises(FormatError, match="prices are a path"):
        pipeline().predict(prices=3)


def test_explanations_add_up_from_the_mean_of_the_training_days() -> None:
    told = pipeline(reads_news=True).explain(prices=PRICES, news="profit warning")
    assert told.base == -9.0
    assert told.base + sum(told.modalities.values()) == pytest.approx(told.value)
    parts = told.parts["prices"]
    alone = pipeline(reads_news=True).explain(prices=PRICES)
    assert parts["har"] + parts["network"] + parts["boosting"] == pytest.approx(alone.value)


def test_the_program_equals_the_network_for_every_subset() -> None:
    made = pipeline(reads_news=True)
    program = made.program()
    assert set(program.cases) == {"window+table+news", "window+table"}
    silent = program.eager(program.cases["window+table"])
    batch = _batch(program.inputs, program.cases["window+table"], made.network)
    with torch.no_grad():
        wanted = made.network(batch).answers
    for name, found in zip(HEADS, silent, strict=False):
        assert torch.allclose(found, wanted[name])
    told = program.eager(program.cases["window+table+news"])
    assert not torch.allclose(told[0], silent[0])
    deaf = pipeline().program()
    assert torch.equal(deaf.eager(deaf.cases["window+table+news"])[0], deaf.eager(deaf.cases["window+table"])[0])


def _batch(names: tuple[str, ...], tensors: tuple[torch.Tensor, ...], made: Network) -> Batch:
    history = history_of(PRICES)
    like = made.collate([record_of(inputs_of(history, np.zeros((len(history), 2))), made.standard, 300, "a b")])
    given = dict(zip(names, tensors, strict=True))
    window = like.inputs["window"]
    parts = type(window.x)(*(given[f"window.{name}"] for name in window.x._fields))
    inputs = {name: type(window)(given[name], given[f"{name}.mask"]) for name in ("table", "news")}
    return Batch({"window": type(window)(parts, given["window.mask"]), **inputs}, given["presence"])


def test_training_lowers_qlike_where_har_leaves_something_and_never_raises_it() -> None:
    schedule = Schedule(epochs=3, size=64, patience=0)
    material = material_of(PRICES, UNTIL)
    shifted = material.leftover + 0.8 * np.tanh(material.inputs.table[material.rows, 12:13])
    known = type(material)(inputs=material.inputs, rows=material.rows, leftover=shifted, dates=material.dates, news={})
    config = NetworkConfig(width=8, heads=2, patch=22, latents=2, words=8, buckets=64, members=1, row=8, dropout=0.0)
    made = train([known], config, schedule, UNTIL)
    ours = np.mean(np.exp(made.errors[1]) - made.errors[1] - 1)
    later = torch.tensor(shifted[-len(made.errors[1]) :, 0])
    assert ours <= float(loss_of(torch.zeros_like(later), later).mean()) + 1e-6


def test_rows_of_the_encoder_do_not_depend_on_each_other_and_absent_ones_are_masked() -> None:
    encoder = RowEncoder(("a", "b"), 4).eval()
    packed = encoder.collate([Table(numbers={"a": 1.0, "b": 2.0}), None, Table(numbers={"a": float("nan")})])
    tokens = encoder(packed.x, packed.mask)
    assert packed.mask.tolist() == [[True], [False], [True]]
    assert tokens.values.isfinite().all()
    assert torch.equal(tokens.values[1], torch.zeros(1, 4))
    alone = encoder.collate([Table(numbers={"a": 1.0, "b": 2.0})])
    assert torch.allclose(encoder(alone.x, alone.mask).values[0], tokens.values[0])
    with pytest.raises(FormatError):
        encoder.collate([Prices])  # type: ignore[list-item]


def test_inputs_outside_the_training_rows_are_held_within_four_scales() -> None:
    standard = Standard(
        table_mean=np.zeros(len(COLUMNS)), table_scale=np.ones(len(COLUMNS)),
        window_mean=np.zeros(len(CHANNELS)), window_scale=np.ones(len(CHANNELS)),
    )  # fmt: skip
    assert set(standard.table(np.full(len(COLUMNS), 99.0)).numbers.values()) == {4.0}
    assert np.abs(standard.series(np.full((66, len(CHANNELS)), -99.0)).values).max() == 4.0
