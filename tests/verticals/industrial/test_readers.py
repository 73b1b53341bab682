"""Images and sounds at the border."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

from colonnade.core.errors import FileError, FormatError
from colonnade.core.types import Waveform
from colonnade.verticals.industrial.images import read_image
from colonnade.verticals.industrial.sounds import RATE, read_sound, usable
from colonnade.verticals.industrial.spectrum import views

TONE = np.sin(np.arange(RATE) * 0.3).astype(np.float32) * 0.3


def test_grey_colour_and_sixteen_bit_pictures_are_read(tmp_path):
    values = np.linspace(0, 255, 40 * 50).reshape(40, 50).astype(np.uint8)
    Pillow.fromarray(values).save(tmp_path / "a.png")
    Pillow.fromarray(np.stack([values] * 3, axis=2)).save(tmp_path / "b.bmp")
    Pillow.fromarray(values.astype(np.uint16) * 257).save(tmp_path / "c.png")
    grey, colour, deep = (read_image(tmp_path / name).pixels for name in ("a.png", "b.bmp", "c.png"))
    assert grey.shape == (40, 50, 1)
    assert colour.shape == (40, 50, 3)
    assert np.allclose(grey, deep, atol=1e-3)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Pillow.new("L", (400, 400)).save(tmp_path / "a.png")
    monkeypatch.setattr("colonnade.verticals.industrial.images.LARGEST", 100_000)
    with pytest.raises(FormatError, match="400 by 400"):
        read_image(tmp_path / "a.png")


def test_a_truncated_or_foreign_picture_is_refused(tmp_path):
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:900])
    (tmp_path / "b.png").write_text("not a picture")
    for name in ("a.png", "b.png"):
        with pytest.raises((FileError, FormatError)):
            read_image(tmp_path / name)


def test_a_black_picture_is_said(tmp_path):
    assert "uniform" in read_image(np.zeros((64, 64), np.uint8)).notes[0]


def test_another_rate_is_resampled_visibly(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([TONE, TONE], axis=1), 48_000)
    sound = read_sound(tmp_path / "a.wav")
    assert sound.wave.rate == RATE
    assert len(sound.wave.samples) == pytest.approx(RATE / 3, abs=2)
    assert any("48000 to 16000" in note for note in sound.notes)
    assert any("channels" in note for note in sound.notes)


def test_silence_clipping_and_shortness_are_said():
    silent = read_sound(Waveform(samples=np.zeros(RATE), rate=RATE))
    assert not usable(silent)
    assert "silent" in silent.notes[0]
    clipped = read_sound(Waveform(samples=np.clip(TONE * 9, -1, 1), rate=RATE))
    assert "clipped" in clipped.notes[0]
    with pytest.raises(FormatError, match="at least 0\\.25 s"):
        read_sound(Waveform(samples=TONE[:800], rate=RATE))


def test_a_truncated_wav_is_a_file_error(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    with pytest.raises(FileError):
        read_sound(tmp_path / "a.wav")


def test_the_envelope_shows_the_rate_of_impacts():
    generator = np.random.default_rng(0)
    samples = generator.normal(size=RATE) * 0.02
    ring = np.exp(-np.arange(200) / 30) * np.sin(np.arange(200) * 2 * np.pi * 4000 / RATE)
    for at in np.arange(50, RATE - 300, RATE // 87):
        samples[at : at + 200] += ring
    from colonnade.verticals.industrial.spectrum import envelope

    rates, lines = envelope(read_sound(Waveform(samples=samples, rate=RATE)))
    assert abs(rates[lines.argmax()] / 87 - round(rates[lines.argmax()] / 87)) < 0.06
    assert set(views(read_sound(Waveform(samples=samples, rate=RATE)))) == {"spectrum", "envelope"}
