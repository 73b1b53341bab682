from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from colonnade.verticals.finance.market_risk.metrics import acerbi_szekely, christoffersen
from colonnade.verticals.finance.market_risk.stress import replay


def walked(first: str, days: int) -> Any:
    """A walk in which the truth is twice the forecast, HAR is right, and each fifth day falls beyond its risk."""
    dates = np.datetime64(first) + np.arange(days)
    ones = np.full((days, 1), 1e-4)
    returns = np.where(np.arange(days) % 5 == 0, -0.05, 0.001)
    return SimpleNamespace(
        scored=lambda horizon: np.arange(days - 1), column=lambda horizon: 0,
        history=SimpleNamespace(dates=dates, returns=returns), truth=2 * ones, variance=ones, har=2 * ones,
        bounds={1: np.column_stack([ones[:, 0], 3 * ones[:, 0]])}, losses={1: np.full((days, 2), 0.02)},
    )  # fmt: skip


def test_a_window_is_replayed_on_its_own_days_alone() -> None:
    (found,) = replay(walked("2008-08-01", 300))
    assert found.name == "2008, Lehman"
    assert found.days == 212
    assert found.coverage == 1.0
    assert found.har == 0.0 < found.qlike
    assert found.misses in (42, 43)
    assert round(found.worst, 6) == round(100 * (np.exp(-0.05) - 1), 6)


def test_a_series_that_covers_no_window_replays_none() -> None:
    assert replay(walked("2013-01-01", 200)) == ()


def test_exceedances_in_a_row_are_told_from_scattered_ones() -> None:
    scattered = np.zeros(1000, bool)
    scattered[::50] = True
    clustered = np.zeros(1000, bool)
    clustered[500:520] = True
    assert christoffersen(clustered) < 0.001 < 0.05 < christoffersen(scattered)
    assert christoffersen(np.zeros(1000, bool)) == 1.0


def test_expected_shortfall_that_is_told_too_small_is_found_out() -> None:
    generator = np.random.default_rng(0)
    returns = 0.01 * generator.standard_t(4, 4000)
    risk = -np.quantile(returns, 0.01)
    shortfall = -returns[returns < -risk].mean()
    right = np.tile([risk, shortfall], (4000, 1))
    statistic, p = acerbi_szekely(returns, right, rate=0.01)
    assert abs(statistic) < 0.1
    assert p > 0.1
    statistic, p = acerbi_szekely(returns, right * 0.6, rate=0.01)
    assert statistic < -1
    assert p < 0.01
