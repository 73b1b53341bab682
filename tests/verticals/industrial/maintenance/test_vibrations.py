from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from colonnade.core.errors import FormatError, UnknownName
from colonnade.core.types import Waveform
from colonnade.verticals.industrial.maintenance.envelope import RATE
from colonnade.verticals.industrial.maintenance.machines import read_machine
from colonnade.verticals.industrial.maintenance.vibrations import UNIT, read_vibration, speed_in


def recording(tmp_path, samples, *, rate=RATE, name="run.wav", subtype="FLOAT"):
    path = tmp_path / name
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def noise(seconds=1.5, rate=RATE):
    return np.random.default_rng(0).normal(size=int(seconds * rate)).astype(np.float32) * 0.1


def test_a_float_recording_in_g_is_read_as_it_is(tmp_path):
    found = read_vibration(recording(tmp_path, noise(), name="1797_run.wav"))
    assert (found.rpm, found.notes, len(found.wave.samples)) == (1797, (), 18_000)


def test_integers_have_no_unit(tmp_path):
    assert UNIT in read_vibration(recording(tmp_path, noise(), subtype="PCM_16")).notes


def test_another_rate_is_resampled_and_said(tmp_path):
    found = read_vibration(recording(tmp_path, noise(rate=48_000), rate=48_000))
    assert found.wave.rate == RATE
    assert "resampled from 48000" in found.notes[0]


@pytest.mark.parametrize(
    ("samples", "rate", "match"),
    [
        (noise(0.4), RATE, "lasts 0.40 s: at least 1 s"),
        (noise(2, 8000), 8000, "8000 samples a second are too few"),
        (np.zeros(2 * RATE, np.float32), RATE, "silent"),
        (np.full(2 * RATE, 0.3, np.float32), RATE, "silent"),
    ],
)
def test_a_recording_that_cannot_be_judged_is_refused_in_words(tmp_path, samples, rate, match):
    with pytest.raises(FormatError, match=match):
        read_vibration(recording(tmp_path, samples, rate=rate))


def test_clipping_is_said():
    samples = np.clip(noise() * 20, -1, 1)
    assert any("clipped" in note for note in read_vibration(Waveform(samples=samples, rate=RATE)).notes)


@pytest.mark.parametrize(("name", "rpm"), [("1797_IR_7.wav", 1797), ("pump 1450rpm.wav", 1450), ("pump.wav", None)])
def test_the_speed_is_read_from_the_name(name, rpm):
    assert speed_in(name) == rpm


def test_a_machine_is_read_from_json_and_csv(tmp_path):
    fields = {"rpm": 1750, "balls": 8, "ball_mm": 6.75, "pitch_mm": 28.5, "age": 40}
    (tmp_path / "m.json").write_text(json.dumps(fields))
    (tmp_path / "m.csv").write_text(",".join(fields) + "\n" + ",".join(map(str, fields.values())) + "\n")
    one, other = read_machine(tmp_path / "m.json"), read_machine(tmp_path / "m.csv")
    assert one == other
    assert (one.rpm, one.bearing.balls, one.age, one.notes) == (1750, 8, 40, ())


def test_without_geometry_the_6205_is_taken_and_said():
    assert "6205" in read_machine({"rpm": 1750}).notes[0]


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"rpm": 29}, "is it in hertz"),
        ({"rpm": "fast"}, "rpm must be a number"),
        ({"age": -1}, "below 0"),
        ({"rpm": 1750, "balls": 9}, "balls, ball_mm and pitch_mm together"),
        ({"balls": 9, "ball_mm": 50, "pitch_mm": 39}, "smaller than the pitch circle"),
    ],
)
def test_an_impossible_machine_is_refused_in_words(fields, match):
    with pytest.raises(FormatError, match=match):
        read_machine(fields)


def test_an_unknown_field_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'rpm'"):
        read_machine({"rpms": 1750})
