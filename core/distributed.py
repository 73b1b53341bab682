"""What training and alignment need from `torch.distributed`; where it is not initialised, the only rank is 0.

Gradients are averaged after the backward pass rather than by DDP's hooks: a modality that is missing on one rank
leaves parameters without a gradient there, which DDP waits for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def rank() -> int:
    return dist.get_rank() if _many() else 0


def ranks() -> int:
    return dist.get_world_size() if _many() else 1


def gather(x: Tensor) -> Tensor:
    """The rows of all ranks `[ranks * batch, ...]`, in order, with gradients to each; every rank gives as many."""
    if not _many():
        return x
    return _Gather.apply(x) if x.dtype.is_floating_point else _gathered(x)


def mean(value: float) -> float:
    """The mean of a number over ranks."""
    if not _many():
        return value
    total = torch.tensor(value, dtype=torch.float64, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(total)
    return float(total / ranks())


def share(model: nn.Module) -> None:
    """Every rank starts from the tensors of rank 0."""
    if _many():
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """The mean of the gradients over ranks, in one message; no gradient counts as zero if any rank has one."""
    moving = [parameter for parameter in parameters if parameter.requires_grad]
    if not _many() or not moving:
        return
    had = torch.tensor([parameter.grad is not None for parameter in moving], dtype=torch.int32)
    had = had.to(moving[0].device)
    dist.all_reduce(had)
    used = [parameter for parameter, count in zip(moving, had.tolist(), strict=True) if count]
    if not used:
        return
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in used])
    dist.all_reduce(flat)
    for parameter, grad in zip(used, flat.div_(ranks()).split([p.numel() for p in used]), strict=True):
        parameter.grad = grad.view_as(parameter)


class _Gather(torch.autograd.Function):
    """all_gather whose backward sums what every rank asks of a row; written out because gloo has no reduce_scatter."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.rows = len(x)
        return _gathered(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        grad = grads[0].contiguous()
        dist.all_reduce(grad)
        start = rank() * ctx.rows
        return grad[start : start + ctx.rows]


def _gathered(x: Tensor) -> Tensor:
    parts = [torch.empty_like(x) for _ in range(ranks())]
    dist.all_gather(parts, x.contiguous())
    return torch.cat(parts)


def _many() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
