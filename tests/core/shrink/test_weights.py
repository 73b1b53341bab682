from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colonnade.core.checkpoint import Checkpoint
from colonnade.core.engine import open_engine
from colonnade.core.errors import InputError
from colonnade.core.export import write
from colonnade.core.export.program import Program
from colonnade.core.shrink.weights import rounded


class Read(nn.Module):
    """Embedding, mean, two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.up, self.down = nn.Embedding(200, 32), nn.Linear(32, 64), nn.Linear(64, 40)

    def forward(self, index: Tensor) -> Tensor:
        return self.down(torch.relu(self.up(self.words(index).mean(1))))


def read() -> Read:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Read().eval()


def checkpoint(module: nn.Module) -> Checkpoint:
    tensors = {name: value.numpy() for name, value in module.state_dict().items()}
    return Checkpoint(kind="test/read", config={}, tensors={**tensors, "bank": np.ones((64, 64), np.float32)})


def program(module: nn.Module) -> Program:
    index = torch.arange(12).reshape(2, 6)
    return Program(
        module=module, example=(index,), inputs=("index",), outputs=("y",), dynamic=({0: "batch"},),
        cases={"text": (index,)},
    )  # fmt: skip


def test_weights_are_rounded_by_channel_and_nothing_else_moves() -> None:
    before = checkpoint(read())
    after, count = rounded(before)
    assert count == 200 * 32 + 64 * 32 + 64 * 40
    for name in ("up.bias", "bank"):
        np.testing.assert_array_equal(after.tensors[name], before.tensors[name])
    steps = np.abs(before.tensors["up.weight"]).max(axis=1, keepdims=True) / 127
    assert (np.abs(after.tensors["up.weight"] - before.tensors["up.weight"]) <= 0.5 * steps + 1e-7).all()
    assert len(np.unique(np.round(after.tensors["up.weight"][0] / steps[0]))) <= 64


def test_four_bits_have_fifteen_values_in_a_group() -> None:
    after, _ = rounded(checkpoint(read()), bits=4)
    assert max(len(np.unique(row)) for row in after.tensors["up.weight"].reshape(-1, 32)) <= 15


def test_other_bits_are_refused() -> None:
    with pytest.raises(InputError, match="8 or 4 bits"):
        rounded(checkpoint(read()), bits=3)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_file_with_packed_weights_is_a_third_and_equals_the_rounded_model(engine: str, tmp_path: Path) -> None:
    pytest.importorskip(engine)
    module = read()
    write(program(module), task="test/read", out=tmp_path / "whole")
    after, _ = rounded(checkpoint(module))
    module.load_state_dict({name: torch.from_numpy(after.tensors[name]) for name in module.state_dict()})
    made = write(program(module), task="test/read", out=tmp_path / "packed", packed=True)
    assert made.precision == "w8"
    assert max(made.parity.values()) < 1e-5
    sizes = [(tmp_path / name / "model.onnx").stat().st_size for name in ("whole", "packed")]
    assert sizes[1] < 0.4 * sizes[0]
    index = torch.arange(5, 17).reshape(3, 4).repeat(1, 2)[:, :6]
    found = open_engine(tmp_path / "packed", engine).run({"index": index.numpy()})["y"]
    np.testing.assert_allclose(found, program(module).eager((index,))[0].numpy(), atol=1e-5)
