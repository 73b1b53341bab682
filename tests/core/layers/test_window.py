"""Chunked windowed attention is the dense one, in float64, for any length, window and padding."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.core.errors import ConfigError
from colonnade.core.layers.positions import LogGapBias
from colonnade.core.layers.window import CHUNK, WindowedAttention, windowed_attention


def a_bias(heads=2, *, causal=True):
    bias = LogGapBias(heads, shortest=0.5, longest=50.0, future=not causal).double()
    with torch.no_grad():
        bias.slope.copy_(torch.linspace(-1, 2, bias.slope.numel()).view_as(bias.slope))
    return bias


def drawn(tokens, *, batch=2, heads=2, depth=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    q, k, v = torch.randn(3, batch, heads, tokens, depth, generator=generator, dtype=torch.float64)
    times = torch.rand(batch, tokens, generator=generator, dtype=torch.float64).mul(9).cumsum(1)
    return q, k, v, times, torch.rand(batch, tokens, generator=generator) < 0.8


def slowly(q, k, v, *, times, mask, bias, window, causal):
    """One query at a time, with nothing but the definition."""
    read = torch.zeros_like(q)
    slope = torch.nn.functional.softplus(bias.slope)
    for b, h, i in ((b, h, i) for b in range(q.shape[0]) for h in range(q.shape[1]) for i in range(q.shape[2])):
        last = i if causal else min(i + window - 1, q.shape[2] - 1)
        seen = [j for j in range(max(i - window + 1, 0), last + 1) if mask[b, j] or j == i]
        scores = []
        for j in seen:
            gap = times[b, i] - times[b, j]
            steep = slope[0 if causal or gap >= 0 else 1, h]
            score = q[b, h, i] @ k[b, h, j] / math.sqrt(q.shape[3])
            scores.append(score - steep * torch.log1p(gap.abs() / bias.log_tau[h].exp()))
        read[b, h, i] = torch.stack(scores).softmax(0) @ v[b, h, seen]
    return read


@settings(max_examples=25, deadline=None)
@given(tokens=st.integers(1, 40), window=st.integers(1, 45), causal=st.booleans(), seed=st.integers(0, 99))
def test_it_equals_the_dense_definition(tokens, window, causal, seed):
    q, k, v, times, mask = drawn(tokens, batch=1, seed=seed)
    bias = a_bias(causal=causal)
    given = {"times": times, "mask": mask, "bias": bias, "window": window, "causal": causal}
    with torch.no_grad():
        torch.testing.assert_close(windowed_attention(q, k, v, **given), slowly(q, k, v, **given), rtol=0, atol=1e-12)


@pytest.mark.parametrize("causal", [True, False])
def test_windows_wider_than_a_chunk_reach_over_several(causal):
    q, k, v, times, mask = drawn(3 * CHUNK + 7, batch=1, heads=1)
    given = {"times": times, "mask": mask, "bias": a_bias(1, causal=causal), "window": 2 * CHUNK + 3, "causal": causal}
    with torch.no_grad():
        torch.testing.assert_close(windowed_attention(q, k, v, **given), slowly(q, k, v, **given), rtol=0, atol=1e-12)


@pytest.mark.parametrize("causal", [True, False])
def test_its_gradient_is_the_numerical_one(causal):
    q, k, v, times, mask = drawn(11, batch=1, heads=2, depth=2)
    bias = a_bias(causal=causal)

    def attention(q, k, v, log_tau, slope):
        with torch.no_grad():
            fixed = {"times": times, "mask": mask, "window": 4, "causal": causal}
        return torch.func.functional_call(
            Wrapped(bias, fixed), {"bias.log_tau": log_tau, "bias.slope": slope}, (q, k, v)
        )

    inputs = (q, k, v, bias.log_tau.detach(), bias.slope.detach())
    assert torch.autograd.gradcheck(attention, tuple(each.clone().requires_grad_() for each in inputs))


class Wrapped(torch.nn.Module):
    """The attention as a module, so that the bias's parameters can be given from outside."""

    def __init__(self, bias, fixed):
        super().__init__()
        self.bias, self.fixed = bias, fixed

    def forward(self, q, k, v):
        return windowed_attention(q, k, v, bias=self.bias, **self.fixed)


def test_a_token_reads_its_window_and_nothing_else():
    q, k, v, times, mask = drawn(30, batch=1, heads=1)
    v.requires_grad_()
    read = windowed_attention(q, k, v, times=times, mask=torch.ones_like(mask), bias=a_bias(1), window=5)
    read[0, 0, 20].sum().backward()
    touched = v.grad[0, 0].abs().sum(dim=-1) > 0
    assert torch.nonzero(touched).flatten().tolist() == [16, 17, 18, 19, 20]


def test_gaps_of_centuries_give_finite_tokens_and_gradients():
    attention = WindowedAttention(8, 2, window=4, shortest=1.0, longest=1e6)
    times = torch.tensor([[0.0, 1e-9, 1e10, 1e10]], dtype=torch.float64)
    out = attention(torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0)), times, torch.ones(1, 4) > 0)
    out.sum().backward()
    assert out.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in attention.parameters())


@pytest.mark.parametrize(("width", "window"), [(7, 4), (8, 0)])
def test_a_shape_that_cannot_be_is_refused(width, window):
    with pytest.raises(ConfigError, match="width"):
        WindowedAttention(width, 2, window=window, shortest=1.0, longest=2.0)
