"""How a run is laid over processes and disks, apart from what it learns: a recipe is the same on one core and on many.

    with deployed(Deployment(snapshots=Path("run"), exchange="int8")):
        pipeline.fit(data, out="model")        # every training inside is laid out so

It knows no model and no task.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from ..distributed import ranks
from ..distributed.exchange import Exchange, Group, Plain
from ..errors import ConfigError, UnknownName

Strategy = Literal["plain", "fp16", "int8", "int4", "powersgd"]


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Where state is kept and how ranks share the work.

    `snapshots` is a folder that all ranks see; `save_every` updates (None: as the recipe says). `exchange` is how
    gradients travel, `rank` the columns of PowerSGD, `by_node` sends them in full inside a node and by `exchange` only
    across nodes. `sharded` keeps weights, gradients and moments in shards (FSDP2), whose gradients travel in full.
    `prefetch` batches are made ahead, in a thread.
    """

    snapshots: Path | None = None
    save_every: int | None = None
    exchange: Strategy = "plain"
    rank: int = 4
    by_node: bool = False
    sharded: bool = False
    prefetch: int = 0

    def __post_init__(self) -> None:
        if self.exchange not in get_args(Strategy):
            raise UnknownName("way to exchange gradients", self.exchange, get_args(Strategy))
        if self.sharded and (self.exchange != "plain" or self.by_node):
            raise ConfigError(
                f"shards exchange their gradients in full: leave out exchange {self.exchange!r} and by_node, or sharded"
            )
        if self.prefetch < 0 or self.rank < 1 or (self.save_every is not None and self.save_every < 0):
            raise ConfigError(
                "a deployment needs a rank of at least 1, and neither prefetch nor save_every below 0, got "
                f"{self.rank}, {self.prefetch} and {self.save_every}"
            )


_ambient: ContextVar[Deployment] = ContextVar("deployment")
_count: ContextVar[list[int]] = ContextVar("trainings inside the deployment")


@contextmanager
def deployed(deployment: Deployment) -> Iterator[None]:
    """Every training inside is laid out so; each gets a folder of its own under `snapshots`, numbered in order."""
    ambient, count = _ambient.set(deployment), _count.set([0])
    try:
        yield
    finally:
        _ambient.reset(ambient)
        _count.reset(count)


@contextmanager
def unsaved() -> Iterator[None]:
    """As outside, but nothing is kept or gone on from: for tries that must run whole, and alike, after a kill."""
    with deployed(replace(_ambient.get(Deployment()), snapshots=None)):
        yield


def ambient(label: str) -> Deployment:
    """The deployment of the next training, which is called that."""
    found = _ambient.get(Deployment())
    if found.snapshots is None:
        return found
    count = _count.get()
    count[0] += 1
    name = "".join(letter if letter.isalnum() else "-" for letter in label)
    return replace(found, snapshots=found.snapshots / f"{count[0]:03d}-{name}")


def exchange_of(deployment: Deployment) -> Exchange:
    """The strategy, ready for the ranks of this process."""
    if ranks() < 2:
        return Plain()
    if not deployment.by_node:
        return _strategy(deployment, None)
    from ..distributed.nodes import Hierarchical

    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return Hierarchical(lambda leaders: _strategy(deployment, leaders), local=local)


def _strategy(deployment: Deployment, group: Group) -> Exchange:
    if deployment.exchange == "plain":
        return Plain(group)
    if deployment.exchange == "powersgd":
        from ..distributed.lowrank import PowerSGD

        return PowerSGD(deployment.rank, group)
    from ..distributed.quantised import Quantised

    return Quantised({"fp16": 16, "int8": 8, "int4": 4}[deployment.exchange], group)
