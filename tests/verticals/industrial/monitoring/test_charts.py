from __future__ import annotations

import json

import numpy as np
import pytest

from colonnade.core.errors import ConfigError
from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.monitoring.charts import Cusum, Ewma, Individuals, of_baseline
from colonnade.verticals.industrial.monitoring.runs import cusum_run_length, ewma_run_length


def run(chart, values):
    return [chart.update(float(value), str(number)) for number, value in enumerate(values)]


def test_a_shift_is_found_by_the_charts_that_average_and_a_jump_by_single_values():
    generator = numpy_generator(0, "charts")
    steady, shifted = generator.normal(size=40), generator.normal(size=60) + 1.0
    for chart in (Ewma("x", centre=0, sigma=1), Cusum("x", centre=0, sigma=1)):
        said = run(chart, [*steady, *shifted])
        assert not any(said[:40])
        assert any("up" in each for signals in said[40:] for each in signals)
    single = Individuals("x", centre=0, sigma=1)
    assert "beyond 3 sigma" in single.update(3.1)
    assert "moving range" in single.update(-1.0)


def test_centre_and_sigma_come_from_the_first_values_and_then_stand():
    chart = Individuals("x", baseline=4)
    assert run(chart, [1.0, 2.0, 1.0, 2.0]) == [()] * 4
    assert chart.centre == 1.5
    assert chart.sigma == pytest.approx(1 / 1.128)
    chart.update(1.6)
    assert chart.centre == 1.5
    assert [each.get("phase") for each in chart.points] == ["baseline"] * 4 + [None]


def test_a_baseline_of_equal_values_goes_on_until_they_vary():
    chart = Ewma("x", baseline=3)
    run(chart, [2.0] * 5)
    assert chart.sigma is None
    run(chart, [2.5])
    assert chart.sigma is not None
    with pytest.raises(ConfigError, match="values that vary"):
        of_baseline([1.0, 1.0])


def test_the_first_limits_of_an_ewma_are_those_of_few_values():
    chart = Ewma("x", weight=0.2, width=3, centre=0, sigma=1)
    chart.update(0.0)
    assert chart.points[0]["upper"] == pytest.approx(3 * 0.2)
    run(chart, [0.0] * 60)
    assert chart.points[-1]["upper"] == pytest.approx(chart.limits()["upper"])


def test_a_chart_is_data_for_a_page():
    for chart in (Individuals("x", baseline=5), Ewma("x", baseline=5), Cusum("x", baseline=5)):
        run(chart, [0.0, 1.0, 0.5, 0.2, 0.9, 9.0, 9.0])
        told = json.loads(json.dumps(chart.to_dict()))
        assert told["kind"] == chart.kind
        assert told["points"][-1]["broken"] == told["broken"] != []
        assert told["limits"]["upper"] is not None


def test_what_is_no_number_is_refused():
    with pytest.raises(ConfigError, match="finite"):
        Ewma("x", centre=0, sigma=1).update(float("nan"))
    with pytest.raises(ConfigError, match="both its centre and a sigma"):
        Ewma("x", centre=0)


@pytest.mark.parametrize(
    ("found", "published"),
    [
        (lambda: ewma_run_length(weight=0.1, width=2.814), 500),  # Lucas and Saccucci 1990, table 3
        (lambda: ewma_run_length(weight=0.1, width=2.814, shift=1), 10.3),
        (lambda: ewma_run_length(weight=0.4, width=3.054), 500),
        (lambda: cusum_run_length(slack=0.5, bound=4), 168),  # Montgomery, table 9.3
        (lambda: cusum_run_length(slack=0.5, bound=4, shift=1), 8.38),
        (lambda: cusum_run_length(slack=0.5, bound=5), 465),
        (lambda: cusum_run_length(slack=0.5, bound=5, shift=2), 4.01),
    ],
)
def test_run_lengths_are_the_published_ones(found, published):
    assert found() == pytest.approx(published, rel=0.005)


def test_simulated_runs_are_as_long_as_worked_out():
    generator = numpy_generator(1, "runs")
    lengths = []
    for _ in range(400):
        chart = Cusum("x", slack=0.5, bound=3, centre=0, sigma=1)
        lengths.append(next(count for count in range(1, 5_000) if chart.update(float(generator.normal(0.5)))))
    assert np.mean(lengths) == pytest.approx(cusum_run_length(slack=0.5, bound=3, shift=0.5), rel=0.15)
