from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.industrial.maintenance.policy import (
    Life,
    Prices,
    below,
    cheapest,
    interval,
    outcomes,
    periodic,
    to_failure,
    worth,
)


def lives(count: int = 8, error: float = 0.0) -> list[Life]:
    found = []
    for number in range(count):
        length = 100 + 10 * number
        cycles = np.arange(26.0, length + 1)
        life = np.maximum(length - cycles + error, 0)
        found.append(Life(length=length, cycles=cycles, life=life, low=np.maximum(life - 10, 0)))
    return found


def test_running_to_failure_wastes_nothing_and_always_fails():
    found = worth(outcomes(to_failure, lives()), Prices())
    assert found["failures_share"] == 1
    assert found["wasted_life"] == 0


def test_a_period_shorter_than_every_life_never_fails_and_wastes_the_rest():
    found = worth(outcomes(periodic(90), lives()), Prices())
    assert found["failures_share"] == 0
    assert found["wasted_life"] == pytest.approx(np.mean([100 + 10 * n - 90 for n in range(8)]))
    assert found["cycles_between_failures"] == float("inf")


def test_a_perfect_life_below_its_limit_is_cheaper_than_any_period():
    perfect = worth(outcomes(below(5, bound=False), lives()), Prices())["cost_per_100_cycles"]
    assert perfect < min(
        worth(outcomes(periodic(t), lives()), Prices())["cost_per_100_cycles"] for t in range(50, 200, 5)
    )


def test_the_lower_bound_maintains_before_the_prediction_does():
    bound, point = (outcomes(below(5, bound=each), lives()) for each in (True, False))
    assert all(one.ran < other.ran for one, other in zip(bound, point, strict=True))


def test_maintaining_more_often_lengthens_the_time_between_failures_and_costs_more():
    often, seldom = (worth(outcomes(periodic(each), lives()), Prices(failure=1.2)) for each in (30, 400))
    assert often["cycles_between_failures"] > seldom["cycles_between_failures"]
    assert often["cost_per_100_cycles"] > seldom["cost_per_100_cycles"]


def test_a_prediction_that_is_late_fails_at_zero_and_the_cheapest_limit_knows_it():
    late = lives(error=12)
    assert worth(outcomes(below(5, bound=False), late), Prices())["failures_share"] == 1
    assert cheapest(lambda limit: below(limit, bound=False), (0, 5, 14, 40), late, Prices()) == 14


def test_the_interval_holds_the_value():
    found = interval(outcomes(periodic(120), lives()), Prices(), "availability", rounds=100)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("late", [0, 5, 500])
def test_maintenance_that_comes_at_the_end_or_later_comes_too_late(late):
    for life in lives():
        (found,) = outcomes(lambda each: each.length + late, [life])
        assert (found.ran, found.failed, found.wasted) == (life.length, True, 0)
