"""A vertical outside the repository, built from docs/add_a_vertical.md, plugs in and gets all verbs."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from colonnade.apps.cli import main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add_a_vertical.md").read_text(encoding="utf-8")
NOTES = {"good": ["runs quietly", "no remarks", "bearing replaced"], "worn": ["rattles", "runs hot", "leaks, rattles"]}


def _sound(label: str, generator: np.random.Generator) -> np.ndarray:
    time = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 120 * time)
    if label == "worn":
        tone = tone + 0.8 * np.sin(2 * np.pi * 1900 * time) * (np.sin(2 * np.pi * 30 * time) > 0.9)
    return 0.3 * tone + 0.05 * generator.standard_normal(len(time))


def _records(folder: Path, count: int, generator: np.random.Generator) -> None:
    (folder / "sounds").mkdir(parents=True)
    lines = ["id,label,group,sound,note"]
    for number in range(count):
        label = ("good", "worn")[number % 2]
        soundfile.write(folder / "sounds" / f"{number}.wav", _sound(label, generator), 8000)
        note = generator.choice(NOTES[label]) if number % 5 else ""
        lines.append(f'{number},{label},machine-{number // 2},sounds/{number}.wav,"{note}"')
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Path]:
    """The package, its entry point, its data and a fitted model."""
    place = tmp_path_factory.mktemp("plugin")
    light, pipeline = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (entry,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (place / "pumps").mkdir()
    (place / "pumps" / "__init__.py").write_text(light)
    (place / "pumps" / "pipeline.py").write_text(pipeline)
    info = place / "pumps-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pumps\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[colonnade.verticals]\n" + entry.splitlines()[1].replace('"', "") + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        yield _filled(place)
    for name in [name for name in sys.modules if name.split(".")[0] == "pumps"]:
        del sys.modules[name]


def _filled(place: Path) -> Path:
    generator = np.random.default_rng(0)
    soundfile.write(place / "pumps" / "sample.wav", _sound("worn", generator), 8000)
    _records(place / "train", 60, generator)
    _records(place / "test", 20, generator)
    told = _run(place, "fit", "pumps/wear", place / "train", "--out", place / "model")
    assert told["card"]["data"]["records"] == 60
    return place


def _run(place: Path, *words: str | Path, code: int = 0) -> dict:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main([*map(str, words), "--json"]) == code, printed.getvalue()
    return json.loads(printed.getvalue())


def test_it_is_listed_beside_the_others(place: Path):
    assert {"pumps/wear", "medical/nodules"} <= {task["task"] for task in _run(place, "tasks")["tasks"]}


def test_its_code_is_about_sixty_lines(place: Path):
    lines = [line for path in (place / "pumps").glob("*.py") for line in path.read_text().splitlines() if line.strip()]
    assert len(lines) <= 60


def test_predict_answers_for_every_subset(place: Path):
    sound, model = place / "pumps" / "sample.wav", place / "model"
    whole = _run(place, "predict", "pumps/wear", "--sound", sound, "--note", "rattles", "--checkpoint", model)
    assert whole["label"] == "worn"
    assert whole["gates"]["sound"] > 0
    heard = _run(place, "predict", "pumps/wear", "--sound", sound, "--checkpoint", model, "--out", place / "answer")
    assert heard["label"] == "worn"
    assert heard["gates"]["note"] == 0
    assert json.loads((place / "answer" / "result.json").read_text())["label"] == "worn"
    assert _run(place, "predict", "pumps/wear", "--note", "runs quietly", "--checkpoint", model)["label"] == "good"


def test_evaluate_reports_baselines_and_subsets(place: Path):
    told = _run(place, "evaluate", "pumps/wear", place / "test", "--checkpoint", place / "model")
    assert told["metrics"]["accuracy"] >= 0.9
    assert set(told["subsets"]) == {"sound+note", "sound", "note"}
    assert "late product of experts" in told["baselines"]
    assert told["intervals"]["accuracy"][0] <= told["metrics"]["accuracy"]


def test_explain_shares_out_the_whole_difference(place: Path):
    sound = place / "pumps" / "sample.wav"
    told = _run(place, "explain", "pumps/wear", "--sound", sound, "--note", "rattles", "--checkpoint", place / "model")
    assert told["base"] + sum(told["modalities"].values()) == pytest.approx(told["value"])


def test_export_equals_eager_for_every_subset(place: Path):
    pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")
    told = _run(place, "export", "pumps/wear", "--checkpoint", place / "model", "--out", place / "edge")
    assert (place / "edge" / "model.onnx").exists()
    assert max(told["parity"].values()) <= 1e-4


def test_a_fitted_model_is_adapted_further(place: Path):
    words = ("fit", "pumps/wear", place / "test", "--checkpoint", place / "model", "--method", "probe", "--epochs", "1")
    assert _run(place, *words, "--out", place / "adapted")["card"]["method"] == "probe"


def test_the_same_seed_gives_the_same_model(place: Path):
    words = ("fit", "pumps/wear", place / "test", "--epochs", "1", "--seed", "7")
    for name in ("one", "two"):
        _run(place, *words, "--out", place / name)
    one, two = ((place / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_without_a_checkpoint_there_is_a_sentence(place: Path):
    told = _run(place, "predict", "pumps/wear", "--note", "x", code=2)
    assert "ships no weights" in told["error"]
