from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.finance.market_risk.drawdown import AHEAD, ENOUGH, alerts, chances, lowest, warned


def calm_and_wild(days: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns whose volatility is known and moves slowly between 0.6 and 2.4 per cent a day."""
    generator = np.random.default_rng(seed)
    variance = (0.012 * 2 ** np.sin(np.arange(days) / 60)) ** 2
    returns = np.zeros(days)
    returns[1:] = np.sqrt(variance[:-1]) * generator.standard_normal(days - 1)
    return returns, variance


def test_the_lowest_close_of_the_days_to_come_is_the_one_a_loop_finds() -> None:
    returns, _ = calm_and_wild(60)
    level, found = np.cumsum(returns), lowest(returns)
    for day in range(60 - AHEAD):
        assert found[day] == pytest.approx(min(0.0, (level[day + 1 : day + 1 + AHEAD] - level[day]).min()))
    assert np.isnan(found[60 - AHEAD :]).all()


def test_probabilities_come_true_as_often_as_they_say() -> None:
    returns, variance = calm_and_wild()
    chance, event = chances(returns, variance), lowest(returns) <= np.log1p(-0.05)
    known = np.isfinite(chance) & np.isfinite(lowest(returns))
    low, high = chance[known] < 0.1, chance[known] > 0.3
    assert event[known][low].mean() == pytest.approx(chance[known][low].mean(), abs=0.03)
    assert event[known][high].mean() == pytest.approx(chance[known][high].mean(), abs=0.08)
    assert chance[known].std() > 0.1


def test_a_days_probability_knows_nothing_of_later_days() -> None:
    returns, variance = calm_and_wild(900)
    cut = 700
    before = chances(returns, variance)
    returns[cut + 1 :], variance[cut + 1 :] = -0.2, 9.0
    np.testing.assert_array_equal(chances(returns, variance)[: cut + 1], before[: cut + 1])
    np.testing.assert_array_equal(chances(returns[: cut + 1], variance[: cut + 1]), before[: cut + 1])


def test_few_lows_of_the_past_give_no_probability() -> None:
    returns, variance = calm_and_wild(ENOUGH)
    assert np.isnan(chances(returns, variance)).all()


def test_warnings_keep_to_their_budget_on_a_series_that_does_not_change() -> None:
    chance = np.random.default_rng(1).uniform(size=6000)
    assert alerts(chance, budget=0.1)[1000:].mean() == pytest.approx(0.1, abs=0.02)


def test_an_episode_is_warned_of_only_before_the_fall_is_reached() -> None:
    returns = np.zeros(200)
    returns[105] = -0.06
    event = lowest(returns) <= np.log1p(-0.05)
    assert np.flatnonzero(event).tolist() == list(range(95, 105))
    early, late = np.zeros(200, bool), np.zeros(200, bool)
    early[100], late[106] = True, True
    assert (warned(event, early, returns).recall, warned(event, early, returns).lead_days) == (1.0, 5.0)
    assert warned(event, late, returns).recall == 0.0
    assert warned(event, late, returns).precision == 0.0
