from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.finance.governance.market_risk import challenger, pointintime, report
from colonnade.verticals.finance.market_risk import forecast
from colonnade.verticals.finance.market_risk.history import history_of
from colonnade.verticals.finance.market_risk.pipeline import MarketRiskPipeline
from colonnade.verticals.finance.market_risk.prices import read_prices
from colonnade.verticals.finance.market_risk.walkforward import walk_har

DAYS = 850
CHAPTERS = (
    "identity", "data", "point in time", "outcomes", "controls", "calibration", "stability", "fairness",
    "faithfulness", "latency", "monitoring",
)  # fmt: skip


def write(path: Path, *, first: str = "2010-01-04", days: int = DAYS) -> Path:
    """A series whose volatility comes in spells."""
    random = np.random.default_rng(0)
    dates = np.datetime64(first) + np.arange(2 * days)
    dates = dates[np.is_busday(dates)][:days]
    level = np.zeros(len(dates))
    for day in range(1, len(dates)):
        level[day] = 0.97 * level[day - 1] + 0.25 * random.normal()
    sigma = 0.01 * np.exp(level / 2)
    close = 100 * np.exp(np.cumsum(sigma * random.normal(size=len(dates))))
    half = np.exp(np.abs(sigma * random.normal(size=len(dates))) + 0.3 * sigma)
    rows = [
        f"{day},{price},{price * wide},{price / wide},{price}"
        for day, price, wide in zip(dates, close, half, strict=True)
    ]
    path.write_text("date,open,high,low,close\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Boosting, which takes nearly all of the time, stands as HAR."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecast, "walk_boosting", lambda history, horizon: walk_har(history, horizon))
        patch.setattr(pointintime, "BARS", 480)
        patch.setattr(pointintime, "CUTS", 1)
        patch.setattr(report, "CALLS", 1)
        patch.setattr(report, "BARS", 400)
        yield


@pytest.fixture(scope="module")
def pipeline() -> MarketRiskPipeline:
    return MarketRiskPipeline.from_pretrained()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("prices") / "prices.csv")


@pytest.fixture(scope="module")
def made(pipeline: MarketRiskPipeline, data: Path, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "governance"
    return pipeline.governance(data, out=out), out


def test_every_chapter_has_its_lines_in_the_closing_table(made):
    found, _ = made
    assert tuple(dict.fromkeys(each.chapter for each in found.expectations)) == CHAPTERS
    assert all(each.found for each in found.expectations)


def test_forecasts_are_proven_point_in_time_and_a_planted_leak_is_found(made):
    found, _ = made
    lines = [each for each in found.expectations if each.chapter == "point in time"]
    assert [each.status for each in lines] == ["pass"] * 3
    assert found.chapters[2]["facts"]["truncated"][0]["values"] > 1000


def test_what_was_not_run_says_why(made):
    found, _ = made
    idle = {each.expects: each.found for each in found.expectations if each.status == "not run"}
    assert "not of persons" in idle["The decision errs alike for groups"]
    assert "does not listen" in idle["News is worth more than shuffled news"]


def test_page_and_json_are_written(made):
    found, out = made
    written = json.loads((out / "governance.json").read_text())
    assert written["counts"] == found.counts()
    assert (out / "governance.html").read_text().count("<figure") == 3


def test_forecasts_that_know_the_next_bar_are_seen(pipeline, data, monkeypatch):
    """Each day's forecast is moved by the range of the day after."""
    honest = pointintime.walk

    def peeking(prices, network):
        walked = honest(prices, network)
        ahead = np.append(walked.history.variance[1:], walked.history.variance[-1])
        return replace(walked, variance=walked.variance * (1 + ahead[:, None]))

    monkeypatch.setattr(pointintime, "walk", peeking)
    prices, random = read_prices(data), np.random.default_rng(0)
    rerun = pointintime.Rerun(network=pipeline.network, prices=prices, random=random)
    whole = rerun.whole()
    (cut,) = pointintime.held_against(whole, ((600, lambda: rerun.altered(600)),), within=pointintime.WITHIN)
    assert not cut.held


def test_half_of_the_cuts_lie_behind_a_first_of_january(data):
    prices = read_prices(data)
    cuts = pointintime._cuts(prices, np.random.default_rng(0))
    days = [prices.dates[at - 1] for at in cuts]
    assert sum((day - day.astype("datetime64[Y]")).astype(int) < 12 for day in days) >= pointintime.CUTS


def test_the_challenger_is_fitted_by_the_folds_and_sees_no_later_day(data):
    history = history_of(read_prices(data))
    whole, rules = challenger.walk_rules(history, 1, periods=252)
    cut, _ = challenger.walk_rules(history_of(read_prices(data).until(600)), 1, periods=252)
    assert 2 <= len(rules.rules) <= 12
    assert np.array_equal(whole[:600], cut, equal_nan=True)


def test_groups_and_too_few_days_are_one_sentence(pipeline, data, tmp_path):
    with pytest.raises(InputError, match="no groups of people"):
        pipeline.governance(data, out=tmp_path / "out", groups=("sex",))
    with pytest.raises(InputError, match="at least 250 are needed"):
        pipeline.governance(write(tmp_path / "old.csv", first="2000-01-03", days=600), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
