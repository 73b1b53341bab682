"""Which photographs can be judged."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from colonnade.verticals.industrial.camera.images import read_image
from colonnade.verticals.industrial.camera.quality import fit_quality


def flat(seed, *, spot=False, blur=0.0):
    pixels = 120 + np.random.default_rng(seed).normal(size=(96, 128)) * 5
    if spot:
        pixels[20:34, 20:34] = 240
    return read_image(gaussian_filter(pixels, blur).clip(0, 255).astype(np.uint8))


def textured(seed, *, blur=0.6):
    generator = np.random.default_rng(seed)
    pixels = np.full((200, 160), 20.0)
    pixels[30:170, 20:140] = 130 + gaussian_filter(generator.normal(size=(140, 120)), 0.7) * 40
    seen = gaussian_filter(pixels, blur) + generator.normal(size=pixels.shape)
    return read_image(seen.clip(0, 255).astype(np.uint8))


def test_a_bright_spot_on_a_flat_surface_is_not_out_of_focus():
    quality = fit_quality([flat(seed) for seed in range(6)])
    assert quality.refused(flat(9, spot=True)) == ""


@pytest.mark.parametrize("photo", [flat, textured])
def test_a_blurred_photograph_is_out_of_focus_and_a_good_one_is_not(photo):
    quality = fit_quality([photo(seed) for seed in range(6)])
    assert quality.refused(photo(9)) == ""
    assert "out of focus" in quality.refused(photo(9, blur=2.4))


def test_a_photograph_narrower_than_a_tile_has_a_focus_too():
    generator = np.random.default_rng(0)
    narrow = [read_image((120 + generator.normal(size=(32, 900)) * 5).astype(np.uint8)) for _ in range(2)]
    assert fit_quality(narrow[:1]).refused(narrow[1]) == ""


def test_a_lamp_at_a_tenth_is_too_dark():
    good = textured(0)
    dim = read_image((good.pixels[:, :, 0] * 255 * 0.1).round().astype(np.uint8))
    assert "too dark" in fit_quality([good]).refused(dim)
