"""Two levels: gradients in full inside a node, where the link is fast, and by another strategy across nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch.distributed as dist
from torch import Tensor

from ..errors import ConfigError
from .exchange import Exchange, Group, joined_flat, split


class Hierarchical(Exchange):
    """`local` ranks a node, in order; the first of each node speaks for it, by the strategy that `across` makes.

    Raises:
        ConfigError: nodes of unequal size.
    """

    def __init__(self, across: Callable[[Group], Exchange], *, local: int) -> None:
        super().__init__(None)
        world, rank = dist.get_world_size(), dist.get_rank()
        if local < 1 or world % local:
            raise ConfigError(f"{world} ranks cannot be nodes of {local} ranks each: every node needs as many")
        nodes = [list(range(start, start + local)) for start in range(0, world, local)]
        # Every rank makes every group: that is how torch.distributed numbers them alike.
        groups = [dist.new_group(node) for node in nodes]
        leaders = dist.new_group([node[0] for node in nodes])
        self.local, self.inside, self.leader = local, groups[rank // local], rank - rank % local
        self.across = across(leaders) if rank == self.leader else None
        if self.across is not None:
            self.owed, self.common, self.traffic = self.across.owed, self.across.common, self.across.traffic

    @property
    def seats(self) -> int:
        return dist.get_world_size() // self.local

    @property
    def seat(self) -> int:
        return dist.get_rank() // self.local if self.across is not None else -1

    def mean(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        flat = joined_flat(gradients)
        bytes_ = flat.numel() * flat.element_size()
        if self.local > 1:
            dist.reduce(flat, dst=self.leader, group=self.inside)
            self.traffic.inside += bytes_ * (self.local - 1) // self.local  # a ring, as is the way back
        if self.across is not None and self.seats > 1:
            found = self.across.mean(split(flat.div_(self.local), gradients))
            flat = joined_flat(found)
        elif self.across is not None:  # one node: nobody is across, and what was owed there is paid at once
            means = split(flat.div_(self.local), gradients)
            flat = joined_flat({name: mean + self.owed.pop(name, 0.0) for name, mean in means.items()})
        if self.local > 1:
            dist.broadcast(flat, src=self.leader, group=self.inside)
            self.traffic.inside += bytes_ * (self.local - 1) // self.local
        return split(flat, gradients)
