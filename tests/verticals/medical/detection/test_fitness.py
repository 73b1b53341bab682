"""Scans that the detector can, and cannot, be trusted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from colonnade.core.types import Volume
from colonnade.verticals.medical.detection.fitness import Doubt, bounds, doubts, qualities_of
from colonnade.verticals.medical.detection.lungs import Lungs, find_lungs
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.simulation.phantom import draw_chest


@pytest.fixture(scope="module")
def chest() -> Volume:
    return draw_chest(3, step=2.5, extent=(230.0, 170.0, 160.0))


def measured(volume: Volume) -> tuple[dict[str, float], Lungs]:
    values, lungs = qualities_of(volume), find_lungs(volume)
    assert values is not None
    assert lungs is not None
    return values, lungs


def test_a_scan_like_those_of_training_leaves_no_doubt(chest: Volume) -> None:
    values, lungs = measured(chest)
    assert -900 < values["density"] < -700
    assert doubts(values, bounds([values]), lungs) == ()


@pytest.mark.parametrize(("noise", "refer"), [(45.0, False), (250.0, True)])
def test_noise_beyond_what_was_learnt_is_told_and_much_of_it_refers(chest: Volume, noise: float, refer: bool) -> None:
    known, _ = measured(chest)
    learnt = {"noise": (known["noise"], known["noise"] + 15.0)}
    grain = np.random.default_rng(0).normal(0, noise, chest.voxels.shape).astype(np.float32)
    values, lungs = measured(Volume(voxels=chest.voxels + grain, affine=chest.affine))
    (doubt,) = doubts(values, learnt, lungs)
    assert "the noise in the lungs is" in doubt.says
    assert doubt.refer is refer


def test_lungs_that_end_at_the_edge_of_the_picture_are_told(chest: Volume) -> None:
    half = Volume(voxels=chest.voxels[:, :, : chest.voxels.shape[2] // 2], affine=chest.affine)
    values, lungs = measured(half)
    assert doubts(values, {}, lungs) == (
        Doubt(says="the lungs are cut off above: what lies outside the picture is not seen"),
    )


@pytest.mark.parametrize(("learnt", "status"), [((-1000.0, -600.0), "ok"), ((-310.0, -300.0), "refer")])
def test_an_answer_about_an_unusual_scan_says_not_to_rely_on_it(
    learnt: tuple[float, float], status: str, chest: Volume
) -> None:
    shipped = NodulePipeline.from_pretrained()
    pipeline = shipped.with_operating(replace(shipped.operating, learnt={"density": learnt}))
    result = pipeline.predict(ct=chest)
    assert result.status == status
    assert any("do not rely on this answer" in each for each in result.warnings) is (status == "refer")


def test_a_breath_between_two_slices_is_told_as_a_jump(chest: Volume) -> None:
    known, _ = measured(chest)
    learnt = bounds([known])
    breathed = chest.voxels.copy()
    middle = breathed.shape[2] // 2
    breathed[..., middle:] = np.roll(breathed[..., middle:], 4, axis=1)  # 10 mm towards the front
    values, lungs = measured(Volume(voxels=breathed, affine=chest.affine))
    assert values["jump"] > 2 * known["jump"]
    assert any("largest jump of the lungs' outline" in each.says for each in doubts(values, learnt, lungs))
    assert learnt["jump"][0] == 0.0


def test_slices_too_far_apart_for_nodules_refer(chest: Volume) -> None:
    values, lungs = measured(chest)
    assert doubts(values, {}, lungs, 5.0) == ()
    (doubt,) = doubts(values, {}, lungs, 10.0)
    assert doubt.refer
    assert "slices are 10.0 mm apart" in doubt.says
