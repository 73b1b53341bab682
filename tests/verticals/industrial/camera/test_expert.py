"""The camera expert: taught on planted defects alone, it sees others; what cannot be judged is refused in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colonnade.core.errors import InputError
from colonnade.verticals.industrial.camera.expert import CameraExpert, fit_camera
from colonnade.verticals.industrial.camera.images import read_image
from colonnade.verticals.industrial.camera.runner import EAGER


def surface(seed, scratch=False, gain=1.0, shape=(112, 96)):
    generator = np.random.default_rng(seed)
    pixels = 0.45 + 0.02 * generator.normal(size=shape) + 0.03 * generator.normal(size=(1, shape[1]))
    if scratch:
        pixels[40:70, 30:34] *= 0.3
    return read_image(np.clip(pixels * gain, 0, 1).astype(np.float32))


@pytest.fixture(scope="module")
def expert():
    return fit_camera([surface(seed) for seed in range(4)], seed=0, steps=25)


def test_a_scratch_that_was_never_shown_is_stranger_than_good_surfaces_and_in_its_place(expert):
    good = [expert.look(surface(seed)).score for seed in range(20, 26)]
    look = expert.look(surface(30, scratch=True))
    assert look.score > max(good)
    row, column = np.unravel_index(look.map.argmax(), look.map.shape)
    assert 34 < row < 76
    assert 22 < column < 42
    assert look.map.shape == (112, 96)
    assert look.numbers["worst"] >= look.numbers["strange"] == look.score


def test_an_exposure_that_changed_hardly_moves_the_score(expert):
    plain, bright = (expert.look(surface(30, gain=gain)).score for gain in (0.8, 1.0))
    scratched = expert.look(surface(30, scratch=True, gain=0.8)).score
    assert abs(plain - bright) < 0.2 * (scratched - plain)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.zeros((112, 96), np.uint8), "black"),
        (np.full((112, 96), 90, np.uint8), "uniform"),
        (np.full((112, 96), 255, np.uint8) - np.eye(112, 96, dtype=np.uint8) * 200, "overexposed"),
    ],
)
def test_a_camera_that_sees_nothing_is_refused(expert, picture, said):
    look = expert.look(read_image(picture))
    assert said in look.refused
    assert np.isnan(look.score)
    assert not look.numbers


def test_dark_and_defocused_photographs_are_refused(expert):
    from scipy.ndimage import gaussian_filter

    pixels = surface(7).pixels
    assert "dark" in expert.look(read_image(pixels * 0.1)).refused
    assert "bright" in expert.look(read_image(np.clip(pixels * 2.05, 0, 0.99))).refused
    assert "focus" in expert.look(read_image(gaussian_filter(pixels, (2, 2, 0)))).refused
    assert not expert.look(surface(8)).refused


def test_the_engine_answers_as_torch_does(expert):
    pytest.importorskip("openvino")
    again = CameraExpert.of(expert.config(), expert.tensors())
    photos = [surface(seed, scratch=seed % 2 == 0, shape=(100 + 4 * seed, 90)) for seed in range(EAGER + 2)]
    for photo in photos[:EAGER]:
        again.look(photo)
    fresh = CameraExpert.of(expert.config(), expert.tensors())
    for photo in photos[EAGER:]:
        assert np.abs(again.logits(photo) - fresh.logits(photo)).max() < 1e-3
    assert (again._run.engine, fresh._run.engine) == ("openvino", "torch")


def test_where_requests_wait_the_engine_starts_beside_them(expert):
    pytest.importorskip("openvino")
    serving = CameraExpert.of(expert.config(), expert.tensors())
    serving.serve()
    photos = [surface(seed, scratch=True) for seed in range(2)]
    first = [serving.look(photo).score for photo in photos]
    runner = serving._run
    starting = runner._starting
    assert starting is not None
    serving.look(photos[0])
    assert runner._starting is starting
    runner.wait()
    assert runner.engine == "openvino"
    assert [serving.look(photo).score for photo in photos] == pytest.approx(first, abs=1e-3)


def test_it_survives_its_own_round_trip_and_is_the_same_for_the_same_seed(expert):
    again = CameraExpert.of(expert.config(), expert.tensors())
    assert again.look(surface(30)).score == pytest.approx(expert.look(surface(30)).score, abs=1e-3)
    one, two = (fit_camera([surface(0)], seed=3, steps=2).tensors() for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_teaching_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    fit_camera([surface(0)], seed=3, steps=1)
    assert torch.equal(torch.rand(1), expected)


def test_colour_is_seen_where_good_photographs_have_colour():
    coloured = [read_image(np.repeat(surface(s).pixels, 3, axis=2) * [1.0, 0.9, 0.7]) for s in range(2)]
    expert = fit_camera(coloured, seed=0, steps=2)
    assert expert.channels == 3
    assert np.isfinite(expert.look(coloured[0]).score)
    assert np.isfinite(expert.look(surface(1)).score)  # a grey photograph of the same part is still looked at


def test_black_photographs_teach_nothing():
    with pytest.raises(InputError, match="none of the 2"):
        fit_camera([read_image(np.zeros((64, 64), np.uint8))] * 2, seed=0)
