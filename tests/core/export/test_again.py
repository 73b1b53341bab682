"""A written folder, proven again anywhere; and what int8 and timing add to it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colonnade.core.engine import open_engine
from colonnade.core.engine.folder import describe
from colonnade.core.errors import CheckpointError, InputError
from colonnade.core.export import write
from colonnade.core.export.again import again
from colonnade.core.export.multimodal import _apart
from colonnade.core.export.program import Program

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


def program(calibration: tuple[tuple[Tensor, ...], ...] = ()) -> Program:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 8))
        x = torch.rand(3, 1, 8, 8)
    return Program(
        module=module, example=(x,), inputs=("x",), outputs=("y",), dynamic=({0: "batch"},), cases={"x": (x,)},
        processing={"x": {"side": 8, "steps": ["divide by 255"]}}, calibration=calibration,
    )  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("again") / "out"
    write(program(), task="test/again", out=folder, format="auto")
    return folder


def test_a_whole_folder_is_proven_on_every_engine_that_is_here(exported: Path) -> None:
    found = again(exported)
    assert found["whole"]
    (one,) = found["programs"].values()
    assert set(one["engines"]) | set(one["not_installed"]) == set(describe(exported).parity)
    assert max(one["engines"].values()) < 1e-5


def test_a_folder_of_programs_is_proven_whole(exported: Path, tmp_path: Path) -> None:
    import shutil

    for name in ("one", "two"):
        shutil.copytree(exported, tmp_path / name)
    assert set(again(tmp_path)["programs"]) == {"one", "two"}
    weights = tmp_path / "two" / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(CheckpointError, match="is not the file that was exported"):
        again(tmp_path)


def test_nothing_exported_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not an exported folder"):
        again(tmp_path)


def test_the_quickest_engine_that_was_measured_is_chosen(exported: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(exported, tmp_path / "out")
    description = json.loads((tmp_path / "out" / "program.json").read_text())
    assert list(description["parity"]) == sorted(description["parity"], key=description["milliseconds"].__getitem__)
    for first in description["parity"]:
        order = [first, *(name for name in description["parity"] if name != first)]
        turned = description | {"parity": {name: description["parity"][name] for name in order}}
        (tmp_path / "out" / "program.json").write_text(json.dumps(turned))
        assert open_engine(tmp_path / "out").name == first


def test_what_is_done_before_is_recorded_for_other_languages(exported: Path) -> None:
    assert describe(exported).processing == {"x": {"side": 8, "steps": ["divide by 255"]}}


def test_int8_learns_its_ranges_from_calibration_and_not_from_what_proves_it(tmp_path: Path) -> None:
    wide = (torch.rand(4, 1, 8, 8) * 100,)
    with pytest.raises(InputError, match="differs from eager"):  # ranges a hundred times too wide
        write(program((wide,)), task="test/again", out=tmp_path / "wide", int8=True)
    write(program((((torch.rand(4, 1, 8, 8)),),)), task="test/again", out=tmp_path / "fit", int8=True)
    assert max(describe(tmp_path / "fit").parity["onnxruntime"].values()) < 0.05


def test_without_calibration_rows_are_drawn_around_the_example() -> None:
    made = program()
    for (each,) in made.learned():
        assert not torch.equal(each, made.example[0])
        assert (each - made.example[0]).abs().mean() < 0.1
    whole = dataclasses.replace(made, example=(torch.arange(6).reshape(2, 3),), cases={"x": (torch.arange(6),)})
    assert torch.equal(whole.learned()[0][0], whole.example[0])


def test_equal_rows_are_moved_apart_and_unknown_numbers_stay_unknown() -> None:
    row = torch.tensor([1.0, float("nan"), 3.0])
    numbers = _apart(torch.stack([row, row]))
    assert torch.equal(numbers[0].isnan(), numbers[1].isnan())
    assert not torch.equal(numbers[0].nan_to_num(), numbers[1].nan_to_num())
    words = _apart(torch.tensor([[1, 2, 3], [1, 2, 3]]))
    assert words.tolist() == [[1, 2, 3], [3, 1, 2]]
    different = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    assert torch.equal(_apart(different), different)
    here = torch.tensor([[True, False]] * 2)
    assert torch.equal(_apart(here), here)


def test_the_file_says_no_shapes_that_engines_find_themselves(exported: Path) -> None:
    import onnx

    graph = onnx.load(exported / "model.onnx").graph
    assert not len(graph.value_info)
    assert not any(len(node.metadata_props) for node in graph.node)
    assert np.prod([len(graph.output), len(graph.input)]) == 1
