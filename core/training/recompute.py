"""Gradient checkpointing: blocks forget their inner activations and compute them again in the backward pass.

O(sqrt n) memory for n layers at about a quarter more time (Chen et al., Training deep nets with sublinear memory cost,
2016). It wraps `forward` for as long as training runs; names and tensors of the model stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from ..layers.attention import Block


@contextmanager
def recomputing(model: nn.Module, kinds: tuple[type[nn.Module], ...] = (Block,)) -> Iterator[int]:
    """Every module of these kinds recomputes its activations inside the `with`; gives how many there are."""
    blocks = [module for module in model.modules() if isinstance(module, kinds)]
    for block in blocks:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    try:
        yield len(blocks)
    finally:
        for block in blocks:
            del block.forward
