"""Channels that matter least are taken out for good: narrower layers, not zeros in wide ones.

A `Chain` is a layer that makes channels, those that pass them on one by one (norms, depthwise convolutions), and the
layer that reads them. A network tells its chains; those of the core's perceptrons are known. How much a channel matters
is the product of the lengths of the weights that make it and that read it, by layer (after Li et al. 2017,
arXiv:1608.08710, and Liu et al. 2017, arXiv:1708.06519, whose scale of the norm is part of the first).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..errors import ConfigError, InputError
from ..layers.attention import Mlp

MULTIPLE = 8  # engines compute channels in eights


@dataclass(frozen=True)
class Chain:
    """`make` writes channels, `passed` hands each on by itself, `read` takes them in."""

    make: nn.Module
    read: nn.Module
    passed: Sequence[nn.Module] = field(default_factory=tuple)


@runtime_checkable
class Chained(Protocol):
    """A module that knows its own chains."""

    def chains(self) -> Iterator[Chain]: ...


def chains_of(model: nn.Module) -> list[Chain]:
    """Every chain that a module inside tells, and the hidden channels of every perceptron."""
    found: list[Chain] = []
    for module in model.modules():
        if isinstance(module, Mlp):
            found.append(Chain(module.up, module.down))
        elif isinstance(module, Chained) and module is not model:
            found.extend(module.chains())
    return found


def prune(model: nn.Module, share: float) -> int:
    """Take out that share of the channels of each chain, the least important, and say how many are gone.

    Raises:
        InputError: the share is not within 0 and 1, or the model has no chain.
    """
    if not 0 < share < 1:
        raise InputError(f"the share of channels to take out lies between 0 and 1, got {share}")
    chains = chains_of(model)
    if not chains:
        raise InputError("this network has no channels that can be taken out: it tells no chains and has no perceptron")
    gone = 0
    for chain in chains:
        matters = importance(chain)
        kept = max(MULTIPLE, MULTIPLE * round((1 - share) * len(matters) / MULTIPLE))
        if kept < len(matters):
            keep(chain, matters.topk(kept).indices.sort().values)
            gone += len(matters) - kept
    return gone


def importance(chain: Chain) -> Tensor:
    """`[channel]`: how much the reader gets through each."""
    written = _tensor(chain.make).detach().flatten(1).norm(dim=1)
    for module in chain.passed:
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            written = module.weight.detach().abs()  # what was before it is divided out again
        else:
            written = written * _tensor(module).detach().flatten(1).norm(dim=1)
    read = _tensor(chain.read).detach()
    return written * read.transpose(0, 1).flatten(1).norm(dim=1)


@torch.no_grad()
def keep(chain: Chain, channels: Tensor) -> None:
    """Narrow every layer of the chain to these channels."""
    _narrow(chain.make, "weight", channels, axis=0)
    _narrow(chain.make, "bias", channels, axis=0)
    for module in chain.passed:
        for name in ("weight", "bias", "running_mean", "running_var"):
            _narrow(module, name, channels, axis=0)
        for name in ("num_features", "groups", "in_channels", "out_channels"):
            if hasattr(module, name):
                setattr(module, name, len(channels))
    _narrow(chain.read, "weight", channels, axis=1)
    for module, names in ((chain.make, ("out_channels", "out_features")), (chain.read, ("in_channels", "in_features"))):
        for name in names:
            if hasattr(module, name):
                setattr(module, name, len(channels))


def _narrow(module: nn.Module, name: str, channels: Tensor, *, axis: int) -> None:
    value = getattr(module, name, None)
    if not isinstance(value, Tensor):
        return
    narrow = value.detach().index_select(axis, channels).clone()
    setattr(module, name, nn.Parameter(narrow) if isinstance(value, nn.Parameter) else narrow)


def _tensor(module: nn.Module) -> Tensor:
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor):
        raise ConfigError(f"{type(module).__name__} has no weight: it cannot stand in a chain")
    return weight
