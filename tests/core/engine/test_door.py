"""The door opens what was exported, on the engine that is asked for, and refuses the rest with a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colonnade.core.engine import open_engine
from colonnade.core.errors import CheckpointError, FormatError, InputError, UnknownName
from colonnade.core.export import write
from colonnade.core.export.program import Program

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


class Doubles(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(64, 64)
        nn.init.eye_(self.net.weight)
        nn.init.ones_(self.net.bias)

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.net(x)


def folder_of(format: str, place: Path) -> Path:
    x = torch.linspace(-3, 3, 128).reshape(2, 64)
    program = Program(
        module=Doubles(), example=(x,), inputs=("x",), outputs=("y",), dynamic=({0: "batch"},), cases={"x": (x,)}
    )
    write(program, task="test/doubles", out=place / format, format=format)
    return place / format


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of("onnx", tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def pt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of("torch", tmp_path_factory.mktemp("engine"))


X = np.linspace(-1, 1, 320, dtype=np.float32).reshape(5, 64)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_each_engine_gives_the_same_numbers(engine: str, onnx: Path) -> None:
    pytest.importorskip(engine)
    opened = open_engine(onnx, engine)
    assert (opened.name, opened.precision, opened.inputs, opened.outputs) == (engine, "f32", ("x",), ("y",))
    np.testing.assert_allclose(opened.run({"x": X})["y"], 2 * (X + 1), atol=1e-6)


def test_torch_runs_its_own_program(pt2: Path) -> None:
    opened = open_engine(pt2)
    assert opened.name == "torch"
    np.testing.assert_allclose(opened.run({"x": X[:1]})["y"], 2 * (X[:1] + 1), atol=1e-6)


def test_auto_takes_only_an_engine_that_was_proven(onnx: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(onnx, copy)
    told = json.loads((copy / "program.json").read_text())
    told["parity"].pop("openvino", None)
    (copy / "program.json").write_text(json.dumps(told))
    assert open_engine(copy).name == "onnxruntime"


def test_results_of_an_earlier_run_are_not_overwritten_by_a_later_one(onnx: Path) -> None:
    for engine in ("openvino", "onnxruntime"):
        pytest.importorskip(engine)
        opened = open_engine(onnx, engine)
        first = opened.run({"x": X})["y"]
        kept = first.copy()
        opened.run({"x": X + 5})
        np.testing.assert_array_equal(first, kept)


def test_bf16_is_a_hint_to_openvino_and_stays_near(onnx: Path) -> None:
    pytest.importorskip("openvino")
    opened = open_engine(onnx, "openvino", precision="bf16", threads=1)
    assert opened.precision == "bf16"
    np.testing.assert_allclose(opened.run({"x": X})["y"], 2 * (X + 1), atol=0.05)
    with pytest.raises(InputError, match="hint to OpenVINO"):
        open_engine(onnx, "onnxruntime", precision="bf16")


def test_wrong_names_shapes_and_kinds_are_one_sentence(onnx: Path, pt2: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'onnxruntime'"):
        open_engine(onnx, "onxruntime")
    with pytest.raises(InputError, match="which torch cannot run"):
        open_engine(onnx, "torch")
    engines = [("onnxruntime", onnx), ("torch", pt2)] + ([("openvino", onnx)] if "openvino" in sys.modules else [])
    for engine, folder in engines:
        opened = open_engine(folder, engine)
        with pytest.raises(UnknownName, match="input of the program"):
            opened.run({"x": X, "z": X})
        with pytest.raises(FormatError, match="x was not given"):
            opened.run({})
        with pytest.raises(FormatError):
            opened.run({"x": X[:, :7]})
        with pytest.raises(FormatError):
            opened.run({"x": X.astype(np.int64)})


def test_a_folder_that_is_not_a_whole_export_is_refused(onnx: Path, tmp_path: Path) -> None:
    import shutil

    with pytest.raises(CheckpointError, match="not an exported folder"):
        open_engine(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(onnx, copy)
    (copy / "model.onnx").write_bytes((copy / "model.onnx").read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="SHA-256 differs"):
        open_engine(copy)
    (copy / "model.onnx").unlink()
    with pytest.raises(CheckpointError, match="missing"):
        open_engine(copy)
    told = json.loads((copy / "program.json").read_text())
    for change, match in (({"format": 99}, "export format 99"), ({"colour": 1}, "not a description")):
        (copy / "program.json").write_text(json.dumps(told | change))
        with pytest.raises(CheckpointError, match=match):
            open_engine(copy)
    (copy / "program.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read as JSON"):
        open_engine(copy)


def test_a_digest_cannot_name_a_file_outside_the_folder(onnx: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(onnx, copy)
    told = json.loads((copy / "program.json").read_text())
    told["program"] = "../copy/model.onnx"
    told["files"]["../copy/model.onnx"] = told["files"]["model.onnx"]
    (copy / "program.json").write_text(json.dumps(told))
    with pytest.raises(CheckpointError, match="not whole"):
        open_engine(copy)


def test_a_pt2_with_a_pickle_in_it_is_refused_unread(pt2: Path, tmp_path: Path) -> None:
    import shutil

    from colonnade.core.digest import of_file

    copy = tmp_path / "copy"
    shutil.copytree(pt2, copy)
    with zipfile.ZipFile(pt2 / "model.pt2") as source, zipfile.ZipFile(copy / "model.pt2", "w") as target:
        assert all(not item.file_size for item in source.infolist() if "sample_inputs" in item.filename)
        for item in source.infolist():
            target.writestr(item, b"cos\nsystem\n." if "sample_inputs" in item.filename else source.read(item))
    told = json.loads((copy / "program.json").read_text())
    told["files"]["model.pt2"] = of_file(copy / "model.pt2")
    (copy / "program.json").write_text(json.dumps(told))
    with pytest.raises(CheckpointError, match="holds a pickle"):
        open_engine(copy)


@pytest.mark.parametrize("name", ["data/weights/model.pt", "data/aotinductor/model/model.wrapper.so", "twice"])
def test_a_pt2_with_weights_of_an_older_kind_or_compiled_parts_is_refused_unread(pt2, tmp_path, name) -> None:
    from colonnade.core.engine.eager import _refuse_pickles

    copy = tmp_path / "model.pt2"
    copy.write_bytes((pt2 / "model.pt2").read_bytes())
    _refuse_pickles(copy)
    with warnings.catch_warnings(), zipfile.ZipFile(copy, "a") as archive:
        warnings.simplefilter("ignore")  # zipfile warns of the second file of one name
        first = archive.namelist()[0]
        archive.writestr(first if name == "twice" else f"{first.split('/')[0]}/{name}", b"cos\nsystem\n.")
    with pytest.raises(CheckpointError, match="holds a pickle"):
        _refuse_pickles(copy)


def test_a_process_that_only_runs_a_program_does_not_import_torch(onnx: Path) -> None:
    code = (
        "import sys, numpy\n"
        "from colonnade.core.engine import open_engine\n"
        f"engine = open_engine({str(onnx)!r})\n"
        "engine.run({'x': numpy.zeros((1, 64), 'float32')})\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
