"""Attention in a window of the sequence, linear in its length, aware of time. Knows nothing of modalities.

Queries are cut into chunks; each chunk reads its own keys and as many neighbouring chunks as the window reaches, by
`scaled_dot_product_attention`. Exact, differentiable, exportable with a length that varies (FlexAttention has neither
a backward pass on the CPU nor a way to ONNX).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import ConfigError
from .chunks import chunked
from .positions import LogGapBias

CHUNK = 64  # tokens a chunk, at most: smaller wastes fewer scores outside the window, larger copies fewer keys


class WindowedAttention(nn.Module):
    """Token i reads the `window` tokens up to and with itself; without `causal`, as many on the other side too."""

    def __init__(
        self, width: int, heads: int, *, window: int, shortest: float, longest: float, causal: bool = True
    ) -> None:
        super().__init__()
        if width % heads or window < 1:
            raise ConfigError(f"width ({width}) must be a multiple of heads ({heads}), and window ({window}) positive")
        self.heads, self.window, self.causal = heads, window, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.bias = LogGapBias(heads, shortest=shortest, longest=longest, future=not causal)

    def forward(
        self,
        x: Float[Tensor, "batch token width"],
        times: Float[Tensor, "batch token"],
        mask: Bool[Tensor, "batch token"],
    ) -> Float[Tensor, "batch token width"]:
        q, k, v = self._heads(x)
        read = windowed_attention(
            q, k, v, times=times, mask=mask, bias=self.bias, window=self.window, causal=self.causal
        )
        return self.out(rearrange(read, "b h t d -> b t (h d)"))

    def step(
        self,
        x: Float[Tensor, "batch 1 width"],
        time: Float[Tensor, "batch 1"],
        keys: Float[Tensor, "batch head past depth"],
        values: Float[Tensor, "batch head past depth"],
        times: Float[Tensor, "batch past"],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The newest token reads what is kept of the past; returns it with the keys, values and times to keep."""
        q, k, v = self._heads(x)
        keys, values = torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)
        times = torch.cat([times, time], dim=1)
        bias = self.bias(time[:, :, None] - times[:, None, :]).to(q.dtype)
        read = F.scaled_dot_product_attention(q, keys, values, attn_mask=bias)
        out = self.out(rearrange(read, "b h t d -> b t (h d)"))
        first = max(times.shape[1] - (self.window - 1), 0)
        return out, keys[:, :, first:], values[:, :, first:], times[:, first:]

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = rearrange(self.qkv(x), "b t (three h d) -> three b h t d", three=3, h=self.heads)
        return q, k, v


def windowed_attention(
    q: Float[Tensor, "batch head token depth"],
    k: Float[Tensor, "batch head token depth"],
    v: Float[Tensor, "batch head token depth"],
    *,
    times: Float[Tensor, "batch token"],
    mask: Bool[Tensor, "batch token"],
    bias: LogGapBias,
    window: int,
    causal: bool = True,
) -> Float[Tensor, "batch head token depth"]:
    """softmax(q k / sqrt(depth) + bias(gap)) v over the real tokens of the window.

    A token may always read itself, so that padding is finite; `times` must be finite in padding too.
    """
    tokens, size = q.shape[2], min(CHUNK, max(window, 8))
    before = -(-(window - 1) // size)
    after = 0 if causal else before
    own, _ = chunked(tokens, size, device=q.device)
    around, exists = chunked(tokens, size, before=before, after=after, device=q.device)
    back = _steps_back(size, around.shape[1], before, device=q.device)
    near = (back < window) & (back >= 0 if causal else back > -window)
    seen = (mask[:, around] & exists)[:, :, None, :] & near | (back == 0)
    added = bias(times[:, own][:, :, :, None] - times[:, around][:, :, None, :]).to(q.dtype)
    added = torch.where(seen[:, :, None], added, torch.finfo(q.dtype).min)
    read = F.scaled_dot_product_attention(
        rearrange(q[:, :, own], "b h n c d -> (b n) h c d"),
        rearrange(k[:, :, around], "b h n c d -> (b n) h c d"),
        rearrange(v[:, :, around], "b h n c d -> (b n) h c d"),
        attn_mask=rearrange(added, "b n h c k -> (b n) h c k"),
    )
    read = rearrange(read, "(b n) h c d -> b h (n c) d", n=own.shape[0])
    return read.index_select(2, torch.arange(tokens, device=q.device))  # a slice's strides would pin the length


def _steps_back(size: int, reach: int, before: int, *, device: torch.device) -> Int[Tensor, "size reach"]:
    """How many tokens each of a chunk's queries must go back to each of the keys around it."""
    query = torch.arange(size, device=device)[:, None]
    return query + before * size - torch.arange(reach, device=device)
