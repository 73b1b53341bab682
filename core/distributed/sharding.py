"""A model in shards (FSDP2): each rank keeps its part of weights, gradients and moments, and meets the rest as it runs.

The model is put back to what it was at the end: same modules, same parameters, whole again on every rank. The step must
call the model (or its parts that are of `units`) as a function, since that is when its weights are gathered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..layers.attention import Block
from .exchange import met
from .ranks import many

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_state_dict_hooks", "_state_dict_pre_hooks",
          "_load_state_dict_pre_hooks", "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs")  # fmt: skip


@dataclass
class Touched:
    """Which parameters move, and which of them this step's loss depends on, by name."""

    names: list[str]
    seen: set[str] = field(default_factory=set)
    moving: set[str] = field(default_factory=set)

    def follow(self, model: nn.Module) -> None:
        """Before a step: see which parameters move now; the whole ones do what the shards are told."""
        self.moving = {name for name, parameter in model.named_parameters() if parameter.requires_grad}

    def rest(self, model: nn.Module) -> None:
        """Back to shards, after a forward pass that had no backward one."""
        from torch.distributed.fsdp import FSDPModule

        for module in model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()


@contextmanager
def sharded(model: nn.Module, units: tuple[type[nn.Module], ...] = (Block,)) -> Iterator[Touched]:
    """Inside, the parameters are shards over all ranks; afterwards the same parameters hold the whole again.

    If what is done inside fails, they are left empty. Every rank runs every unit in every step, in the same order; a
    parameter that one rank's loss does not need counts as a zero gradient there.
    """
    from torch.distributed.fsdp import fully_shard

    assert many(), "a single process has nobody to share with"
    before = [(module, type(module), _copied(module)) for module in model.modules()]
    originals = dict(model.named_parameters())
    scalars = {parameter for parameter in originals.values() if parameter.ndim == 0}  # which cannot be cut
    mesh = dist.init_device_mesh(next(model.parameters()).device.type, (dist.get_world_size(),))
    for module in [each for each in model.modules() if isinstance(each, units) and each is not model]:
        fully_shard(module, mesh=mesh, ignored_params=scalars)
    fully_shard(model, mesh=mesh, ignored_params=scalars)
    for parameter in set(originals.values()) - scalars:  # their numbers live in the shards now
        parameter.data = parameter.data.new_empty(0)
    touched = Touched(list(originals))
    _every_gradient(model, touched)
    whole: dict[str, Tensor] = {}
    try:
        yield touched
        touched.rest(model)
        whole = {name: full(value).detach() for name, value in model.named_parameters()}
    finally:  # after an error nobody asks the others for their shards: they may never answer
        for module, kind, content in before:
            module.__class__ = kind
            module.__dict__.clear()
            module.__dict__.update(content)
        for name, parameter in originals.items():
            parameter.data, parameter.grad = whole.get(name, parameter.data), None


def full(tensor: Tensor) -> Tensor:
    """The whole of a tensor that may be a shard; all ranks ask together."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def settle(model: nn.Module, touched: Touched, told: dict[str, float]) -> dict[str, float]:
    """After the backward pass: what no rank's loss depends on has no gradient; gives the mean of the losses."""
    now = dict(model.named_parameters())
    scalars = [name for name in touched.names if now[name].ndim == 0]
    touched.seen |= {name for name in scalars if now[name].grad is not None}
    used, losses = met([name in touched.seen for name in touched.names], told)
    for name, any_rank in zip(touched.names, used, strict=True):
        if not any_rank:
            now[name].grad = None
        elif name in scalars:
            grad = now[name].grad
            grad = torch.zeros_like(now[name]) if grad is None else grad
            dist.all_reduce(grad)
            now[name].grad = grad.div_(dist.get_world_size())
    touched.seen.clear()
    return losses


def _copied(module: nn.Module) -> dict[str, Any]:
    content = dict(module.__dict__)
    for key in ("_parameters", "_buffers", "_modules", *_HOOKS):
        if key in content:
            content[key] = content[key].copy()
    return content


def _every_gradient(model: nn.Module, touched: Touched) -> None:
    """Each unit starts its forward pass with zero gradients: ranks reduce all or none, whatever their loss needs."""
    watched: set[int] = set()

    def watch(name: str, parameter: Tensor) -> None:
        if id(parameter) not in watched:
            watched.add(id(parameter))
            parameter.register_hook(lambda grad: touched.seen.add(name))

    def prepare(prefix: str) -> Any:
        def hook(module: nn.Module, *_: Any) -> None:
            for name, parameter in module.named_parameters():
                if torch.is_grad_enabled() and not hasattr(parameter, "full_tensor"):
                    parameter.requires_grad_(prefix + name in touched.moving)
                    if not parameter.requires_grad:
                        continue
                    watch(prefix + name, parameter)
                    if parameter.grad is None:
                        parameter.grad = torch.zeros_like(parameter)

        return hook

    for name, module in model.named_modules():
        if hasattr(module, "unshard"):
            module.register_forward_pre_hook(prepare(f"{name}." if name else ""))
