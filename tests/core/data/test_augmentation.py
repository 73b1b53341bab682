"""Each augmentation changes what it says and leaves what it must, by its seed and within bounds; labels follow."""

from __future__ import annotations

import re

import numpy as np
import pytest

from colonnade.core.data.augmentation.images import cutmix, mosaic
from colonnade.core.data.augmentation.sounds import spec_augment
from colonnade.core.data.augmentation.texts import FORMS, said_otherwise, slips, synonyms, there_and_back
from colonnade.core.data.augmentation.volumes import elastic, hu_shift, jittered
from colonnade.core.errors import ConfigError
from colonnade.core.random import numpy_generator


def drawn(seed: int = 0) -> np.random.Generator:
    return numpy_generator(seed, "augmentation test")


def test_labels_of_cutmix_are_the_shares_of_the_area_to_the_pixel():
    pixels = np.stack([np.full((16, 12, 1), float(row)) for row in range(5)])
    mixed = cutmix(pixels, np.eye(5), drawn())
    for row in range(5):
        area = [(mixed.pixels[row] == label).mean() for label in range(5)]
        np.testing.assert_allclose(mixed.shares[row], area, atol=1e-12)
    np.testing.assert_allclose(mixed.shares.sum(axis=1), 1)
    assert (mixed.shares.max(axis=1) < 1).any()


def test_a_place_in_a_part_of_a_mosaic_is_found_again_by_its_offset():
    generator = drawn(1)
    parts = [number + generator.random((20, 24, 1)) for number in range(4)]
    found = mosaic(parts, generator)
    for number, ((top, left, bottom, right), (down, across)) in enumerate(zip(found.boxes, found.offsets, strict=True)):
        here = found.pixels[top:bottom, left:right]
        there = parts[number][top - down : bottom - down, left - across : right - across]
        np.testing.assert_array_equal(here, there)
    assert sum((b - t) * (r - left) for t, left, b, r in found.boxes) == 20 * 24


def test_spec_augment_hides_whole_bands_and_stretches_and_leaves_the_rest():
    spectrogram = drawn().normal(size=(80, 40))
    found = spec_augment(spectrogram, drawn(2))
    changed = found != spectrogram
    assert 0 < changed.mean() < 0.6
    assert (found[changed] == spectrogram.mean()).all()
    whole = changed.all(axis=0)[None, :] | changed.all(axis=1)[:, None]
    np.testing.assert_array_equal(changed, whole & changed)
    np.testing.assert_array_equal(spec_augment(spectrogram, drawn(), bands=0, stretches=0), spectrogram)


TEXT = "If I can't get the refund of 25.50 EUR by 3 May, I do not need help from IBAN DE89370400440532013000"


@pytest.mark.parametrize("change", [synonyms, there_and_back, slips, said_otherwise])
def test_numbers_and_codes_survive_every_change_of_a_text(change):
    for seed in range(40):
        found = change(TEXT, drawn(seed))
        assert re.findall(r"\S*\d\S*", found) == re.findall(r"\S*\d\S*", TEXT) or set(
            re.findall(r"[\d.]+|DE\d+", found)
        ) == set(re.findall(r"[\d.]+|DE\d+", TEXT))


def test_no_short_form_turns_a_no_into_a_yes():
    for seed in range(40):
        found = there_and_back("I can't pay, and it isn't my card", drawn(seed))
        assert len(re.findall(r"can't|cannot", found)) == 1
        assert len(re.findall(r"isn't|is not|'s not", found)) == 1
    assert len({short for _, short in FORMS}) == len(FORMS)


def test_texts_change_with_the_seed_and_not_without():
    found = {said_otherwise(TEXT, drawn(seed)) for seed in range(20)}
    assert len(found) > 5
    assert said_otherwise(TEXT, drawn(3)) == said_otherwise(TEXT, drawn(3))
    assert synonyms(TEXT, drawn(), share=0) == slips(TEXT, drawn(), share=0) == TEXT


def test_labels_bend_with_their_volume():
    generator = drawn()
    grid = np.indices((24, 20, 16)).astype(float)
    ball = (((grid - np.array([12, 10, 8])[:, None, None, None]) ** 2).sum(axis=0) < 25).astype(np.uint8)
    volume = np.where(ball, 40.0, -800.0).astype(np.float32)
    found = elastic(volume, generator, spacing=(1.5, 1.5, 2.0), most_mm=4, grain_mm=15, labels=ball)
    assert found.labels is not None
    assert set(np.unique(found.labels)) == {0, 1}
    assert not np.array_equal(found.labels, ball)
    assert (found.voxels[found.labels == 1] > -380).mean() > 0.95
    assert (found.voxels[found.labels == 0] < -380).mean() > 0.95
    assert 0.6 < found.labels.sum() / ball.sum() < 1.6


def test_no_voxel_travels_further_than_it_may():
    ramp = np.broadcast_to(np.arange(40.0)[:, None, None], (40, 12, 12)).copy()
    found = elastic(ramp, drawn(), spacing=(2.0, 2.0, 2.0), most_mm=3, grain_mm=20).voxels
    assert 0 < np.abs(found - ramp).max() <= 1.5 + 1e-6  # 3 mm are 1.5 voxels


def test_hounsfield_units_move_together_and_noise_is_as_wide_as_said():
    volume = np.linspace(-1000, 400, 4096).reshape(16, 16, 16)
    moved = hu_shift(volume, drawn(), most=25) - volume
    assert np.ptp(moved) < 1e-6
    assert 0 < abs(moved.mean()) <= 25
    noise = jittered(volume, drawn(), noise=15, gain=0) - volume
    assert 13 < noise.std() < 17


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: elastic(np.zeros((4, 4, 4)), drawn(), spacing=(1, 1, 1), most_mm=9, grain_mm=9),
        lambda: hu_shift(np.zeros((4, 4, 4)), drawn(), most=-1),
        lambda: mosaic([np.zeros((4, 4, 1))] * 3, drawn()),
        lambda: cutmix(np.zeros((2, 4, 4, 1)), np.eye(3), drawn()),
        lambda: slips("word", drawn(), share=2),
        lambda: spec_augment(np.zeros((4, 4)), drawn(), share=1.0),
    ],
)
def test_amounts_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()
