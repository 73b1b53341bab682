"""Which precision `auto` becomes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from colonnade.core.training import precision


@pytest.fixture
def large() -> nn.Module:
    return nn.Linear(1000, 1000)


def test_auto_is_bf16_only_where_the_processor_has_it_and_the_model_gains(large, monkeypatch) -> None:
    monkeypatch.setattr(precision, "supported", lambda device: True)
    assert precision.resolve("auto", large) == "bf16"
    assert precision.resolve("auto", nn.Linear(4, 4)) == "fp32"
    assert precision.resolve("auto", nn.Conv3d(1, 2, 3)) == "bf16"
    monkeypatch.setattr(precision, "supported", lambda device: False)
    assert precision.resolve("auto", large) == "fp32"


def test_what_is_asked_for_is_done(large) -> None:
    assert precision.resolve("fp32", large) == "fp32"
    assert precision.resolve("bf16", nn.Linear(4, 4)) == "bf16"


def test_a_torch_without_the_questions_answers_no(monkeypatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert not precision.supported(torch.device("cpu"))
