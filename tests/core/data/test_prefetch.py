"""Batches made ahead are the same batches, made before they are asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from colonnade.core.data.prefetch import ahead
from colonnade.core.training.deployment import Deployment
from colonnade.core.training.events import Step
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig


class Slow(Sequence[Any]):
    """Squares that take a while, and note when they were made."""

    def __init__(self, count: int, seconds: float = 0.0) -> None:
        self.count, self.seconds, self.made = count, seconds, list[int]()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        time.sleep(self.seconds)
        if index == 90:
            raise ValueError("the ninetieth is broken")
        self.made.append(index)
        return torch.full((2, 1), float(index**2))


def test_the_batches_are_the_same_in_the_same_order() -> None:
    for start in (0, 3):
        source = Slow(9)
        found = [float(ahead(source, 3)[index][0]) for index in range(start, 9)]
        assert found == [index**2 for index in range(start, 9)]


def test_the_next_ones_are_made_while_one_is_used() -> None:
    source = Slow(20)
    batches = ahead(source, 3)
    batches[0]
    deadline = time.monotonic() + 10
    while len(source.made) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert source.made == [0, 1, 2, 3]  # and not the fifth


def test_an_index_out_of_order_is_answered_too() -> None:
    batches = ahead(Slow(20), 2)
    assert [float(batches[index][0]) for index in (0, 1, 7, 8, 2, 19, 0)] == [0, 1, 49, 64, 4, 361, 0]
    assert len(batches) == 20


def test_an_error_comes_out_where_its_batch_is_asked_for() -> None:
    batches = ahead(Slow(100), 4)
    assert float(batches[89][0]) == 89**2
    with pytest.raises(ValueError, match="ninetieth is broken"):
        batches[90]


def test_a_step_hardly_waits_for_batches_that_take_half_as_long_as_it() -> None:
    waited = {}
    for depth in (0, 2):
        model = nn.Linear(1, 1)

        def step(x: torch.Tensor, model: nn.Module = model) -> torch.Tensor:
            time.sleep(0.02)
            return model(x / 100).square().mean()

        events = fit(
            model, lambda epoch: Slow(12, 0.01), step,
            config=TrainingConfig(epochs=1, precision="fp32"), deployment=Deployment(prefetch=depth),
        )  # fmt: skip
        shares = [event.waited for event in events if isinstance(event, Step)]
        waited[depth] = sorted(shares)[len(shares) // 2]
    assert waited[2] < waited[0] / 3
