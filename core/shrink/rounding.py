"""Numbers of eight bits while a network learns: weights by channel, activations at marked points, then for good.

A network marks with `Point` where its activations may be rounded and builds its layers with `Conv` and `Dense`. They
start out exact. `watch` lets points learn their ranges, `rehearse` rounds in training (straight-through gradients:
Bengio et al. 2013; ranges and scales after Jacob et al. 2018, arXiv:1712.05877), `settle` stores integers and emits
explicit quantise-dequantise pairs, which ONNX Runtime, OpenVINO and TensorRT run in int8. It knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError

Mode = Literal["exact", "watch", "rehearse", "settled"]
HIGH, LOW = 127, -127  # of a weight: symmetric, so that its zero is exact
TOP = 255  # of an activation
SLOW = 0.95  # how much of its range a point keeps from step to step
LARGEST = 2**31 - 1


@final
class Point(nn.Module):
    """Where activations become whole numbers of 0 to 255 times a step; the identity until it has watched."""

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.mode: Mode = "exact"
        self.fixed = (1.0, 0)  # step and zero once settled: plain numbers, which a graph can hold
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    @property
    def step(self) -> float:
        return max(float(self.high - self.low), 1e-6) / TOP

    @property
    def zero(self) -> int:
        return min(max(round(-float(self.low) / self.step), 0), TOP)

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "exact":
            return x
        if self.mode == "settled":
            return _explicit(x, *self.fixed)
        if self.training or self.mode == "watch":
            self._learn(x.detach())
        if self.mode == "watch":
            return x
        return torch.fake_quantize_per_tensor_affine(x, self.step, self.zero, 0, TOP)

    def _learn(self, x: Tensor) -> None:
        low, high = x.amin().clamp(max=0.0), x.amax().clamp(min=0.0)  # zero is always a whole step
        if self.high == self.low:
            self.low.copy_(low)
            self.high.copy_(high)
        elif self.mode == "watch":
            self.low.copy_(torch.minimum(self.low, low))
            self.high.copy_(torch.maximum(self.high, high))
        else:
            self.low.mul_(SLOW).add_(low, alpha=1 - SLOW)
            self.high.mul_(SLOW).add_(high, alpha=1 - SLOW)


class _Weighted(nn.Module):
    """A layer with a weight that can be rounded; `source` is the point whose numbers it reads."""

    weight: Tensor
    bias: Tensor | None

    def start(self) -> None:
        self.mode: Mode = "exact"
        self.source: list[Point] = []  # in a list: the point belongs to the network, not to this layer

    def after(self, point: Point) -> _Weighted:
        """Say which point comes before; the bias is rounded by its step."""
        self.source = [point]
        return self

    def scales(self) -> Tensor:
        """One step for each output channel."""
        return self.weight.detach().flatten(1).abs().amax(dim=1).clamp(min=1e-8) / HIGH

    def parts(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias as this mode computes with them."""
        if self.mode == "rehearse":
            zeros = torch.zeros(len(self.weight), dtype=torch.int32)
            weight = torch.fake_quantize_per_channel_affine(self.weight, self.scales(), zeros, 0, LOW, HIGH)
            return weight, self.bias
        if self.mode != "settled":
            return self.weight, self.bias
        return _weights(self)

    def settle(self) -> None:
        """Integers in place of the weight, as buffers; nothing can be trained afterwards."""
        if not self.source:
            raise ConfigError("a layer does not know the point before it: say so with `after`")
        scales = self.scales()
        step = self.source[0].step
        whole = torch.round(self.weight.detach() / scales.view(-1, *[1] * (self.weight.ndim - 1))).clamp(LOW, HIGH)
        bias = torch.zeros(len(scales)) if self.bias is None else self.bias.detach()
        self.register_buffer("whole", whole.to(torch.int8))
        self.register_buffer("steps", scales.clone())
        self.register_buffer("zeros", torch.zeros(len(scales), dtype=torch.int64))
        limit = bias.double() / (scales.double() * step)
        self.register_buffer("offset", limit.round().clamp(-LARGEST, LARGEST).to(torch.int32))
        self.register_buffer("offset_steps", scales * step)
        del self.weight, self.bias
        self.mode = "settled"


@final
class Conv(_Weighted):
    """A 2-D convolution `[batch, channel, height, width]`; padded so that stride 1 keeps the size."""

    def __init__(self, inward: int, outward: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        made = nn.Conv2d(inward, outward, kernel, groups=groups)
        self.weight, self.bias = made.weight, made.bias
        self.stride, self.padding, self.groups = stride, kernel // 2, groups
        self.start()

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.parts()
        return F.conv2d(x, weight, bias, stride=self.stride, padding=self.padding, groups=self.groups)


@final
class Dense(_Weighted):
    """A linear layer `[batch, feature]`."""

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__()
        made = nn.Linear(inward, outward)
        self.weight, self.bias = made.weight, made.bias
        self.start()

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.parts()
        return F.linear(x, weight, bias)


@final
class Kept(nn.Module):
    """A picture that belongs to the network: numbers of at least 0, kept in eight bits once settled."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)
        self.step = 0.0

    def forward(self) -> Tensor:
        if not self.step:
            return self.value
        return _ops().dequantize_per_tensor(self.value, self.step, 0, 0, TOP, torch.uint8)

    def settle(self) -> None:
        self.step = max(float(self.value.max()), 1e-6) / TOP
        self.value = (self.value / self.step).round().clamp(0, TOP).to(torch.uint8)


def rehearse(model: nn.Module) -> None:
    """From here on everything is rounded as it will be, and gradients pass as if it were not."""
    _set(model, "rehearse", points=True, weights=True)


def settle(model: nn.Module) -> None:
    """Store integers; the graph that is exported from here on has explicit quantise-dequantise pairs.

    Raises:
        ConfigError: a point has never seen a number, or a layer does not know the point before it.
    """
    for name, point in _points(model):
        if point.high == point.low:
            raise ConfigError(f"the point {name} has seen no number: watch some batches before settling")
        point.fixed, point.mode = (point.step, point.zero), "settled"
    for module in model.modules():
        if isinstance(module, _Weighted | Kept):
            module.settle()


@contextmanager
def watching(model: nn.Module) -> Iterator[None]:
    """Points learn the ranges of what passes; nothing is rounded meanwhile."""
    _set(model, "watch", points=True, weights=False)
    try:
        yield
    finally:
        _set(model, "exact", points=True, weights=False)


def _set(model: nn.Module, mode: Mode, *, points: bool, weights: bool) -> None:
    for module in model.modules():
        if (isinstance(module, Point) and points) or (isinstance(module, _Weighted) and weights):
            module.mode = mode


def _points(model: nn.Module) -> Iterator[tuple[str, Point]]:
    return ((name, module) for name, module in model.named_modules() if isinstance(module, Point))


def _explicit(x: Tensor, step: float, zero: int) -> Tensor:
    ops = _ops()
    whole = ops.quantize_per_tensor(x, step, zero, 0, TOP, torch.uint8)
    return ops.dequantize_per_tensor(whole, step, zero, 0, TOP, torch.uint8)


def _weights(layer: _Weighted) -> tuple[Tensor, Tensor]:
    ops = _ops()
    weight = ops.dequantize_per_channel(layer.whole, layer.steps, layer.zeros, 0, -128, 127, torch.int8)
    bias = ops.dequantize_per_channel(
        layer.offset, layer.offset_steps, layer.zeros, 0, -LARGEST - 1, LARGEST, torch.int32
    )
    return weight, bias


def _ops() -> Any:
    """Torch's own words for quantise and dequantise; importing them registers them."""
    import torch.ao.quantization.fx._decomposed

    return torch.ops.quantized_decomposed
