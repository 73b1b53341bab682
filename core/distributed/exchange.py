"""The mean of gradients over ranks, as strategies behind one small interface; this one sends them as they are.

Gradients are exchanged after the backward pass rather than by DDP's hooks: a modality that is missing on one rank
leaves parameters without a gradient there, which DDP waits for. What a strategy could not say in its few bytes it owes,
and adds to the next gradient (error feedback; Seide et al. 2014, Karimireddy et al. 2019): at every moment

    sum of the means it gave + mean over ranks of what they owe = sum of the true means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .ranks import many, meeting_place, ranks

Group = dist.ProcessGroup | None


@dataclass
class Traffic:
    """Bytes that this rank has handed to the network: inside its node, and across nodes."""

    inside: int = 0
    across: int = 0


class Exchange(ABC):
    """One way to find the mean; `group` are those who take part (None: all ranks)."""

    def __init__(self, group: Group = None) -> None:
        self.group, self.traffic = group, Traffic()
        self.owed: dict[str, Tensor] = {}  # by parameter: what this rank has not handed on yet
        self.common: dict[str, Tensor] = {}  # what all ranks hold alike from step to step

    @property
    def seats(self) -> int:
        return dist.get_world_size(self.group) if many() else 1

    @property
    def seat(self) -> int:
        """Which of the seats is this rank's; negative for a rank that owes nothing of its own."""
        return dist.get_rank(self.group) if many() else 0

    @abstractmethod
    def mean(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The mean over ranks of each gradient; every rank names the same ones in the same order."""

    def kept(self) -> dict[str, Tensor]:
        """What a snapshot keeps: what this seat owes, under its number, and what all hold alike."""
        owed = {f"owed/{self.seat}of{self.seats}/{name}": value for name, value in self.owed.items()}
        return (owed if self.seat >= 0 else {}) | {f"common/{name}": value for name, value in self.common.items()}

    def restore(self, kept: Mapping[str, Tensor], device: torch.device) -> None:
        """Go on from a snapshot. With other seats than then, each takes the mean of what was owed: none is lost."""
        mine = f"owed/{self.seat}of{self.seats}/"
        for name, value in kept.items():
            if name.startswith("common/"):
                self.common[name.split("/", 1)[1]] = value.to(device)
            elif name.startswith(mine):
                self.owed[name.removeprefix(mine)] = value.to(device)
        if self.owed or self.seat < 0:
            return
        for name, value in kept.items():
            part, seat, rest = (*name.split("/", 2), "")[:3]
            if part == "owed":
                share = value.to(device) / int(seat.rsplit("of", 1)[1])
                self.owed[rest] = self.owed[rest] + share if rest in self.owed else share

    def _summed(self, flat: Tensor) -> Tensor:
        """The sum over the group, in place; counted as a ring sends it: 2 (n - 1) / n of its bytes from each rank."""
        if self.seats > 1:
            dist.all_reduce(flat, group=self.group)
        self.traffic.across += 2 * flat.numel() * flat.element_size() * (self.seats - 1) // self.seats
        return flat


class Plain(Exchange):
    """Every number in full, in one message; it owes nothing, and pays what another strategy owed."""

    def mean(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        whole = {name: grad + self.owed.pop(name, 0.0) for name, grad in gradients.items()}
        return split(self._summed(joined_flat(whole)).div_(self.seats), gradients)


def average(model: nn.Module, exchange: Exchange, told: Mapping[str, float]) -> dict[str, float]:
    """Put the mean of the gradients over ranks into the parameters; gives the mean of the losses `told`.

    No gradient counts as zero if any rank has one. Which have one travels with the losses, in one small message.
    """
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if not many() and not exchange.owed:
        return dict(told)
    had = [parameter.grad is not None for parameter in named.values()]
    had, losses = met(had, told) if many() else (had, dict(told))
    used = {name: parameter for (name, parameter), any_rank in zip(named.items(), had, strict=True) if any_rank}
    grads = {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in used.items()}
    for name, grad in (exchange.mean(grads) if grads else {}).items():
        used[name].grad = grad
    return losses


def met(flags: list[bool], told: Mapping[str, float]) -> tuple[list[bool], dict[str, float]]:
    """Which flags any rank has up, and the mean of numbers that all ranks name alike."""
    message = torch.tensor([*map(float, flags), *told.values()], dtype=torch.float32, device=meeting_place())
    dist.all_reduce(message)
    summed = message.tolist()
    losses = [value / ranks() for value in summed[len(flags) :]]
    return [count > 0 for count in summed[: len(flags)]], dict(zip(told, losses, strict=True))


def joined_flat(tensors: Mapping[str, Tensor]) -> Tensor:
    """All numbers one after another, in a tensor of their own."""
    return torch.cat([tensor.flatten() for tensor in tensors.values()])


def split(flat: Tensor, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `joined_flat`."""
    parts = flat.split([tensor.numel() for tensor in like.values()])
    return {name: part.view_as(tensor) for (name, tensor), part in zip(like.items(), parts, strict=True)}
