"""Where the time goes is told truly: a stage that sleeps is found, and what is advised is tried."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fitted_small import Small, start, written

from colonnade.core import classifier, profile
from colonnade.core.errors import InputError
from colonnade.core.pipeline import FitOptions
from colonnade.core.progress import quiet


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("profiled")
    quiet()
    start().fit(written(place / "data"), out=place / "model", options=FitOptions(epochs=1, quality=False))
    quiet(False)
    return place / "model"


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setattr(profile, "_import_seconds", lambda task: 0.5)


def test_shares_of_the_stages_of_an_answer_are_its_whole(model: Path):
    found = profile.profile(Small.task, checkpoint=model)
    shares = [stage.share for stage in found.stages if stage.when == profile.EACH]
    assert sum(shares) == pytest.approx(1, abs=0.02)
    assert [stage.name for stage in found.stages if stage.when == profile.ONCE][:2] == ["import", "load"]
    assert found.cold_seconds >= 0.5
    assert found.to_dict()["task"] == "small/sum"
    assert found.advice[0].stage == "import and load"


def test_the_slow_stage_is_found_by_its_name_and_waiting_less_helps_as_much_as_was_said(model: Path, monkeypatch):
    quick = profile.profile(Small.task, checkpoint=model)
    real = classifier.Classifier.gates

    source = "def gates(self, record):\n    sleep(0.1)\n    return real(self, record)\n"
    compiled = compile(source, classifier.__file__, "exec")  # a stage is a function of the package's own files
    made: dict = {"sleep": time.sleep, "real": real}
    exec(compiled, made)
    monkeypatch.setattr(classifier.Classifier, "gates", made["gates"])
    found = profile.profile(Small.task, checkpoint=model)
    (stage,) = [each for each in found.stages if each.name == "core.classifier gates"]
    assert stage.share > 0.5
    (advice,) = [each for each in found.advice if each.stage == stage.name]
    gained = found.warm_seconds / quick.warm_seconds
    assert advice.at_most >= 0.5 * gained, (advice, gained)


def test_advice_on_the_network_is_tried_by_exporting_it(model: Path):
    pytest.importorskip("onnxruntime")
    pipeline = Small.from_pretrained(model)
    gain, said = profile._engine_gain(pipeline)
    assert gain is not None
    assert gain > 0
    assert "times as fast as torch here" in said


def test_a_task_without_a_sample_asks_for_an_input():
    from dataclasses import replace

    with pytest.raises(InputError, match="has no sample: give an input"):
        profile.profile(replace(Small.task, sample=None))
