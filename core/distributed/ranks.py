"""What training and alignment need from `torch.distributed`; where it is not initialised, the only rank is 0."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@contextmanager
def joined() -> Iterator[None]:
    """Inside, this process is one of those that `torchrun` started; a process that it did not start is alone."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world < 2 or "RANK" not in os.environ or dist.is_initialized():
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=_store(), rank=int(os.environ["RANK"]), world_size=world)
    try:
        yield
        dist.barrier()  # no rank leaves while another still talks to it
    finally:
        dist.destroy_process_group()


def _store() -> dist.Store:
    """Where the ranks find each other, with a room of its own for each attempt.

    After a restart torchrun hands out the store of before, in which gloo finds the addresses of processes that are dead
    (seen in torch 2.13). Agents of several nodes count attempts apart; there TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 gives
    each attempt a store of its own.
    """
    world, host, port = int(os.environ["WORLD_SIZE"]), os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = dist.TCPStore(host, port, world, is_master=not agent and os.environ["RANK"] == "0")
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") if os.environ.get("GROUP_WORLD_SIZE") == "1" else "0"
    return dist.PrefixStore(f"attempt/{attempt}", store)


def rank() -> int:
    return dist.get_rank() if many() else 0


def ranks() -> int:
    return dist.get_world_size() if many() else 1


def many() -> bool:
    """Whether there is anyone to talk to."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def gather(x: Tensor) -> Tensor:
    """The rows of all ranks `[ranks * batch, ...]`, in order, with gradients to each; every rank gives as many."""
    if not many():
        return x
    return _Gather.apply(x) if x.dtype.is_floating_point else _gathered(x)


def mean(value: float) -> float:
    """The mean of a number over ranks."""
    if not many():
        return value
    total = torch.tensor(value, dtype=torch.float64, device=meeting_place())
    dist.all_reduce(total)
    return float(total / ranks())


def meeting_place() -> torch.device:
    """Where tensors lie that the ranks exchange, if they have no place of their own."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


def share(model: nn.Module) -> None:
    """Every rank starts from the tensors of rank 0."""
    if many():
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)


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
