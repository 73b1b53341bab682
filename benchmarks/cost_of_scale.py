"""What a training step costs on 2 to 1,000 devices: a model on paper; every assumption is a number that can be changed.

A step computes, then exchanges gradients (nothing overlaps, as in core/distributed). Messages cost alpha seconds each
and beta seconds a byte (Hockney's model); in a ring of n, each device sends 2 (n - 1) messages of 1 / n of the gradient
(Patarasuk and Yuan 2009), so

    flat ring       2 (n - 1) alpha + 2 (n - 1) / n g b beta
    by node         2 (l - 1) alpha_in + 2 (l - 1) / l g beta_in        inside each node of l devices, in full
                    + 2 (k - 1) alpha + 2 (k - 1) / k g b beta          across k = n / l nodes, compressed
    which moved     2 log2(n) alpha                                     the small message of losses and flags

with g the bytes of the gradient in full and b the share of them that the strategy sends (PowerSGD in two rings). A flat
ring over several nodes goes at the pace of its slowest link. Coding costs a time a weight, which does not fall with n.
Shards (FSDP2) gather the weights twice and scatter the gradient once: 3 / 2 of a plain ring's bytes.

    python benchmarks/cost_of_scale.py
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SHARES = {"plain": 1.0, "fp16": 0.501, "int8": 0.2505, "int4": 0.1255, "powersgd": 0.0135, "sharded": 1.5}
DEVICES = (2, 8, 64, 1000)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A model, and the seconds of one device for its own share of a step, which stays the same as devices are added."""

    name: str
    weights: float
    seconds: float
    coding: float  # seconds a weight, for codes; nothing for plain

    @property
    def gradient(self) -> float:
        return 4 * self.weights


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Nodes of `local` devices: seconds a message and bytes a second, inside a node and from node to node."""

    name: str
    local: int
    alpha_in: float
    rate_in: float
    alpha: float
    rate: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of one step."""

    compute: float
    exchange: float
    coding: float

    @property
    def total(self) -> float:
        return self.compute + self.exchange + self.coding

    @property
    def efficiency(self) -> float:
        """Work done for each device, against one device alone."""
        return self.compute / self.total


SMALL = Job(name="2.2 million weights, 40 ms of computing a step", weights=2.18e6, seconds=0.040, coding=2.8e-9)
LARGE = Job(name="1 billion weights, 16,384 tokens at 400 TFLOP/s", weights=1e9, seconds=0.246, coding=4e-12)
OFFICE = Cluster(name="1 Gbit/s Ethernet", local=1, alpha_in=0, rate_in=math.inf, alpha=1e-4, rate=125e6)
RACK = Cluster(name="8 GPUs a node, 10 Gbit/s", local=8, alpha_in=5e-6, rate_in=300e9, alpha=3e-5, rate=1.25e9)
HALL = Cluster(name="8 GPUs a node, 400 Gbit/s", local=8, alpha_in=5e-6, rate_in=300e9, alpha=1e-5, rate=50e9)


def ring(n: int, size: float, *, alpha: float, rate: float, times: int = 1) -> float:
    """Seconds of an all-reduce of so many bytes over n, in so many messages."""
    return times * 2 * (n - 1) * alpha + 2 * (n - 1) / n * size / rate


def cost(job: Job, cluster: Cluster, devices: int, *, strategy: str = "plain", by_node: bool = False) -> Cost:
    """One step on so many devices.

    Raises:
        ValueError: nodes that the devices do not fill.
    """
    local = min(cluster.local, devices)
    if devices % local:
        raise ValueError(f"{devices} devices do not fill nodes of {cluster.local}")
    nodes = devices // local
    by_node = by_node and cluster.local > 1
    if by_node and nodes == 1:
        strategy = "plain"  # there is nobody across
    size, times = job.gradient * SHARES[strategy], 2 if strategy == "powersgd" else 1
    alpha, rate = (cluster.alpha_in, cluster.rate_in) if nodes == 1 else (cluster.alpha, cluster.rate)
    exchange = 2 * math.log2(devices) * alpha if devices > 1 else 0.0
    if by_node and nodes > 1:
        exchange += ring(local, job.gradient, alpha=cluster.alpha_in, rate=cluster.rate_in)
        exchange += ring(nodes, size, alpha=cluster.alpha, rate=cluster.rate, times=times)
    else:
        exchange += ring(devices, size, alpha=alpha, rate=rate, times=times)
    coded = strategy not in ("plain", "sharded") and devices > 1
    return Cost(compute=job.seconds, exchange=exchange, coding=job.weights * job.coding if coded else 0.0)


def memory(weights: float, devices: int, *, sharded: bool) -> float:
    """Bytes a device for weights, gradients and both moments of AdamW in float32, without activations."""
    return 16 * weights / (devices if sharded else 1)


def table(job: Job, cluster: Cluster, devices: Sequence[int] = DEVICES) -> str:
    """Milliseconds of a step and its efficiency, by strategy and number of devices."""
    ways = [("plain", False), ("int8", False), ("powersgd", False), ("sharded", False)]
    if cluster.local > 1:
        ways[1:3] = [("plain", True), ("int8", True), ("powersgd", True)]
    counts = [count for count in devices if count % min(cluster.local, count) == 0]
    lines = [
        f"| {cluster.name} | {' | '.join(f'{count:,} devices' for count in counts)} |",
        f"|---|{'---:|' * len(counts)}",
    ]
    for strategy, by_node in ways:
        found = [cost(job, cluster, count, strategy=strategy, by_node=by_node) for count in counts]
        cells = [f"{1000 * each.total:.0f} ms, {each.efficiency:.0%}" for each in found]
        lines.append(f"| {strategy}{', by node' if by_node else ''} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page() -> str:
    """The tables of docs/scale.md."""
    pairs = ((SMALL, OFFICE), (LARGE, RACK), (LARGE, HALL))
    return "\n\n".join(f"{job.name}:\n\n{table(job, cluster)}" for job, cluster in pairs)


if __name__ == "__main__":
    print(page())
