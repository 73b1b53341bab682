"""From single modalities to joint."""

from __future__ import annotations

import pytest
import torch

from colonnade.core.data.missing import ModalityDropout
from colonnade.core.errors import ConfigError
from colonnade.core.random import torch_generator
from colonnade.core.training.curriculum import Curriculum, Presence


def test_the_share_of_single_rows_falls_in_equal_steps() -> None:
    curriculum = Curriculum(alone=2, ramp=3)
    assert [curriculum.share(epoch) for epoch in range(7)] == [1, 1, 0.75, 0.5, 0.25, 0, 0]
    assert Curriculum().share(0) == 0
    with pytest.raises(ConfigError, match="from 0"):
        Curriculum(alone=-1)


def test_rows_are_single_at_first_and_dropped_at_the_rate_at_last() -> None:
    presence = Presence(ModalityDropout(("a", "b", "c"), rate=0.2), Curriculum(alone=1, ramp=1))
    full = torch.ones(8000, 3, dtype=torch.bool)
    draws = [presence.draw(full, epoch, torch_generator(epoch, "test")) for epoch in range(3)]
    assert (draws[0].sum(dim=1) == 1).all()
    missing = [float((~draw).double().mean()) for draw in draws]
    assert missing == pytest.approx([2 / 3, (2 / 3 + 0.2) / 2, 0.2], abs=0.015)
    assert draws[2].any(dim=1).all()
