"""Two processes on loopback equal one with the whole batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colonnade.core import distributed

SCRIPT = """
import json, os
import torch
import torch.distributed as dist
from torch import nn
from colonnade.core import distributed, progress
from colonnade.core.alignment.contrastive import Alignment, AlignmentConfig
from colonnade.core.data.batches import Batches
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig

progress.quiet()
ranks = int(os.environ.get("WORLD_SIZE", "1"))
if ranks > 1:
    dist.init_process_group("gloo")
generator = torch.Generator().manual_seed(0)
data = torch.randn(24, 2, 6, generator=generator)
presence = torch.rand(24, 2, generator=generator) > 0.3
batches = Batches(range(24), lambda rows: rows, size=8, part=(distributed.rank(), ranks))
norms = []
for kind in ("contrastive", "positive"):
    torch.manual_seed(distributed.rank())  # each rank starts elsewhere: sharing must mend that
    model = Alignment({"a": 6, "b": 6}, AlignmentConfig(weight=1.0, width=4, kind=kind))
    step = lambda rows: model({"a": data[rows, 0], "b": data[rows, 1]}, presence[rows])
    events = fit(model, batches, step, config=TrainingConfig(epochs=2, rate=0.01, clip=0.5))
    norms.append([event.norm for event in events if hasattr(event, "norm")])
x = torch.full((2,), float(distributed.rank() + 1), requires_grad=True)
distributed.gather(x * 3).sum().backward()
if distributed.rank() == 0:
    print(json.dumps({
        "norms": norms, "gradient": x.grad.tolist(), "mean": distributed.mean(float(distributed.rank())),
        "gathered": distributed.gather(torch.tensor([distributed.rank() == 0])).tolist(),
    }))
else:
    distributed.mean(float(distributed.rank()))
    distributed.gather(torch.tensor([False]))
if ranks > 1:
    dist.barrier()  # no rank leaves while another still talks to it
"""


def run(tmp_path: Path, on_ranks: Any, ranks: int) -> dict:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    return on_ranks(script, ranks)


def test_two_ranks_train_as_one_process_with_the_whole_batch(tmp_path: Path, on_ranks: Any) -> None:
    one, two = run(tmp_path, on_ranks, 1), run(tmp_path, on_ranks, 2)
    for kind in range(2):
        assert two["norms"][kind] == pytest.approx(one["norms"][kind], rel=1e-3)
    assert two["gathered"] == [True, False]
    assert two["mean"] == 0.5
    assert two["gradient"] == [6.0, 6.0]  # both ranks asked for 3 times this row


def test_one_process_is_one_rank() -> None:
    assert (distributed.rank(), distributed.ranks(), distributed.mean(2.0)) == (0, 1, 2.0)
