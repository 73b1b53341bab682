from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.adaptation import windows as module
from colonnade.verticals.medical.adaptation.windows import Ground, Windows, draw_window, ground_of
from colonnade.verticals.medical.detection.detector import STEP, Detector
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.simulation.patches import SIZE
from colonnade.verticals.medical.simulation.simulate import Lesion


@pytest.fixture(scope="module")
def detector() -> Detector:
    return NodulePipeline.from_pretrained().detector


@pytest.fixture(scope="module")
def thick(chest: tuple[Volume, Array, Array]) -> tuple[Volume, Array]:
    """The chest in slices of 6 mm."""
    volume, mask, _ = chest
    depth = volume.voxels.shape[2] // 3 * 3
    parts = [each[:, :, :depth].reshape(*each.shape[:2], -1, 3) for each in (volume.voxels, mask)]
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2]
    affine[:3, 2] *= 3
    return Volume(voxels=parts[0].mean(axis=3), affine=affine), (parts[1].mean(axis=3) >= 0.5).astype(np.uint8)


@pytest.fixture(scope="module")
def site(thick: tuple[Volume, Array], detector: Detector) -> tuple[Ground, Ground, list[Lesion]]:
    """The scan with its label, the same without, and the nodule of the first."""
    told, bare = ground_of(*thick, detector), ground_of(thick[0], None, detector)
    assert told is not None
    assert bare is not None
    return told[0], bare[0], told[1]


def test_a_scan_is_kept_in_its_own_slices(site: tuple[Ground, Ground, list[Lesion]]) -> None:
    told, bare, lesions = site
    assert told.step == pytest.approx(6.0)
    assert (told.labelled, bare.labelled) == (True, False)
    assert told.truth.any()
    assert not bare.truth.any()
    assert [round(each.diameter) for each in lesions] == pytest.approx([14], abs=2)


def test_where_nobody_told_and_the_detector_is_sure_nothing_is_learnt(
    site: tuple[Ground, Ground, list[Lesion]],
) -> None:
    told, bare, _ = site
    assert not told.unsure.any()
    assert bare.unsure[told.truth].mean() > 0.9, "the nodule that nobody told of"
    for seed in range(20):
        window = draw_window(bare, [], np.random.default_rng(seed))
        assert not window.truth.any()
        sure = (window.values > -300) & (window.weight == 0)
        if sure.any():
            return
    pytest.fail("no window held the place")


def test_hard_places_are_no_nodules(site: tuple[Ground, Ground, list[Lesion]]) -> None:
    told, _, _ = site
    assert not told.truth[tuple(told.hard.T)].any()


def test_windows_hold_what_was_put_in(site: tuple[Ground, Ground, list[Lesion]]) -> None:
    _, bare, lesions = site
    bare = replace(bare, unsure=np.zeros_like(bare.unsure))
    drawn = [draw_window(bare, lesions, np.random.default_rng(seed)) for seed in range(20)]
    assert {each.values.shape for each in drawn} == {(SIZE, SIZE, SIZE)}
    put_in = [each for each in drawn if each.placed]
    assert len(put_in) >= 5
    for each in put_in:
        assert np.median(each.values[each.truth]) > -400
        assert each.weight[each.truth].min() > 0
    assert not any(each.truth.any() for each in drawn if not each.placed)


def test_slices_are_interpolated_as_prediction_does(site: tuple[Ground, Ground, list[Lesion]]) -> None:
    values = np.arange(4, dtype=np.float32)[None, None] * np.ones((2, 2, 1), np.float32)
    where = np.arange(8) * STEP / 2.5
    np.testing.assert_allclose(module.deepened(values, where)[0, 0], np.minimum(where, 3))


def test_the_same_seed_draws_the_same_windows(site: tuple[Ground, Ground, list[Lesion]]) -> None:
    told, bare, lesions = site

    def first(seed: int) -> tuple[torch.Tensor, ...]:
        return Windows(grounds=[told, bare], lesions=lesions, size=2, batches=3, seed=seed)(1)[2]

    assert all(torch.equal(one, other) for one, other in zip(first(3), first(3), strict=True))
    assert not torch.equal(first(3)[0], first(4)[0])
    assert all(each.shape == (2, 1, SIZE, SIZE, SIZE) for each in first(3))
