"""A classifier's calibration: which rows it may read, and which name each subset of modalities has."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core import classifier as module
from colonnade.core.classifier import Classifier, untrained
from colonnade.core.data.labelled import Labelled
from colonnade.core.encoders.table import TableConfig
from colonnade.core.random import numpy_generator
from colonnade.core.trust.calibration import Temperature
from colonnade.core.types import Table

MINIMUM = (("a",), ("b",))


def _rows(count: int, seed: int) -> list[Labelled]:
    noise = numpy_generator(seed, "classifier test")
    rows = []
    for number in range(count):
        record = {name: Table(numbers={"x": float(noise.normal())}) for name in ("a", "b")}
        rows.append(Labelled(id=str(number), record=record, label=number % 2, group=str(number)))
    return rows


@pytest.fixture(scope="module")
def start() -> Classifier:
    encoders = {name: TableConfig(width=8, numbers=("x",), categories=(), heads=2) for name in ("a", "b")}
    return untrained(encoders, labels=2, seed=0)


def test_temperatures_read_other_rows_than_the_sets_that_promise_coverage(start: Classifier) -> None:
    tuning, held = _rows(30, seed=1), _rows(30, seed=2)

    def calibrated(*rows: list[Labelled]) -> Classifier:
        return module._calibrated(start.config, start.model, rows, MINIMUM)

    one, other = calibrated(tuning, held), calibrated(tuning, _rows(40, seed=3))
    assert one.temperatures == other.temperatures
    assert one.sets != other.sets
    assert set(one.sets) == {"a+b", "a", "b"}


def test_the_order_in_which_modalities_are_given_does_not_lose_their_temperature(start: Classifier) -> None:
    warm = Classifier(config=start.config, model=start.model, temperatures={"a+b": Temperature(value=9)}, sets={})
    (row,) = _rows(1, seed=4)
    forth, back = (warm.probabilities([row.record], names) for names in (("a", "b"), ("b", "a")))
    np.testing.assert_array_equal(forth, back)
    assert warm.subset(("b", "a")) == "a+b"
