"""Pictures for the page."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from colonnade.core.types import Image as Pixels
from colonnade.core.types import Waveform
from colonnade.verticals.industrial.records import Photo, Sound
from colonnade.verticals.industrial.station.pictures import HIGHEST, LOWEST, ROWS, haze, photograph, spectrogram


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_the_photograph_is_shown_as_it_came():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3))
    shown = opened(photograph(Photo(image=Pixels(pixels=(pixels / 255).astype(np.float32)))))
    np.testing.assert_array_equal(shown, pixels)


def test_what_good_photographs_show_stays_clear_and_the_strangest_place_is_opaque():
    anomaly = np.full((20, 30), -5.0)
    anomaly[4, 7] = 3.0
    shown = opened(haze(anomaly, 1.0))
    assert shown.shape == (20, 30, 4)
    assert shown[4, 7, 3] == 255
    assert shown[10, 10, 3] == 0


def test_a_tone_is_bright_at_its_place_on_the_logarithmic_axis():
    time = np.arange(16_000) / 16_000
    wave = Waveform(samples=np.sin(2 * np.pi * 1_000 * time).astype(np.float32), rate=16_000)
    shown = opened(spectrogram(Sound(wave=wave))).astype(int).sum(axis=2)
    assert len(shown) == ROWS
    row = shown[:, shown.shape[1] // 2].argmax()
    share = np.log(HIGHEST / 1_000) / np.log(HIGHEST / LOWEST)
    assert abs(row / ROWS - share) < 0.01
