"""What every strategy gives on these ranks, for the tests beside it: `exchange_script.py` under RANK and WORLD_SIZE."""

from __future__ import annotations

import json
import os
import sys

import torch
import torch.distributed as dist

from colonnade.core.distributed import rank, ranks
from colonnade.core.distributed.exchange import Exchange, Plain
from colonnade.core.distributed.lowrank import PowerSGD
from colonnade.core.distributed.nodes import Hierarchical
from colonnade.core.distributed.quantised import Quantised

STEPS = 6
SHAPES = {"matrix": (70, 90), "vector": (33,), "kernel": (16, 8, 3, 3), "small": (2, 3)}


def gradients(step: int, of: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1000 * step + of)
    return {name: torch.randn(shape, generator=generator) * 10.0 ** (step - 3) for name, shape in SHAPES.items()}


def measured(exchange: Exchange) -> dict:
    """The largest error of a step, and of the books, relative to the largest gradient."""
    given = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in SHAPES.items()}
    true = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in SHAPES.items()}
    step_error = 0.0
    for step in range(STEPS):
        found = exchange.mean(gradients(step, rank()))
        for name, value in found.items():
            wanted = torch.stack([gradients(step, each)[name] for each in range(ranks())]).double().mean(0)
            step_error = max(step_error, float((value - wanted).abs().max() / wanted.abs().max()))
            given[name] += value
            true[name] += wanted
    books = 0.0
    for name in SHAPES:
        owed = exchange.owed.get(name, torch.zeros(SHAPES[name])) if exchange.seat >= 0 else torch.zeros(SHAPES[name])
        owed = owed.double().clone()
        dist.all_reduce(owed)
        balance = given[name] + owed / exchange.seats
        books = max(books, float((balance - true[name]).abs().max() / true[name].abs().max()))
    alike = torch.cat([value.flatten() for value in found.values()])
    first = alike.clone()
    dist.broadcast(first, src=0)
    return {
        "step": step_error, "books": books, "alike": bool(torch.equal(first, alike)),
        "across": exchange.traffic.across, "inside": exchange.traffic.inside, "owes": sorted(exchange.owed),
    }  # fmt: skip


def main() -> None:
    dist.init_process_group("gloo")
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    strategies = {
        "plain": Plain(), "fp16": Quantised(16), "int8": Quantised(8), "int4": Quantised(4), "powersgd": PowerSGD(4),
        "nodes": Hierarchical(lambda group: Quantised(8, group), local=local),
    }  # fmt: skip
    found = {name: measured(strategy) for name, strategy in strategies.items()}
    if rank() == 0:
        sys.stdout.write(json.dumps(found) + "\n")
    dist.barrier()


if __name__ == "__main__":
    main()
