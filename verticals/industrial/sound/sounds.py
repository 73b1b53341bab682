"""Reads a recording: WAV or FLAC through soundfile, to one channel at the rate the inspector listens at.

Silence, clipping and resampling are said, never hidden. Knows nothing of machines.
"""

from __future__ import annotations

from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import FileError, FormatError
from ....core.types import Waveform
from ..records import Sound

RATE = 16_000  # samples a second
SHORTEST = 0.25  # seconds
LONGEST = 30.0  # seconds that are listened to
FAINTEST = 1e-5  # of full scale
DROPPED = 0.05  # seconds without any change
CLIPPED = 0.01  # share of the samples from which nothing is judged


def read_sound(value: Any) -> Sound:
    """A path or a Waveform becomes a Sound at 16 kHz.

    Raises:
        FileError: truncated or unreadable.
        FormatError: not WAV or FLAC, too short, or holding NaN.
    """
    if isinstance(value, Sound):
        return value
    notes: list[str] = []
    wave = value if isinstance(value, Waveform) else _open(value, notes)
    seconds = len(wave.samples) / wave.rate
    if seconds < SHORTEST:
        raise FormatError(f"the recording lasts {seconds:.3f} s: at least {SHORTEST} s are needed")
    if seconds > LONGEST:
        notes.append(f"the recording lasts {seconds:.0f} s: the first {LONGEST:.0f} s were listened to")
        wave = Waveform(samples=wave.samples[: int(LONGEST * wave.rate)], rate=wave.rate)
    said, refused = _noticed(wave)
    notes += said
    return Sound(wave=_at_rate(wave, notes), notes=tuple(notes), refused=refused)


def usable(sound: Sound) -> bool:
    """Whether there is anything to hear."""
    return _swing(sound.wave.samples) > FAINTEST


def trouble(sound: Sound) -> str:
    """Why the recording cannot be judged, or nothing."""
    return sound.refused or _noticed(sound.wave)[1]


def _open(value: Any, notes: list[str]) -> Waveform:
    import soundfile

    if not isinstance(value, (str, Path)):
        raise FormatError(f"a sound is a path to WAV or FLAC, or a Waveform with its rate, got {type(value).__name__}")
    try:
        with soundfile.SoundFile(str(value)) as stream:
            if stream.format not in ("WAV", "WAVEX", "FLAC", "RF64"):
                raise FormatError(f"{value} is {stream.format}: give WAV or FLAC")
            if stream.frames > 3600 * stream.samplerate:
                raise FormatError(f"{value} lasts over an hour: cut the run of one unit out of it")
            samples, rate = stream.read(dtype="float32", always_2d=True), int(stream.samplerate)
    except (soundfile.LibsndfileError, OSError) as error:
        raise FileError(f"{value} is truncated or not a WAV or FLAC file: {error}") from error
    if not len(samples):
        raise FileError(f"{value} holds no samples")
    if samples.shape[1] > 1:
        notes.append(f"{samples.shape[1]} channels were averaged to one")
    return Waveform(samples=samples.mean(axis=1), rate=rate)


def _at_rate(wave: Waveform, notes: list[str]) -> Waveform:
    if wave.rate == RATE:
        return wave
    if wave.rate < 4_000:
        raise FormatError(f"the recording has {wave.rate} samples a second: bearing faults need at least 4000")
    from scipy.signal import resample_poly

    common = gcd(wave.rate, RATE)
    notes.append(f"the recording was resampled from {wave.rate} to {RATE} Hz")
    samples = resample_poly(wave.samples, RATE // common, wave.rate // common).astype(np.float32)
    return Waveform(samples=samples, rate=RATE)


def _noticed(wave: Waveform) -> tuple[list[str], str]:
    """What to tell, and why the recording cannot be judged (empty where it can)."""
    samples = wave.samples
    if _swing(samples) <= FAINTEST:
        reason = "the recording is silent: the microphone was not heard, so the sound was not judged"
        return [reason], reason
    steady = np.diff(samples) == 0
    lost = _longest(steady) / wave.rate
    if lost > DROPPED:
        reason = f"the recording stands still for {lost:.2f} s: the microphone dropped out, so the sound was not judged"
        return [reason], reason
    peak = float(np.abs(samples).max())
    held = np.abs(samples) >= 0.999 * peak
    clipped = float((held[1:] & held[:-1]).mean())
    if clipped <= 0.001:
        return [], ""
    said = f"{clipped:.1%} of the recording is clipped: lower the microphone's gain"
    return [said], said if clipped > CLIPPED else ""


def _swing(samples: np.ndarray) -> float:
    """The largest departure from the recording's own mean: a microphone that only gives a constant is silent."""
    return float(np.abs(samples - samples.mean()).max())


def _longest(steady: np.ndarray) -> int:
    """The length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], steady, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
