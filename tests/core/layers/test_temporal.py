"""A temporal block is the same block over a sequence and token by token."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.core.errors import ConfigError
from colonnade.core.layers.temporal import TemporalBlock


def a_block(*, window=5, rates=2, causal=True, seed=0):
    torch.manual_seed(seed)
    return TemporalBlock(8, 2, window=window, rates=rates, shortest=0.5, longest=500.0, causal=causal)


@settings(max_examples=20, deadline=None)
@given(
    gaps=st.lists(st.floats(0, 1e6), min_size=1, max_size=40),
    window=st.integers(1, 12),
    rates=st.sampled_from([0, 1, 4]),
)
@torch.no_grad()
def test_token_by_token_equals_at_once(gaps, window, rates):
    block = a_block(window=window, rates=rates).double()
    times = torch.tensor([gaps], dtype=torch.float64).cumsum(dim=1)
    gaps = times.diff(dim=1, prepend=times[:, :1])
    x = torch.randn(1, gaps.shape[1], 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    at_once, memory = block(x, times, torch.ones_like(times) > 0), block.start()
    for token in range(gaps.shape[1]):
        one, memory = block.step(x[:, [token]], times[:, [token]], gaps[:, [token]], memory)
        torch.testing.assert_close(one, at_once[:, [token]], rtol=0, atol=1e-10)
    assert memory.times.shape[1] == min(window - 1, gaps.shape[1]), "what left the window is not kept"


def test_what_cannot_look_back_is_refused():
    with pytest.raises(ConfigError, match="looks back only"):
        a_block(causal=False)
    block = a_block(rates=0, causal=False)
    with pytest.raises(ConfigError, match="causal=True"):
        block.step(torch.zeros(1, 1, 8), torch.zeros(1, 1), torch.zeros(1, 1), block.start())
