"""The sound expert: physical lines are named, what cannot be heard is refused, and it survives a round trip."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.core.random import numpy_generator
from colonnade.core.types import Waveform
from colonnade.verticals.industrial.simulate.machine import RATE, run
from colonnade.verticals.industrial.sound.expert import SoundExpert, fit_sound
from colonnade.verticals.industrial.sound.lines import Machine, shaft_rate
from colonnade.verticals.industrial.sound.sounds import read_sound


def recorded(fault, number, *, snr=3.0, severity=0.6):
    generator = numpy_generator(number, f"recorded {fault}")
    return read_sound(Waveform(samples=run(fault, severity, generator, snr=snr), rate=RATE))


@pytest.fixture(scope="module")
def expert():
    return fit_sound([recorded(None, number) for number in range(24)])


def test_orders_are_those_of_a_6205_bearing():
    orders = Machine().orders()
    assert orders["BPFO"] == pytest.approx(3.585, abs=1e-3)
    assert orders["BPFI"] == pytest.approx(5.415, abs=1e-3)
    assert orders["FTF"] == pytest.approx(0.398, abs=1e-3)
    assert orders["2xBSF"] == pytest.approx(4.714, abs=1e-3)


def test_the_shaft_is_read_off_the_recording():
    found = [shaft_rate(recorded(None, number), Machine()) for number in range(5)]
    assert np.allclose(found, 24.2, atol=0.5)
    assert shaft_rate(recorded(None, 0), Machine(shaft=30.0)) == 30.0


@pytest.mark.parametrize(
    ("fault", "name"), [("outer_race", "BPFO"), ("inner_race", "BPFI"), ("tooth", "1x"), ("imbalance", "shaft 1x")]
)
def test_a_fault_stands_out_at_its_own_order(expert, fault, name):
    heard = expert.look(recorded(fault, 50))
    assert heard.lines[0].name == name
    assert heard.lines[0].hertz == pytest.approx(heard.lines[0].order * 24.2, rel=0.03)
    assert name in heard.lines[0].sentence()
    good = [expert.look(recorded(None, number)).score for number in range(60, 66)]
    assert heard.score > max(good)


def test_broad_noise_is_heard_by_its_bands_though_no_line_stands_out(expert):
    heard = expert.look(recorded("lubrication", 50))
    assert heard.numbers["bands"] > 3 > heard.numbers["lines"]


def test_good_recordings_that_were_not_learned_lie_within_a_few_spreads(expert):
    scores = [expert.look(recorded(None, number)).score for number in range(100, 120)]
    assert np.median(scores) < 2
    assert max(scores) < 6


def test_the_score_is_not_clamped(expert):
    loud = recorded(None, 3)
    strange = [
        expert.look(
            read_sound(Waveform(samples=loud.wave.samples + added * noise(len(loud.wave.samples)), rate=RATE))
        ).score
        for added in (0.1, 1.0, 10.0)
    ]
    assert strange[0] < strange[1] < strange[2]


def noise(count):
    return np.random.default_rng(0).normal(size=count).astype(np.float32)


def broken(kind):
    samples = recorded(None, 7).wave.samples.copy()
    if kind == "silent":
        samples[:] = 0.2  # a constant is silence too
    elif kind == "clipped":
        samples = np.clip(samples * 20, -0.5, 0.5)
    elif kind == "dropped out":
        samples[4_000:6_000] = 0.0
    else:
        from scipy.signal import resample_poly

        return read_sound(Waveform(samples=resample_poly(samples, 1, 2).astype(np.float32), rate=RATE // 2))
    return read_sound(Waveform(samples=samples, rate=RATE))


@pytest.mark.parametrize(
    ("kind", "said"),
    [("silent", "silent"), ("clipped", "clipped"), ("dropped out", "stands still"), ("lower rate", "lower rate")],
)
def test_a_recording_that_cannot_be_judged_is_refused_with_a_sentence(expert, kind, said):
    heard = expert.look(broken(kind))
    assert said in heard.refused
    assert np.isnan(heard.score)
    assert not heard.numbers


def test_it_survives_its_own_round_trip(expert):
    again = SoundExpert.of(expert.config(), expert.tensors())
    sound = recorded("tooth", 9)
    assert again.look(sound).score == pytest.approx(expert.look(sound).score, rel=1e-6)
    assert again.look(sound).lines == expert.look(sound).lines


def test_two_recordings_are_enough_to_begin_with_and_none_is_an_error():
    few = fit_sound([recorded(None, 0), recorded(None, 1)])
    assert few.look(recorded("outer_race", 5, severity=1.0)).score > few.look(recorded(None, 5)).score
    with pytest.raises(InputError, match="none of the 1"):
        fit_sound([broken("silent")])
