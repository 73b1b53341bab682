"""The whole multimodal model as one program, for every subset, with presence as an input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from colonnade.core.decoding.heads import ClassHead, QuantileHead
from colonnade.core.encoders.series import SeriesConfig, SeriesEncoder
from colonnade.core.encoders.table import TableConfig, TableEncoder
from colonnade.core.engine import open_engine
from colonnade.core.export import write
from colonnade.core.export.multimodal import program_of
from colonnade.core.export.program import Program
from colonnade.core.fusion.fusion import FusionConfig
from colonnade.core.model import Model
from colonnade.core.random import numpy_generator, torch_generator
from colonnade.core.types import Batch, Noun, Series, Table

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

LENGTHS = {f"series.{part}": {1: "patches"} for part in ("values", "real", "offsets", "ends", "mask")}


def model() -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Model(
            {
                "series": SeriesEncoder(SeriesConfig(width=8, channels=1, patch=4, depth=1, heads=2, window=4)),
                "table": TableEncoder(TableConfig(width=8, numbers=("a",), categories=("b",), buckets=4, heads=2)),
            },
            heads={"verdict": ClassHead(classes=3), "size": QuantileHead()},
            fusion=FusionConfig(width=8, heads=2, latents=2, layers=1, memory=2),
        )
    generator = torch_generator(0, "export test")
    with torch.no_grad():  # what starts at zero would prove nothing
        for parameter in made.parameters():
            if not parameter.any():
                parameter.normal_(std=0.3, generator=generator)
    return made.eval()


def batch(made: Model, lengths: tuple[int, ...]) -> Batch:
    noise = numpy_generator(0, "export test")
    records: list[dict[str, Noun | None]] = [
        {
            "series": Series(values=noise.normal(size=steps), times=np.arange(steps)),
            "table": Table(numbers={"a": float(noise.normal())}, categories={"b": "x"}),
        }
        for steps in lengths
    ]
    return made.collate(records)


@pytest.fixture(scope="module")
def made() -> Model:
    return model()


@pytest.fixture(scope="module")
def given(made: Model) -> Program:
    return program_of(made, batch(made, (9, 23, 14)), lengths=LENGTHS)


@pytest.fixture(scope="module")
def folder(given: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "out"
    parity = write(given, task="test/whole", out=out).parity
    assert set(parity) == {"series+table", "series", "table"}
    assert max(parity.values()) <= 1e-4
    return out


def test_inputs_and_outputs_are_named_by_modality_and_head(given: Program) -> None:
    series, table = ("values", "real", "offsets", "ends"), ("numbers", "known", "buckets")
    names = [f"series.{part}" for part in (*series, "mask")] + [f"table.{part}" for part in (*table, "mask")]
    assert given.inputs == (*names, "presence")
    assert given.outputs == ("verdict", "size", "gates")


def test_the_flat_program_answers_as_the_model_does(made: Model, given: Program) -> None:
    together = batch(made, (9, 23, 14))
    with torch.no_grad():
        output = made(together)
    for found, expected in zip(
        given.eager(given.cases["series+table"]), (*output.answers.values(), output.gates), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_subsets_answer_differently_so_that_parity_means_something(given: Program) -> None:
    answers = [given.eager(tensors)[0] for tensors in given.cases.values()]
    for index, one in enumerate(answers):
        for other in answers[index + 1 :]:
            assert (one - other).abs().max() > 0.01


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_rows_of_one_batch_may_have_different_subsets_and_new_lengths(
    engine: str, made: Model, given: Program, folder: Path
) -> None:
    pytest.importorskip(engine)
    mixed = batch(made, (50, 8, 31, 17))
    here = torch.tensor([[True, False], [False, True], [True, True], [False, False]])
    flat = program_of(made, mixed, lengths=LENGTHS).example[:-1]
    arrays = {name: each.numpy() for name, each in zip(given.inputs, (*flat, here), strict=True)}
    found = open_engine(folder, engine).run(arrays)
    expected = given.eager((*flat, here))
    for name, each in zip(given.outputs, expected, strict=True):
        np.testing.assert_allclose(found[name], each.numpy(), atol=1e-4)
    assert found["gates"][0, 1] == found["gates"][1, 0] == 0
    assert (found["gates"][3] == 0).all()


def test_only_subsets_that_are_enough_for_the_task_become_cases(made: Model) -> None:
    found = program_of(made, batch(made, (9, 9)), lengths=LENGTHS, enough=lambda subset: "series" in subset)
    assert set(found.cases) == {"series+table", "series"}
