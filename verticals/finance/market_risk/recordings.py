"""The sound of a call: WAV or FLAC to evenly spread excerpts in one channel at the rate of a telephone line.

Silence, truncation and a rate too low for speech are refused in a sentence. It knows nothing of what is said.
"""

from __future__ import annotations

import struct
from math import gcd
from pathlib import Path

import numpy as np

from ....core.errors import FileError, FormatError
from ....core.types import Array, Waveform

RECORDINGS = (".wav", ".flac")
RATE = 8_000  # samples a second: calls are held on the telephone
EXCERPTS, SECONDS = 6, 5.0  # how many are listened to, and how long each is
SHORTEST = 1.0  # seconds
LONGEST = 6 * 3600  # seconds
SILENT = 1e-4  # of full scale


def read_recording(value: Path | Waveform) -> tuple[Waveform, tuple[str, ...]]:
    """Excerpts, one after the other, at 8 kHz; and what a reader should know.

    Raises:
        FileError: truncated or unreadable.
        FormatError: not WAV or FLAC, too short, silent, or at fewer than 8,000 samples a second.
    """
    notes: list[str] = []
    if isinstance(value, Waveform):
        name, rate = "the recording", value.rate
        parts = [value.samples[first : first + count] for first, count in _places(len(value.samples), rate, name)]
    else:
        name = value.name
        parts, rate = _read(value, notes)
    if max(float(np.abs(part).max(initial=0)) for part in parts) < SILENT:
        raise FormatError(f"{name} is silent wherever it was listened to: is it the right channel?")
    if rate != RATE:
        notes.append(f"{name} was resampled from {rate} to {RATE} Hz")
    return Waveform(samples=np.concatenate([_at_rate(part, rate) for part in parts]), rate=RATE), tuple(notes)


def listened(sound: Waveform) -> float:
    """Seconds of sound."""
    return len(sound.samples) / sound.rate


def _read(path: Path, notes: list[str]) -> tuple[list[Array], int]:
    import soundfile

    _whole(path)
    try:
        with soundfile.SoundFile(str(path)) as stream:
            if stream.format not in ("WAV", "WAVEX", "FLAC", "RF64"):
                raise FormatError(f"{path} is {stream.format}: give WAV or FLAC")
            rate, parts = int(stream.samplerate), []
            for first, count in _places(stream.frames, rate, path.name):
                stream.seek(first)
                part = stream.read(count, dtype="float32", always_2d=True)
                if len(part) < count:
                    raise FileError(f"{path} is truncated: it ends {count - len(part)} samples early")
                parts.append(part.mean(axis=1))
            if stream.channels > 1:
                notes.append(f"{stream.channels} channels of {path.name} were averaged to one")
    except (soundfile.LibsndfileError, OSError) as error:
        raise FileError(f"{path} is truncated or not a WAV or FLAC file: {error}") from error
    if not all(np.isfinite(part).all() for part in parts):
        raise FormatError(f"{path} holds samples that are NaN or infinite")
    return parts, rate


def _places(frames: int, rate: int, name: str) -> list[tuple[int, int]]:
    """Where each excerpt starts and how long it is, in samples."""
    if rate < RATE:
        raise FormatError(f"{name} has {rate} samples a second: speech needs at least {RATE}")
    seconds = frames / rate
    if not SHORTEST <= seconds <= LONGEST:
        raise FormatError(f"{name} lasts {seconds:.1f} s: a call of {SHORTEST:.0f} s to {LONGEST // 3600} h is read")
    count = int(SECONDS * rate)
    if frames <= EXCERPTS * count:
        return [(0, frames)]
    return [(int(first), count) for first in np.linspace(0, frames - count, EXCERPTS)]


def _whole(path: Path) -> None:
    """Refuse a WAV file that ends before its own header says: its reader would not."""
    with path.open("rb") as stream:
        head = stream.read(12)
    if len(head) == 12 and head[:4] == b"RIFF" and head[8:] == b"WAVE":
        (said,) = struct.unpack("<I", head[4:8])
        size = path.stat().st_size
        if 0 < said < 0xFFFFFFFF and size < said + 8:
            raise FileError(f"{path} is truncated: its header speaks of {said + 8} bytes and it has {size}")


def _at_rate(samples: Array, rate: int) -> Array:
    if rate == RATE:
        return np.asarray(samples, np.float32)
    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    return np.asarray(resample_poly(samples, RATE // common, rate // common), np.float32)
