"""Numbers made ready for a network: standardised, then spread over periodic or piecewise-linear features.

One scalar through one linear layer bends once at most; both spreads let a small network find thresholds and bumps
(Gorishniy et al. 2022, "On embeddings for numerical features in tabular deep learning").
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ConfigError

FAR = 10.0  # standard deviations: beyond, a number says no more than that it is far out


class Standard(nn.Module):
    """(x - mean) / scale by column, kept within `FAR`; mean 0 and scale 1 until `use` sets them."""

    mean: Tensor
    scale: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("scale", torch.ones(columns))

    def use(self, mean: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> None:
        """Take over statistics, one a column.

        Raises:
            ConfigError: another number of columns, or a scale that is not positive and finite.
        """
        if np.shape(mean) != tuple(self.mean.shape) or np.shape(scale) != tuple(self.scale.shape):
            raise ConfigError(f"statistics of {np.size(mean)} columns do not fit {len(self.mean)} columns")
        if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (np.asarray(scale) > 0).all()):
            raise ConfigError("statistics need finite means and finite scales above zero")
        self.mean.copy_(torch.as_tensor(mean))
        self.scale.copy_(torch.as_tensor(scale))

    def forward(self, x: Float[Tensor, "*rows column"]) -> Float[Tensor, "*rows column"]:
        return ((x - self.mean) / self.scale).clamp(-FAR, FAR)


class Periodic(nn.Module):
    """The number itself, and sines and cosines of it at learned frequencies: `2 * frequencies + 1` features."""

    def __init__(self, columns: int, frequencies: int, *, spread: float = 0.3) -> None:
        super().__init__()
        self.features = 2 * frequencies + 1
        self.frequency = nn.Parameter(torch.empty(columns, frequencies).normal_(std=spread))

    def forward(self, x: Float[Tensor, "*rows column"]) -> Float[Tensor, "*rows column feature"]:
        angles = 2 * math.pi * x[..., None] * self.frequency
        return torch.cat([x[..., None], angles.sin(), angles.cos()], dim=-1)


class PiecewiseLinear(nn.Module):
    """How far the number has come through each of `bins` bins: 0 below, 1 above, the ends open.

    The edges are quantiles, in standardised units; where two fall together the bin is a step.
    """

    edges: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, columns: int, bins: int) -> None:
        super().__init__()
        self.features = bins
        self.register_buffer("edges", torch.linspace(-2, 2, bins + 1).repeat(columns, 1))
        first, last = torch.arange(bins) == 0, torch.arange(bins) == bins - 1
        self.register_buffer("low", torch.where(first, -FAR, 0.0), persistent=False)
        self.register_buffer("high", torch.where(last, FAR, 1.0), persistent=False)

    def use(self, edges: npt.NDArray[np.float64]) -> None:
        """Take over edges `[column, bins + 1]`, not decreasing."""
        if np.shape(edges) != tuple(self.edges.shape) or (np.diff(edges, axis=1) < 0).any():
            raise ConfigError(f"edges must be {tuple(self.edges.shape)} and not decrease, got {np.shape(edges)}")
        self.edges.copy_(torch.as_tensor(edges))

    def forward(self, x: Float[Tensor, "*rows column"]) -> Float[Tensor, "*rows column feature"]:
        left, right = self.edges[:, :-1], self.edges[:, 1:]
        step = (x[..., None] > left).to(x.dtype)
        wide = right > left
        come = (x[..., None] - left) / torch.where(wide, right - left, torch.ones_like(left))
        come = torch.minimum(torch.maximum(come, self.low.to(x.dtype)), self.high.to(x.dtype))
        return torch.where(wide, come, step)


class PerColumn(nn.Module):
    """A linear layer for each column: its features to a token of `width`; the bias is the column's name."""

    def __init__(self, columns: int, features: int, width: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(features)
        self.weight = nn.Parameter(torch.empty(columns, features, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(columns, width).normal_(std=0.1))

    def forward(self, x: Float[Tensor, "*rows column feature"]) -> Float[Tensor, "*rows column width"]:
        return torch.einsum("...cf,cfw->...cw", x, self.weight) + self.bias
