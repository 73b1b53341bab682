"""Nothing that is not known yet is read: features, folds, baselines, bounds and the network, day by day."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from colonnade.core.types import Array
from colonnade.verticals.finance.market_risk.boosting import learnt_enough
from colonnade.verticals.finance.market_risk.bounds import adaptive_bounds, tail_losses
from colonnade.verticals.finance.market_risk.forecast import FIRST, coverage, scores, walk
from colonnade.verticals.finance.market_risk.garch import fit_garch
from colonnade.verticals.finance.market_risk.har import fit_line
from colonnade.verticals.finance.market_risk.history import history_of, later_return, target, trailing
from colonnade.verticals.finance.market_risk.inputs import WINDOW, Inputs, inputs_of
from colonnade.verticals.finance.market_risk.metrics import diebold_mariano, kupiec, qlike
from colonnade.verticals.finance.market_risk.records import FLOOR, HORIZONS, Prices
from colonnade.verticals.finance.market_risk.walkforward import BASELINES, folds, walk_garch

DAYS, CUT = 900, 620


class Reader:
    """A stand-in for the network that answers from all that a day's inputs hold."""

    until = np.datetime64("2001-01-01")
    reads_news = True
    heard_until = None
    errors: Mapping[int, Array] = {horizon: np.linspace(-1, 1, 50) for horizon in HORIZONS}

    def shifts(self, inputs: Inputs, rows: Array, news: Mapping[int, str]) -> Array:
        seen = inputs.windows(rows).mean(axis=(1, 2)) + inputs.table[rows].mean(axis=1)
        words = np.array([len(news.get(int(row), "")) for row in rows])
        return 0.1 * np.tanh(np.column_stack([seen + words, seen]))


def made_up(days: int = DAYS, seed: int = 0) -> Prices:
    """Bars whose volatility wanders, so that there is something to forecast."""
    generator = np.random.default_rng(seed)
    level = np.exp(trailing(generator.standard_normal(days), 20) * 2)
    steps = 0.01 * level[:, None] * generator.standard_normal((days, 12)) / np.sqrt(12)
    path = np.exp(np.cumsum(steps.ravel()).reshape(days, 12))
    dates = np.busday_offset("2001-01-01", np.arange(days), roll="forward")
    volume = np.exp(generator.standard_normal(days))
    high, low = path.max(axis=1) * 1.0005, path.min(axis=1) * 0.9995
    return Prices(name="made up", dates=dates, high=high, low=low, close=path[:, -1], volume=volume)


PRICES = made_up()


def other_future(prices: Prices, rows: int) -> Prices:
    """The same bars up to `rows`, and others after them."""
    else_ = made_up(seed=1)
    factor = prices.close[rows - 1] / else_.close[rows - 1]
    parts = {
        name: np.concatenate([getattr(prices, name)[:rows], getattr(else_, name)[rows:] * factor * 3])
        for name in ("high", "low", "close", "volume")
    }
    return Prices(name="other", dates=prices.dates, **parts)


@pytest.mark.parametrize("change", ["cut", "other future"])
def test_no_forecast_depends_on_a_day_after_its_own(change: str) -> None:
    whole = walk(PRICES, Reader())
    other = walk(PRICES.until(CUT) if change == "cut" else other_future(PRICES, CUT), Reader())
    same = slice(0, CUT)
    assert np.array_equal(whole.har[same], other.har[same], equal_nan=True)
    assert np.array_equal(whole.variance[same], other.variance[same], equal_nan=True)
    for horizon in HORIZONS:
        assert np.array_equal(whole.bounds[horizon][same], other.bounds[horizon][same], equal_nan=True)
        assert np.array_equal(whole.losses[horizon][same], other.losses[horizon][same], equal_nan=True)
        for name, forecast in BASELINES.items():
            ours, theirs = forecast(whole.history, horizon)[same], forecast(other.history, horizon)[same]
            assert np.allclose(ours, theirs, rtol=1e-12, equal_nan=True), name
    gjr = [walk_garch(each.history, 5, asymmetric=True)[same] for each in (whole, other)]
    assert np.allclose(*gjr, rtol=1e-12, equal_nan=True)


def test_inputs_of_a_day_are_those_of_the_series_that_ends_on_it() -> None:
    offsets = np.log(np.column_stack([trailing(history_of(PRICES).variance, 5)] * 2))
    whole, cut = (inputs_of(history_of(each), offsets[: len(each)]) for each in (PRICES, PRICES.until(CUT)))
    assert np.array_equal(whole.table[:CUT], cut.table)
    assert np.array_equal(whole.window(CUT - 1), cut.window(CUT - 1))
    assert np.array_equal(whole.windows(np.array([CUT - 1]))[0], cut.window(CUT - 1))
    assert cut.window(CUT - 1).shape[0] == WINDOW


def test_folds_learn_from_no_target_that_reaches_into_them() -> None:
    dates = PRICES.dates
    for horizon in HORIZONS:
        cover = []
        for fold in folds(dates, horizon):
            assert fold.known.stop - 1 + horizon < fold.ahead.start
            cover += list(range(fold.ahead.start, fold.ahead.stop))
            assert fold.ahead.start == FIRST or dates[fold.ahead.start].astype("datetime64[Y]") > dates[
                fold.ahead.start - 1
            ].astype("datetime64[Y]")
        assert cover == list(range(FIRST, DAYS))


def test_targets_are_the_mean_of_the_days_after() -> None:
    history = history_of(PRICES)
    for horizon in HORIZONS:
        found, moved = target(history.variance, horizon), later_return(history.returns, horizon)
        for row in (0, 17, DAYS - horizon - 1):
            assert found[row] == pytest.approx(history.variance[row + 1 : row + 1 + horizon].mean(), rel=1e-9)
            assert moved[row] == pytest.approx(np.log(PRICES.close[row + horizon] / PRICES.close[row]), abs=1e-9)
        assert np.isnan(found[-horizon:]).all()


def test_a_day_without_range_keeps_the_floor() -> None:
    flat = PRICES.high.copy()
    flat[500] = PRICES.low[500]
    prices = Prices(name="x", dates=PRICES.dates, high=flat, low=PRICES.low, close=PRICES.close)
    assert history_of(prices).variance[500] == FLOOR


def test_har_finds_the_line_it_was_made_from_and_is_right_on_average() -> None:
    generator = np.random.default_rng(0)
    features = generator.standard_normal((20_000, 3))
    truth = np.exp(features @ [0.5, 0.3, -0.2] - 1 + 0.5 * generator.standard_normal(20_000))
    line = fit_line(features, truth)
    assert line.weights == pytest.approx([0.5, 0.3, -0.2], abs=0.02)
    assert np.mean(truth / np.exp(line(features))) == pytest.approx(1, abs=1e-6)


def test_garch_recovers_its_parameters_and_its_filter_equals_the_loop() -> None:
    generator = np.random.default_rng(0)
    variance, returns = 1e-4, np.empty(6000)
    for day in range(len(returns)):
        returns[day] = np.sqrt(variance) * generator.standard_normal()
        variance = 2e-6 + 0.1 * returns[day] ** 2 + 0.88 * variance
    model = fit_garch(returns)
    assert model.alpha == pytest.approx(0.1, abs=0.03)
    assert model.beta == pytest.approx(0.88, abs=0.04)
    looped, value = [], model.start
    for each in returns[:50] - model.mean:
        value = model.omega + (model.alpha + model.gamma * (each < 0)) * each**2 + model.beta * value
        looped.append(value)
    assert model.next_variance(returns)[:50] == pytest.approx(looped, rel=1e-9)
    assert model.mean_variance(returns, 1) == pytest.approx(model.next_variance(returns), rel=1e-9)


def test_bounds_keep_their_coverage_when_the_errors_change_size() -> None:
    generator = np.random.default_rng(0)
    days = 3000
    size = np.where(np.arange(days) < days // 2, 0.4, 1.2)
    forecast = np.full(days, 1e-4)
    truth = forecast * np.exp(size * generator.standard_normal(days))
    for horizon in HORIZONS:
        later = np.concatenate([truth[horizon:], np.full(horizon, np.nan)])
        bounds = adaptive_bounds(later, forecast, horizon, prior=np.linspace(-1, 1, 100))
        held = ((later >= bounds[:, 0]) & (later <= bounds[:, 1]))[:-horizon]
        assert held.mean() == pytest.approx(0.9, abs=0.02)
        assert np.isfinite(bounds).all()
        assert (bounds[:, 0] <= bounds[:, 1]).all()


def test_value_at_risk_is_missed_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    later = 0.01 * generator.standard_t(4, 5000)
    losses = tail_losses(later, np.full(5000, 1e-4), 1)
    known = np.isfinite(losses[:, 0])
    assert known.sum() > 4000
    assert np.mean(later[known] < -losses[known, 0]) == pytest.approx(0.01, abs=0.003)
    assert (losses[known, 1] >= losses[known, 0]).all()


def test_losses_and_tests_have_their_known_values() -> None:
    truth = np.array([1.0, 2.0, 4.0])
    assert qlike(truth, truth) == pytest.approx(0)
    assert qlike(truth, truth * 2) == pytest.approx(0.5 + np.log(2) - 1)
    generator = np.random.default_rng(0)
    loss = generator.standard_normal(400)
    assert diebold_mariano(loss, loss, lags=5) == 0
    assert diebold_mariano(loss - 1, loss + 0.1 * generator.standard_normal(400), lags=5) < -10
    from scipy.stats import ttest_1samp

    other = generator.standard_normal(400)
    assert diebold_mariano(loss, other, lags=0) == pytest.approx(ttest_1samp(loss - other, 0).statistic, rel=5e-3)
    assert kupiec(10, 1000, rate=0.01) == pytest.approx(1)
    assert kupiec(40, 1000, rate=0.01) < 1e-6
    assert 0 < kupiec(0, 100, rate=0.01) < 1


def test_scores_judge_only_days_that_the_network_has_not_seen() -> None:
    network = Reader()
    network.until = PRICES.dates[700]
    walked = walk(PRICES, network)
    for horizon in HORIZONS:
        rows = walked.scored(horizon)
        assert rows[0] == 700
        assert rows[-1] == DAYS - 1 - horizon
        assert scores(walked, horizon)["har_leverage"].against_har == 0
        assert 0.8 < coverage(walked, horizon) <= 1


def test_news_moves_the_forecast_of_its_own_day_only() -> None:
    silent, told = walk(PRICES, Reader()), walk(PRICES, Reader(), news={DAYS - 1: "a warning"})
    assert np.array_equal(silent.variance[:-1], told.variance[:-1], equal_nan=True)
    assert silent.variance[-1, 0] != told.variance[-1, 0]


def test_bounds_stay_finite_when_misses_drive_the_level_to_nothing() -> None:
    days = 400
    forecast = np.full(days, 1e-4)
    truth = forecast * np.exp(np.linspace(0, 40, days))  # each error is larger than every one before it
    bounds = adaptive_bounds(truth, forecast, 1, prior=np.zeros(0))
    assert np.isfinite(bounds[2:]).all()
    prior = np.linspace(-1, 1, 100)
    for rate_of_misses in (0.0, 1.0):
        moved = forecast * np.exp(5 * rate_of_misses * np.where(np.arange(days) % 2, 1, -1))
        assert np.isfinite(adaptive_bounds(moved, forecast, 1, prior=prior)).all()


def test_boosting_counts_half_from_five_years_on_and_not_before() -> None:
    generator = np.random.default_rng(4)
    days = 1700
    close = 100 * np.exp(np.cumsum(0.01 * generator.standard_normal(days)))
    width = np.exp(0.004 * (0.5 + generator.random(days)))
    dates = np.datetime64("2001-01-01") + np.arange(days)
    prices = Prices(name="long", dates=dates, high=close * width, low=close / width, close=close)
    walked = walk(prices, Reader())
    enough = learnt_enough(dates, 1)
    assert 0 < enough[FIRST:].mean() < 1
    early, late = ~enough & np.isfinite(walked.variance[:, 0]), enough
    np.testing.assert_array_equal(walked.quiet[early, 0], walked.network[early, 0])
    half = np.sqrt(walked.network[late, 0] * walked.boosting[late, 0])
    np.testing.assert_allclose(walked.quiet[late, 0], half)
