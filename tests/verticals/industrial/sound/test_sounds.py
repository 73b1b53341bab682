"""Recordings at the border, their spectra, and how far they lie from good ones."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from colonnade.core.errors import FileError, FormatError
from colonnade.core.types import Waveform
from colonnade.verticals.industrial.sound.memory import fit_sounds
from colonnade.verticals.industrial.sound.sounds import RATE, read_sound, usable
from colonnade.verticals.industrial.sound.spectrum import views

TONE = np.sin(np.arange(RATE) * 0.3).astype(np.float32) * 0.3


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
    from colonnade.verticals.industrial.sound.spectrum import envelope

    rates, lines = envelope(read_sound(Waveform(samples=samples, rate=RATE)))
    assert abs(rates[lines.argmax()] / 87 - round(rates[lines.argmax()] / 87)) < 0.06
    assert set(views(read_sound(Waveform(samples=samples, rate=RATE)))) == {"spectrum", "envelope"}


def test_distance_to_good_sounds_is_one_for_good_and_grows_without_bound():
    generator = np.random.default_rng(0)
    rows = [{"spectrum": generator.normal(size=12).astype(np.float32)} for _ in range(200)]
    memory = fit_sounds(rows[:150], level=0.0)
    good = np.mean([memory.distances(row)["spectrum"] for row in rows[150:]])
    assert good == pytest.approx(1.0, abs=0.15)
    near, far = (memory.distances({"spectrum": np.full(12, value)})["spectrum"] for value in (10.0, 1000.0))
    assert far == pytest.approx(100 * near, rel=0.02)
