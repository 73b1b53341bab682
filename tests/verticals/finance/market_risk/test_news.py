"""News is taught beside prices, changes nothing where there is none, and is listened to only if later days say so."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colonnade.core.errors import FormatError, InputError
from colonnade.core.pipeline import FitOptions
from colonnade.core.random import numpy_generator, torch_generator
from colonnade.core.types import Array
from colonnade.verticals.finance.market_risk.forecast import FIRST
from colonnade.verticals.finance.market_risk.history import history_of
from colonnade.verticals.finance.market_risk.inputs import inputs_of
from colonnade.verticals.finance.market_risk.model import HEADS, Network, NetworkConfig, member_of, record_of, silenced
from colonnade.verticals.finance.market_risk.news import Lessons, Verdict, heard, judge, shifts_of, teach, thirds
from colonnade.verticals.finance.market_risk.pipeline import MarketRiskPipeline, Settings
from colonnade.verticals.finance.market_risk.records import HORIZONS, Prices
from colonnade.verticals.finance.market_risk.training import LONGEST, Material, material_of, standard_for

CONFIG = NetworkConfig(width=8, heads=2, patch=22, latents=2, words=4, buckets=64, members=1, row=8)
UNTIL = np.datetime64("2003-01-01")
DAYS = 800


def made_up() -> Prices:
    generator = numpy_generator(0, "bars")
    level = np.exp(np.convolve(generator.standard_normal(DAYS), np.ones(20) / 20, "same") * 2)
    path = np.exp(np.cumsum((0.003 * level[:, None] * generator.standard_normal((DAYS, 12))).ravel()).reshape(DAYS, 12))
    dates = np.busday_offset("2001-01-01", np.arange(DAYS), roll="forward")
    high, low = path.max(axis=1) * 1.0005, path.min(axis=1) * 0.9995
    return Prices(name="made up", dates=dates, high=high, low=low, close=path[:, -1])


PRICES = made_up()
AFTER = PRICES.dates[-1] + 1
PANIC = numpy_generator(0, "words").integers(2, size=DAYS).astype(bool)
WORDS = {row: "panic" if panic else "calm" for row, panic in enumerate(PANIC)}


@pytest.fixture(scope="module")
def network() -> Network:
    """Untrained, its weights shaken so that prices have something to say."""
    made = Network(
        [member_of(CONFIG, seed=0)],
        standard=standard_for([material_of(PRICES, UNTIL)]),
        until=UNTIL,
        errors={horizon: np.linspace(-1, 1, 60) for horizon in HORIZONS},
    )
    generator = torch_generator(0, "shake")
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return made


def quiet_material(leftover: Array) -> Material:
    """The series with other leftovers than its own, so that it is known what there is to find."""
    found = heard(PRICES, AFTER, WORDS)
    assert found is not None
    return replace(found, leftover=np.column_stack([leftover[found.rows]] * 2))


@pytest.fixture(scope="module")
def taught(network: Network) -> tuple[Network, Verdict]:
    """Taught where a panic doubles the variance to come and calm halves it."""
    leftover = np.where(PANIC, 0.7, -0.7) + 0.5 * numpy_generator(0, "noise").standard_normal(DAYS)
    made = copy.deepcopy(network)
    return made, teach(made, [quiet_material(leftover)], Lessons(rate=2e-2, size=64, epochs=3), AFTER)


def inputs_at() -> tuple[object, Array]:
    history = history_of(PRICES)
    return inputs_of(history, np.log(np.column_stack([history.variance] * 2))), np.array([400, 500, 600])


def test_news_that_tells_what_comes_is_listened_to(taught: tuple[Network, Verdict]) -> None:
    made, verdict = taught
    assert all(share > 0 for share in verdict.listens)
    assert all(t < -2 for t in (*verdict.t, *verdict.t_words))
    assert all(told < without for told, without in zip(verdict.told, verdict.without, strict=True))
    assert made.reads_news
    assert made.heard_until == AFTER
    inputs, rows = inputs_at()
    panic, calm = (made.shifts(inputs, rows, dict.fromkeys(rows.tolist(), word)) for word in ("panic", "calm"))  # type: ignore[arg-type]
    assert (panic > calm + 0.5).all()


def test_news_that_tells_nothing_is_not_listened_to(network: Network) -> None:
    made = copy.deepcopy(network)
    leftover = 0.5 * numpy_generator(1, "noise").standard_normal(DAYS)
    verdict = teach(made, [quiet_material(leftover)], Lessons(rate=1e-2, size=64, epochs=2), AFTER)
    assert verdict.listens == (0.0, 0.0)
    inputs, rows = inputs_at()
    told = made.shifts(inputs, rows, dict.fromkeys(rows.tolist(), "panic"))  # type: ignore[arg-type]
    assert np.array_equal(told, network.shifts(inputs, rows, {}))  # type: ignore[arg-type]


def test_a_better_level_where_there_is_news_is_not_taken_for_reading_it(network: Network) -> None:
    made = copy.deepcopy(network)
    with torch.no_grad():
        for answer in made.members[0].experts["news"].answers.values():  # type: ignore[union-attr, index]
            answer.down.weight[0] = 0.0
            answer.down.bias[0] = 3.0
    leftover = 1.5 + 0.5 * numpy_generator(2, "noise").standard_normal(DAYS)
    examples = thirds(made, [quiet_material(leftover)], 0.3)
    verdict = judge(made, *examples[1:])
    assert max(verdict.t) < -1
    assert min(verdict.chosen) > 0
    assert verdict.listens == (0.0, 0.0)


def test_learning_news_leaves_forecasts_without_news_exactly_as_they_were(
    network: Network, taught: tuple[Network, Verdict]
) -> None:
    inputs, rows = inputs_at()
    assert np.array_equal(taught[0].shifts(inputs, rows, {}), network.shifts(inputs, rows, {}))  # type: ignore[arg-type]
    old, new = network.state_dict(), taught[0].state_dict()
    moved = {name for name in old if not torch.equal(old[name], new[name]) and "blend" not in name}
    assert any("encoders.news" in name for name in moved)
    assert all("news" in name or "gates.readers.2" in name or "gates.norms.2" in name for name in moved)
    assert taught[0].members[0].encoders["window"].collate  # type: ignore[union-attr, index]


def test_as_much_of_what_news_changes_is_kept_as_the_network_listens(taught: tuple[Network, Verdict]) -> None:
    made = copy.deepcopy(taught[0])
    inputs, _ = inputs_at()
    batch = made.collate([record_of(inputs, made.standard, row, "panic") for row in (400, 500)])  # type: ignore[arg-type]
    quiet, told = shifts_of(made, batch)
    made.listens = (0.25, 0.0)
    with torch.no_grad():
        found = torch.stack([made(batch).answers[name][:, 0] for name in HEADS], dim=1)
    assert torch.allclose(found[:, 0], quiet[:, 0] + 0.25 * (told[:, 0] - quiet[:, 0]))
    assert torch.equal(found[:, 1], quiet[:, 1])
    assert not silenced(batch).presence[:, -1].any()


def test_lessons_start_from_forecasts_as_they_were_made_and_end_before_the_day_given() -> None:
    found = heard(PRICES, UNTIL, WORDS)
    assert found is not None
    assert found.rows[0] == FIRST
    assert PRICES.dates[found.rows[-1] + LONGEST] < UNTIL
    cut = int(found.rows[300 - FIRST])
    early = heard(PRICES.until(cut + LONGEST + 1), AFTER, WORDS)
    assert early is not None
    same = np.isin(found.rows, early.rows)
    assert np.allclose(found.leftover[same], early.leftover[: same.sum()], rtol=1e-12)
    assert heard(PRICES, UNTIL, {}) is None
    assert heard(PRICES, UNTIL, {FIRST - 1: "too early"}) is None


def with_news(folder: Path, rows: range) -> Path:
    (folder / "news").mkdir(parents=True)
    bars = zip(PRICES.dates, PRICES.high, PRICES.low, PRICES.close, strict=True)
    text = "date,high,low,close\n" + "\n".join(",".join(map(str, row)) for row in bars)
    (folder / "aaa.csv").write_text(text, encoding="utf-8")
    lines = "\n".join(f"{PRICES.dates[row]},{WORDS[row]} today" for row in rows)
    (folder / "news" / "aaa.csv").write_text(f"date,text\n{lines}\n", encoding="utf-8")
    return folder


def test_the_recipe_adds_its_verdict_to_the_card_and_a_user_is_told_it(network: Network, tmp_path: Path) -> None:
    settings = Settings(network=CONFIG, until=str(UNTIL), base=-9.0)
    before = MarketRiskPipeline(network, settings, {"trained_on": "a made-up series", "seed": 0})
    data = with_news(tmp_path / "data", range(300, 790))
    fitted = before.fit(data, out=tmp_path / "with", options=FitOptions(recipe="news", epochs=1))
    assert fitted.card["trained_on"] == "a made-up series"
    assert fitted.card["news"]["until"] == str(AFTER)
    after = MarketRiskPipeline.from_pretrained(tmp_path / "with")
    assert after.network.listens == tuple(fitted.card["news"]["listens"])
    assert after.network.heard_until == AFTER
    deaf = copy.deepcopy(after)
    deaf.network.listens = (0.0, 0.0)
    result = deaf.predict(prices=PRICES.until(400), news="panic")
    assert result.fitted["news"] == f"news of 1 series, before {AFTER}; not listened to"
    said = " ".join(result.warnings)
    assert "it was taught news of 1 series, and on" in said
    assert "below -1 is asked for" in said


def test_the_network_that_ships_listens_as_far_as_its_card_says() -> None:
    ships = MarketRiskPipeline.from_pretrained()
    assert ships.network.listens == tuple(ships.card["news"]["listens"])
    history = history_of(PRICES)
    inputs, rows = inputs_of(history, np.log(np.column_stack([history.variance] * 2))), np.array([400, 500])
    told = ships.network.shifts(inputs, rows, dict.fromkeys(rows.tolist(), "profit warning"))
    same = np.isclose(told, ships.network.shifts(inputs, rows, {}), rtol=0, atol=0).all(axis=0)
    assert same.tolist() == [share == 0 for share in ships.network.listens]


def test_too_little_news_is_refused(network: Network, tmp_path: Path) -> None:
    settings = Settings(network=CONFIG, until=str(UNTIL), base=-9.0)
    made = MarketRiskPipeline(network, settings, {})
    with pytest.raises(InputError, match="40 days have news to learn from: at least 100"):
        made.fit(with_news(tmp_path / "few", range(300, 340)), out=tmp_path / "x", options=FitOptions(recipe="news"))
    with pytest.raises(FormatError, match="this recipe needs data with news"):
        made.fit(with_news(tmp_path / "early", range(100, 150)), out=tmp_path / "x", options=FitOptions(recipe="news"))
    assert not (tmp_path / "x").exists()
