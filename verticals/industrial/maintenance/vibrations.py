"""Reads a vibration recording: WAV or FLAC, to the rate that bearing faults are looked for at, with its shaft speed.

A float WAV is taken to be in g; an integer one has no unit, so its level is not judged. The speed comes from the
machine or from the file's name (`1797_...`, `..._1750rpm`). Knows nothing of verdicts.
"""

from __future__ import annotations

import re
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import FileError, FormatError
from ....core.types import Waveform
from .envelope import RATE
from .records import Vibration

SHORTEST, LONGEST = 1.0, 60.0  # seconds
UNIT = "the recording has no unit (integer samples): its level was not judged; a float WAV in g is"
_RPM = re.compile(r"(?:^(\d{3,5})_)|(?:(\d{3,5})\s?rpm)", re.IGNORECASE)


def read_vibration(value: Any) -> Vibration:
    """A path, a `Waveform` in g, or a `Vibration`.

    Raises:
        FileError: truncated or unreadable.
        FormatError: not WAV or FLAC, too short, silent, too slow, or holding NaN.
    """
    if isinstance(value, Vibration):
        return value
    notes: list[str] = []
    wave = value if isinstance(value, Waveform) else _open(value, notes)
    seconds = len(wave.samples) / wave.rate
    if seconds < SHORTEST:
        raise FormatError(
            f"vibration: the recording lasts {seconds:.2f} s: at least {SHORTEST:g} s are needed to see repeating "
            "impacts"
        )
    if seconds > LONGEST:
        notes.append(f"the recording lasts {seconds:.0f} s: the first {LONGEST:.0f} s were read")
        wave = Waveform(samples=wave.samples[: int(LONGEST * wave.rate)], rate=wave.rate)
    swing = wave.samples - wave.samples.mean()
    if float(np.abs(swing).max()) < 1e-7:
        raise FormatError("vibration: the recording is silent: the sensor was not connected")
    peak = float(np.abs(wave.samples).max())
    held = np.abs(wave.samples) >= 0.9999 * peak
    if float((held[1:] & held[:-1]).mean()) > 0.001:
        notes.append("the recording is clipped: impacts look weaker than they are")
    return Vibration(wave=_at_rate(wave, notes), rpm=speed_in(value), notes=tuple(notes))


def speed_in(value: Any) -> float | None:
    """The turns a minute that a file's name says, if it does."""
    found = _RPM.search(Path(value).stem) if isinstance(value, (str, Path)) else None
    return float(found.group(1) or found.group(2)) if found else None


def _open(value: Any, notes: list[str]) -> Waveform:
    import soundfile

    if not isinstance(value, (str, Path)):
        raise FormatError(f"vibration is a path to WAV or FLAC, or a Waveform, got {type(value).__name__}")
    try:
        with soundfile.SoundFile(str(value)) as stream:
            if stream.format not in ("WAV", "WAVEX", "FLAC", "RF64"):
                raise FormatError(f"vibration: {value} is {stream.format}: give WAV or FLAC")
            if stream.frames > 3600 * stream.samplerate:
                raise FormatError(f"vibration: {value} lasts over an hour: cut a minute out of it")
            if stream.subtype not in ("FLOAT", "DOUBLE"):
                notes.append(UNIT)
            samples, rate = stream.read(dtype="float32", always_2d=True), int(stream.samplerate)
    except (soundfile.LibsndfileError, OSError) as error:
        raise FileError(f"vibration: {value} is truncated or not a WAV or FLAC file: {error}") from error
    if not len(samples):
        raise FileError(f"vibration: {value} holds no samples")
    if samples.shape[1] > 1:
        notes.append(f"of {samples.shape[1]} channels the first was read")
    return Waveform(samples=samples[:, 0], rate=rate)


def _at_rate(wave: Waveform, notes: list[str]) -> Waveform:
    if wave.rate == RATE:
        return wave
    if wave.rate < RATE:
        raise FormatError(
            f"vibration: {wave.rate} samples a second are too few: bearings ring up to 6 kHz, which takes {RATE}"
        )
    from scipy.signal import resample_poly

    common = gcd(wave.rate, RATE)
    notes.append(f"the recording was resampled from {wave.rate} to {RATE} Hz")
    samples = resample_poly(wave.samples, RATE // common, wave.rate // common).astype(np.float32)
    return Waveform(samples=samples, rate=RATE)
