"""The factor on the learning rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.core.training.schedules import warmup_cosine


def test_it_rises_to_one_and_falls_to_the_floor() -> None:
    assert warmup_cosine(0.05, warmup=0.1) == pytest.approx(0.5)
    assert warmup_cosine(0.1, warmup=0.1) == 1
    assert warmup_cosine(0.55, warmup=0.1) == pytest.approx(0.5)
    assert warmup_cosine(1.0, warmup=0.1) == pytest.approx(0)
    assert warmup_cosine(1.0, warmup=0.1, floor=0.2) == pytest.approx(0.2)
    assert warmup_cosine(0.0, warmup=0.0) == 1


@given(st.floats(-1, 2), st.floats(0, 0.99), st.floats(0, 1))
def test_it_stays_between_zero_and_one(done: float, warmup: float, floor: float) -> None:
    assert 0 <= warmup_cosine(done, warmup=warmup, floor=floor) <= 1
