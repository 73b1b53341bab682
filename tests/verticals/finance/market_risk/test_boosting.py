from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Array
from colonnade.verticals.finance.market_risk import boosting
from colonnade.verticals.finance.market_risk.boosting import walk_boosting
from colonnade.verticals.finance.market_risk.history import History, history_of
from colonnade.verticals.finance.market_risk.records import Prices

DAYS = 900


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "_KEPT", type(boosting._KEPT)())


def history(days: int) -> History:
    """The first days of one made-up series of four calendar years."""
    path = np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_normal((DAYS, 12)), axis=None).reshape(DAYS, 12))
    prices = Prices(
        name="made up", dates=np.busday_offset("2001-01-01", np.arange(DAYS), roll="forward")[:days],
        high=path.max(axis=1)[:days] * 1.0005, low=path.min(axis=1)[:days] * 0.9995, close=path[:days, -1],
        volume=np.ones(days),
    )  # fmt: skip
    return history_of(prices)


def test_a_new_day_is_forecast_without_fitting_a_year_again(monkeypatch: pytest.MonkeyPatch):
    fits, plain = [], boosting._fit

    def counted(rows: Array, wanted: Array) -> object:
        fits.append(len(rows))
        return plain(rows, wanted)

    monkeypatch.setattr(boosting, "_fit", counted)
    yesterday = walk_boosting(history(DAYS - 1), 1)
    count = len(fits)
    today = walk_boosting(history(DAYS), 1)
    assert count > 1
    assert len(fits) == count
    assert np.array_equal(today[:-1], yesterday, equal_nan=True)
    boosting._KEPT.clear()
    assert np.array_equal(walk_boosting(history(DAYS), 1), today, equal_nan=True)
    assert len(fits) == 2 * count


def test_no_more_fits_are_kept_than_stated(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(boosting, "MOST", 1)
    walk_boosting(history(DAYS), 1)
    assert len(boosting._KEPT) == 1
