"""A program becomes a folder that equals eager for every subset, or no folder at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from colonnade.core.engine import open_engine
from colonnade.core.errors import CheckpointError, ConfigError, InputError, MissingExtra, UnknownName
from colonnade.core.export import check, write
from colonnade.core.export.program import Program

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


class TwoSenses(nn.Module):
    """A table and a sound of any length; each may be absent."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.sound = nn.Linear(4, 3), nn.Conv1d(1, 3, 4, stride=4)

    def forward(self, table: Tensor, sound: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
        heard = self.sound(sound[:, None]).mean(dim=2)
        score = torch.where(presence[:, :1], self.table(table), 0) + torch.where(presence[:, 1:], heard, 0)
        return score, presence.float() / presence.sum(dim=1, keepdim=True).clamp(min=1)


def presence(*here: int) -> Tensor:
    return torch.tensor([here] * 3, dtype=torch.bool)


def program(module: nn.Module | None = None, *, tolerance: float = 1e-4) -> Program:
    generator = torch.Generator().manual_seed(0)
    table, sound = torch.randn(3, 4, generator=generator), torch.randn(3, 32, generator=generator)
    longer = torch.randn(3, 64, generator=generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = module or TwoSenses()
    return Program(
        module=module,
        example=(table, sound, presence(1, 1)),
        inputs=("table", "sound", "presence"),
        outputs=("score", "gates"),
        dynamic=({0: "batch"}, {0: "batch", 1: "samples"}, {0: "batch"}),
        cases={
            "table+sound": (table, longer, presence(1, 1)),
            "table": (table, sound, presence(1, 0)),
            "sound": (table, longer, presence(0, 1)),
        },
        notes={"before": "sound at 16 kHz"},
        tolerance=tolerance,
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "onnx"
    write(program(), task="test/senses", out=folder, format="onnx")
    return folder


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("convolution", [nn.Conv1d, nn.Conv2d, nn.Conv3d])
def test_a_convolution_without_a_bias_is_read_by_every_engine(
    engine: str, convolution: type[nn.Module], tmp_path: Path
) -> None:
    pytest.importorskip(engine)
    sides = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}[convolution]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(*(convolution(2, 2, 3, padding=1, bias=bias) for bias in (False, True, False)))
        example = torch.randn(2, 2, *[6] * sides)
    one = (example,)
    single = Program(module=module, example=one, inputs=("x",), outputs=("y",), dynamic=({0: "b"},), cases={"x": one})
    write(single, task="test/conv", out=tmp_path / "out", format="onnx")
    found = open_engine(tmp_path / "out", engine).run({"x": example[:1].numpy()})
    np.testing.assert_allclose(found["y"], single.eager((example[:1],))[0].numpy(), atol=1e-5)


@pytest.mark.parametrize("format", ["openvino", "torch", "onnx"])
def test_every_format_equals_eager_for_every_subset(format: str, tmp_path: Path) -> None:
    if format == "openvino":
        pytest.importorskip("openvino")
    made = write(program(), task="test/senses", out=tmp_path / "out", format=format)
    assert set(made.parity) == {"table+sound", "table", "sound"}
    assert max(made.parity.values()) < 1e-5
    assert set(made.files) >= {"program.json", "fixtures.safetensors"}
    assert sorted(item.name for item in (tmp_path / "out").iterdir()) == list(made.files)
    assert all(max(found.values()) < 1e-5 for found in check(tmp_path / "out").values())


def test_the_engine_agrees_with_eager_on_lengths_and_batches_that_were_never_shown(exported: Path) -> None:
    engine = open_engine(exported, "onnxruntime")
    generator = np.random.default_rng(0)
    table = generator.normal(size=(7, 4)).astype(np.float32)
    sound = generator.normal(size=(7, 100)).astype(np.float32)
    here = np.array([[True, False], [False, True], [True, True]] * 2 + [[True, True]])
    found = engine.run({"table": table, "sound": sound, "presence": here})
    expected = program().eager((torch.from_numpy(table), torch.from_numpy(sound), torch.from_numpy(here)))
    np.testing.assert_allclose(found["score"], expected[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(found["gates"], expected[1].numpy(), atol=1e-6)


def test_what_an_absent_modality_holds_does_not_matter_in_the_exported_graph(exported: Path) -> None:
    engine = open_engine(exported)
    table, here = np.ones((2, 4), np.float32), np.array([[True, False]] * 2)
    quiet = engine.run({"table": table, "sound": np.zeros((2, 32), np.float32), "presence": here})
    loud = engine.run({"table": table, "sound": np.full((2, 32), np.nan, np.float32), "presence": here})
    np.testing.assert_array_equal(quiet["score"], loud["score"])


def test_the_description_says_what_goes_in_and_out(exported: Path) -> None:
    told = json.loads((exported / "program.json").read_text())
    assert [port["name"] for port in told["inputs"]] == ["table", "sound", "presence"]
    assert told["inputs"][1]["shape"] == ["batch", "samples"]
    assert told["inputs"][2] == {"name": "presence", "shape": ["batch", "2"], "dtype": "bool"}
    assert told["outputs"][0]["shape"] == ["batch", "3"]
    assert (told["precision"], told["kind"], told["notes"]["before"]) == ("f32", "onnx", "sound at 16 kHz")
    assert "onnxruntime" in told["parity"]
    assert set(told["files"]) == {"model.onnx", "fixtures.safetensors"}


def test_the_weights_lie_inside_the_one_file(exported: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported / "model.onnx", load_external_data=False)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert {prop.key: prop.value for prop in model.metadata_props}["colonnade.task"] == "test/senses"
    assert max(each.version for each in model.opset_import if each.domain == "") >= 18


class Drifts(nn.Module):
    """Answers differently after it was traced, as a model that keeps state does."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.seen = nn.Linear(4, 3), 0
        nn.init.zeros_(self.table.weight)
        nn.init.zeros_(self.table.bias)

    def forward(self, table: Tensor, sound: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
        self.seen = 0 if torch.compiler.is_exporting() else 1
        return self.table(table) + 0.01 * self.seen + 0 * sound.sum(), presence.float()


def test_a_program_that_differs_from_eager_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"differs from eager by 0\.01"):
        write(program(Drifts()), task="test/senses", out=tmp_path / "out", format="onnx")
    assert list(tmp_path.iterdir()) == []


class Branches(nn.Module):
    def forward(self, table: Tensor, sound: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
        return (table if table.sum() > 0 else -table), presence.float() * sound.mean()


def test_a_model_that_cannot_be_traced_is_answered_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be exported"):
        write(program(Branches()), task="test/senses", out=tmp_path / "out", format="torch")
    assert list(tmp_path.iterdir()) == []


def test_int8_says_how_far_it_is_from_eager(tmp_path: Path) -> None:
    made = write(program(), task="test/senses", out=tmp_path / "out", format="onnx", int8=True)
    assert made.precision == "int8"
    assert 1e-4 < max(made.parity.values()) < 0.1
    assert json.loads((tmp_path / "out/program.json").read_text())["notes"]["int8"] == "static int8 (QDQ)"
    assert open_engine(tmp_path / "out").precision == "int8"
    check(tmp_path / "out")


class Solid(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Conv3d(1, 2, 3, padding=1)

    def forward(self, table: Tensor, sound: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
        cube = table[:, None, :, None, None].expand(-1, -1, -1, 4, 4)
        return self.net(cube).mean(dim=(2, 3, 4)) + 0 * sound.sum(), presence.float()


def test_int8_is_refused_where_it_would_be_slower_or_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3-D convolutions"):
        write(program(Solid()), task="test/senses", out=tmp_path / "out", format="onnx", int8=True)
    with pytest.raises(InputError, match="test/senses cannot be written in int8 as torch"):
        write(program(), task="test/senses", out=tmp_path / "out", format="torch", int8=True)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'onnx'"):
        write(program(), task="test/senses", out=tmp_path / "out", format="onxn")


def test_a_missing_library_is_answered_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r"pip install 'colonnade\[onnx\]'"):
        write(program(), task="test/senses", out=tmp_path / "out", format="onnx")


def test_the_program_is_left_in_the_mode_it_had(tmp_path: Path) -> None:
    module = TwoSenses().train()
    module.sound.eval()  # a frozen part
    write(program(module), task="test/senses", out=tmp_path / "out", format="torch")
    assert (module.training, module.table.training, module.sound.training) == (True, True, False)


def test_check_finds_weights_that_were_changed_and_cases_that_no_longer_hold(exported: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.numpy import save_file

    from colonnade.core.digest import of_file

    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    tensors = load_file(copy / "fixtures.safetensors")
    key = next(key for key in tensors if key.endswith("table/out/score"))
    save_file(tensors | {key: tensors[key] + 0.5}, copy / "fixtures.safetensors")
    with pytest.raises(CheckpointError, match="SHA-256 differs"):
        check(copy)
    told = json.loads((copy / "program.json").read_text())
    told["files"]["fixtures.safetensors"] = of_file(copy / "fixtures.safetensors")
    (copy / "program.json").write_text(json.dumps(told))
    with pytest.raises(CheckpointError, match=r"differs from eager by 0\.5"):
        check(copy, "onnxruntime")


def test_a_program_that_contradicts_itself_is_refused() -> None:
    good = program()
    with pytest.raises(ConfigError, match="at least 2 rows"):
        Program(
            module=good.module,
            example=tuple(each[:1] for each in good.example),
            inputs=good.inputs,
            outputs=good.outputs,
            dynamic=good.dynamic,
            cases=good.cases,
        )
