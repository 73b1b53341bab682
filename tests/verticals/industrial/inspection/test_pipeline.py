"""The verbs on the sample and on a small folder: every subset answers, absent senses count for nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image as Pillow

from colonnade.core.errors import InputError, MissingModality
from colonnade.core.pipeline import FitOptions
from colonnade.core.trust.subsets import subsets_of
from colonnade.verticals.industrial.inspection.decision import Threshold
from colonnade.verticals.industrial.inspection.experts import Seen
from colonnade.verticals.industrial.inspection.pipeline import InspectionPipeline
from colonnade.verticals.industrial.tasks import _sample


@pytest.fixture(scope="module")
def result(shipped):
    return shipped.predict(**_sample())


def test_the_chip_of_the_sample_is_rejected_found_and_explained(result, tmp_path):
    assert result.verdict == "reject"
    first = result.defects[0]
    assert first.kind == "missing material"
    assert first.max_deviation_mm == pytest.approx(-1.2, abs=0.4)
    assert result.registration.ok
    result.save(tmp_path / "out")
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert written["verdict"] == "reject"
    names = {item.name for item in (tmp_path / "out").iterdir()}
    assert names >= {"result.json", "report.html", "deviation.ply", "anomaly_map.png"}
    assert "missing material" in (tmp_path / "out" / "report.html").read_text()


def test_the_saved_deviation_reads_back(result, tmp_path):
    import trimesh

    result.save(tmp_path / "out")
    cloud = trimesh.load(tmp_path / "out" / "deviation.ply")
    assert len(cloud.vertices) == len(result.surface.deviation.points)


def test_a_nominal_part_alone_is_below_the_minimum(shipped):
    with pytest.raises(MissingModality):
        shipped.predict(nominal=_sample()["nominal"])


def test_every_subset_of_senses_answers_with_its_own_threshold(shipped, result):
    sample = _sample()
    for given in (("image",), ("sound",), ("image", "sound")):
        found = shipped.predict(**{name: sample[name] for name in given})
        assert found.judged == given
        assert {sense: gate for sense, gate in found.gates.items() if sense not in given} == dict.fromkeys(
            [sense for sense in ("scan", "image", "sound") if sense not in given], 0.0
        )
        assert sum(found.gates.values()) == pytest.approx(1.0, abs=1e-5)
    names = {"+".join(subset) for subset in subsets_of(("scan", "image", "sound"))}
    assert set(shipped.inspector.thresholds) == names


def test_a_scan_without_its_nominal_part_is_said_not_to_be_judged(shipped):
    sample = _sample()
    found = shipped.predict(scan=sample["scan"], image=sample["image"])
    assert found.judged == ("image",)
    assert any("not judged" in warning for warning in found.warnings)


def test_another_part_gets_the_tolerance_and_no_promise(shipped, good, plate):
    found = shipped.predict(scan=good[0].given["scan"], nominal=good[0].given["nominal"])
    assert found.judged == ()
    assert found.promised_false_rejects is None
    assert found.verdict == "pass"
    assert any("not the one that was learned" in warning for warning in found.warnings)


def test_the_promise_can_be_changed_when_it_is_asked(shipped):
    strict = shipped.setting("false_rejects", "0.2")
    sample = _sample()
    one, two = (each.predict(sound=sample["sound"]) for each in (shipped, strict))
    assert (one.promised_false_rejects, two.promised_false_rejects) == (pytest.approx(0.01, abs=0.001), 0.2)
    assert two.threshold < one.threshold
    assert two.score == one.score
    for name, value in (("false_rejects", "2"), ("false_rejects", "few"), ("tolerance_mm", "-1"), ("budget", "3")):
        with pytest.raises(InputError):
            shipped.setting(name, value)
    assert shipped.setting("tolerance_mm", "5").tolerance_mm == 5.0


def test_each_sense_has_a_p_value_of_its_own_and_the_defect_a_likely_kind(shipped, result):
    assert shipped.senses == ("scan", "image", "sound")
    assert set(result.p_values) == set(result.judged)
    assert min(result.p_values.values()) < 0.02
    assert sum(result.kinds.values()) == pytest.approx(1.0, abs=1e-4)
    assert list(result.kinds.values()) == sorted(result.kinds.values(), reverse=True)


def test_a_silent_recording_is_unmeasurable_and_never_passes(shipped, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(16_000), 16_000)
    found = shipped.predict(sound=tmp_path / "a.wav")
    assert (found.verdict, found.status) == ("unmeasurable", "unmeasurable")


def test_the_shares_of_the_senses_add_up_to_the_score(shipped, result):
    sample = _sample()
    given = {name: sample[name] for name in ("image", "sound")}
    found = shipped.explain(**given)
    assert found.base + sum(found.modalities.values()) == pytest.approx(shipped.predict(**given).score, abs=1e-5)
    assert found.base == 0.0


def test_a_checkpoint_reads_back_to_the_same_score(shipped, tmp_path):
    shipped.save(tmp_path / "copy")
    again = InspectionPipeline.from_pretrained(tmp_path / "copy")
    image = _sample()["image"]
    assert again.predict(image=image).score == pytest.approx(shipped.predict(image=image).score, abs=1e-6)


def test_the_program_equals_the_pipeline_for_every_subset(shipped):
    program = shipped.program()
    assert len(program.cases) == 7
    for tensors in program.cases.values():
        answer, gates = program.eager(tensors)
        assert torch.isfinite(answer).all()
        assert ((gates == 0) == ~tensors[-1]).all()


def write_photos(root, count, *, marked=False, seed=0):
    root.mkdir(parents=True)
    for number in range(count):
        generator = np.random.default_rng(100 * seed + number)
        pixels = 120 + generator.normal(size=(64, 64)) * 5
        if marked:
            pixels[20:34, 20:34] = 240
        Pillow.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / f"{seed}{number}.png")


def test_a_folder_of_good_photographs_becomes_an_inspector(shipped, tmp_path):
    write_photos(tmp_path / "data" / "train" / "good", 12)
    write_photos(tmp_path / "data" / "test" / "good", 3, seed=1)
    write_photos(tmp_path / "data" / "test" / "spot", 3, marked=True, seed=2)
    fitted = shipped.fit(tmp_path / "data", out=tmp_path / "mine", options=FitOptions(epochs=1))
    assert fitted.card["promised false rejects"]["image"] == pytest.approx(1 / 6)
    mine = InspectionPipeline.from_pretrained(tmp_path / "mine")
    found = mine.evaluate(tmp_path / "data")
    assert found.metrics["image_auroc"] == 1.0
    assert found.n == 6
    spot = next((tmp_path / "data" / "test" / "spot").iterdir())
    answer = mine.predict(image=spot)
    assert answer.verdict == "reject"
    x, y = answer.defects[0].centroid_px
    assert 15 < x < 40
    assert 15 < y < 40
    assert any("99 good units" in warning for warning in answer.warnings)


def test_too_few_good_units_are_refused(shipped, tmp_path):
    write_photos(tmp_path / "data" / "train" / "good", 3)
    with pytest.raises(InputError, match="at least 8"):
        shipped.fit(tmp_path / "data", out=tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_an_infinite_threshold_never_rejects():
    assert Threshold(scores=np.zeros(0)).value == np.inf


@pytest.mark.parametrize("sense", ["scan", "image", "sound"])
def test_one_sense_alone_keeps_the_order_of_its_surprise(shipped, sense):
    scale = shipped.inspector.scale
    away = np.linspace(-1.0, 30.0, 9)
    seen = []
    for value in away:
        centre, spread = scale.centre[sense], scale.spread[sense]
        numbers = {name: centre[name] + value * spread[name] for name in scale.columns(sense)}
        seen.append(Seen(numbers=numbers, score=centre["score"] + value * spread["score"]))
    surprise = [scale.surprise(sense, each) for each in seen]
    scores = shipped.inspector.scores([{sense: each} for each in seen])
    assert (np.diff(surprise) > 0).all()
    assert (np.diff(scores) > 0).all()
