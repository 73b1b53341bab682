from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colonnade.core.engine import open_engine
from colonnade.core.errors import ConfigError
from colonnade.core.export import write
from colonnade.core.export.program import Program
from colonnade.core.shrink.rounding import TOP, Conv, Dense, Kept, Point, rehearse, settle, watching


class Small(nn.Module):
    """A convolution, a kept picture and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.mid = Point(), Point()
        self.usual = Kept(torch.rand(1, 1, 8, 8))
        self.conv, self.dense = Conv(1, 8, 3, stride=2), Dense(8, 3)
        self.conv.after(self.seen)
        self.dense.after(self.mid)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(self.seen(x - self.usual())))
        return self.dense(self.mid(x.mean((2, 3))))


@pytest.fixture
def network() -> Small:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Small().eval()


def pixels(seed: int = 1, rows: int = 4) -> Tensor:
    return torch.rand(rows, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def settled(network: Small) -> Small:
    network = copy.deepcopy(network)
    with watching(network):
        network(pixels())
    rehearse(network)
    settle(network)
    return network


def test_rounded_numbers_stay_within_half_a_step() -> None:
    point = Point()
    with watching(point):
        point(torch.tensor([-1.0, 3.0]))
    point.mode = "rehearse"
    point.eval()
    values = torch.linspace(-1, 3, 1001)
    assert (point(values) - values).abs().max() <= 0.5 * 4 / TOP + 1e-6
    assert point(torch.zeros(1)).item() == 0.0


def test_gradients_pass_through_rounding_and_stop_where_it_is_clipped() -> None:
    point = Point()
    with watching(point):
        point(torch.tensor([0.0, 1.0]))
    point.mode = "rehearse"
    point.eval()
    values = torch.tensor([0.3, 5.0], requires_grad=True)
    point(values).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [1.0, 0.0]


def test_what_is_rehearsed_is_what_is_settled(network: Small) -> None:
    rehearsed = copy.deepcopy(network)
    with watching(rehearsed):
        rehearsed(pixels())
    rehearse(rehearsed)
    rehearsed.eval()
    with torch.no_grad():
        expected, found = rehearsed(pixels(2)), settled(network)(pixels(2))
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


def test_a_settled_network_is_near_the_exact_one_and_holds_bytes(network: Small) -> None:
    small = settled(network)
    with torch.no_grad():
        away = (small(pixels(3)) - network(pixels(3))).abs().max()
    assert 0 < away < 0.05
    kinds = {name: each.dtype for name, each in small.named_buffers()}
    assert kinds["conv.whole"] == kinds["dense.whole"] == torch.int8
    assert kinds["usual.value"] == torch.uint8
    assert not list(small.parameters())


def test_a_point_that_has_seen_nothing_is_refused(network: Small) -> None:
    with pytest.raises(ConfigError, match="the point seen has seen no number"):
        settle(network)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_an_engine_runs_the_settled_network_in_int8(network: Small, engine: str, tmp_path: Path) -> None:
    pytest.importorskip(engine)
    onnx = pytest.importorskip("onnx")
    small, example = settled(network), (pixels(4),)
    program = Program(
        module=small, example=example, inputs=("x",), outputs=("y",), dynamic=({0: "batch"},), cases={"x": example},
        precision="int8",
    )  # fmt: skip
    made = write(program, task="test/small", out=tmp_path / "out")
    assert made.precision == "int8"
    assert made.parity["x"] < 0.02
    kinds = [node.op_type for node in onnx.load(tmp_path / "out" / "model.onnx").graph.node]
    assert kinds.count("QuantizeLinear") == 2
    assert kinds.count("DequantizeLinear") == 7  # two points, and weight and bias of two layers, and the picture
    found = open_engine(tmp_path / "out", engine).run({"x": pixels(5, 3).numpy()})["y"]
    np.testing.assert_allclose(found, program.eager((pixels(5, 3),))[0].numpy(), atol=0.02)
