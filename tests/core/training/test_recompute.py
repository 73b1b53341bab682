"""Gradient checkpointing: less kept, the same gradients, nothing left behind."""

from __future__ import annotations

import torch
from torch import nn

from colonnade.core.layers.attention import Block
from colonnade.core.training.recompute import recomputing


def kept_bytes(model: nn.Module, x: torch.Tensor, mask: torch.Tensor) -> int:
    kept = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        for block in model:
            x = block(x, mask)
    x.square().mean().backward()
    return kept


def test_blocks_keep_only_their_inputs_and_give_the_same_gradients() -> None:
    torch.manual_seed(0)
    model = nn.ModuleList([Block(16, 2, dropout=0.1) for _ in range(4)])
    x, mask = torch.randn(3, 20, 16), torch.ones(3, 20, dtype=torch.bool)
    names = list(model.state_dict())
    torch.manual_seed(1)
    plain = kept_bytes(model, x, mask)
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    torch.manual_seed(1)
    with recomputing(model) as blocks:
        assert list(model.state_dict()) == names
        less = kept_bytes(model, x, mask)
    assert blocks == 4
    assert less < plain / 5
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert all("forward" not in vars(block) for block in model)
