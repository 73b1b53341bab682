"""The decaying state is its definition, whole or step by step, and never overflows."""

import pytest
import torch

from colonnade.core.errors import ConfigError
from colonnade.core.layers.decay import CHUNK, DecayingState, decayed_sums


def drawn(tokens, *, rates=2, depth=3, gap=5.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    written = torch.randn(2, rates, tokens, depth, generator=generator, dtype=torch.float64)
    times = torch.rand(2, tokens, generator=generator, dtype=torch.float64).mul(gap).cumsum(1)
    mask = torch.rand(2, tokens, generator=generator) < 0.8
    return written, times, mask, torch.linspace(0.01, 2.0, rates, dtype=torch.float64)


def slowly(written, times, mask, rates):
    held = torch.zeros_like(written)
    for b, r in ((b, r) for b in range(written.shape[0]) for r in range(written.shape[1])):
        for i in range(written.shape[2]):
            for j in range(i + 1):
                if mask[b, j]:
                    held[b, r, i] += torch.exp(-rates[r] * (times[b, i] - times[b, j])) * written[b, r, j]
    return held


@pytest.mark.parametrize("tokens", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
def test_it_equals_the_sum_that_defines_it(tokens):
    given = drawn(tokens)
    torch.testing.assert_close(decayed_sums(*given), slowly(*given), rtol=0, atol=1e-12)


def test_its_gradient_is_the_numerical_one():
    written, times, mask, rates = drawn(CHUNK + 2, rates=1, depth=1)
    assert torch.autograd.gradcheck(
        lambda written, rates: decayed_sums(written, times, mask, rates),
        (written.requires_grad_(), rates.requires_grad_()),
    )


def test_long_gaps_and_long_sequences_do_not_overflow():
    written, times, mask, _ = drawn(5 * CHUNK, gap=1e9)
    rates = torch.tensor([1e-12, 1e3], dtype=torch.float64, requires_grad=True)
    held = decayed_sums(written, times, mask, rates)
    held.sum().backward()
    assert held.isfinite().all()
    assert rates.grad.isfinite().all()
    torch.testing.assert_close(held[:, 1][mask], written[:, 1][mask])  # the fast one has forgotten all but the newest


def test_whole_empty_chunks_between_real_ones_change_nothing():
    written, times, mask, rates = drawn(4 * CHUNK)
    mask[:, CHUNK : 3 * CHUNK] = False
    torch.testing.assert_close(
        decayed_sums(written, times, mask, rates), slowly(written, times, mask, rates), rtol=0, atol=1e-12
    )


def test_step_by_step_equals_at_once():
    torch.manual_seed(0)
    state = DecayingState(8, 4, shortest=0.5, longest=100.0).double()
    times = torch.rand(2, 2 * CHUNK + 3, dtype=torch.float64).mul(9).cumsum(1)
    x = torch.randn(*times.shape, 8, dtype=torch.float64)
    at_once = state(x, times, torch.ones_like(times) > 0)
    held = torch.zeros(2, 4, 1, 3, dtype=torch.float64)
    for token in range(times.shape[1]):
        gap = times[:, [token]] - times[:, [max(token - 1, 0)]]
        answer, held = state.step(x[:, [token]], gap, held)
        torch.testing.assert_close(answer, at_once[:, [token]], rtol=0, atol=1e-12)


def test_a_width_that_the_rates_cannot_share_is_refused():
    with pytest.raises(ConfigError, match="multiple of rates"):
        DecayingState(8, 3, shortest=1.0, longest=2.0)
