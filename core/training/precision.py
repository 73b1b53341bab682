"""Which numbers a training step computes in: bfloat16 where the processor has it and the model gains from it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

Precision = Literal["auto", "bf16", "fp32"]
LARGE = 1_000_000


def resolve(precision: Precision, model: nn.Module) -> Literal["bf16", "fp32"]:
    """`auto` decided by the processor and the model alone, so that two runs decide alike.

    On a CPU the casts of a small model cost more than its products save (attention blocks, forward and backward:
    0.9 times the speed at 0.2 million parameters, 1.4 times at 3 million, 1.8 times at 13 million); 3-D convolutions
    gain at any size.
    """
    if precision != "auto":
        return precision
    large = sum(parameter.numel() for parameter in model.parameters()) >= LARGE
    gains = large or any(isinstance(module, nn.Conv3d) for module in model.modules())
    return "bf16" if gains and supported(device_of(model)) else "fp32"


def supported(device: torch.device) -> bool:
    """Whether the device computes bfloat16 natively."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    # Private, and so asked for gently: a torch without them answers no.
    asked = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(bool(ask()) for ask in asked if ask is not None)


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
