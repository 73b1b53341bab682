"""What the page shows of a recording: its length, the machine's frequencies, the spectrum of its envelope.

The frequencies are marked where the inspector knows the machine (its bearing, its teeth, how fast it turns). It judges
nothing: which line stands out is said by the sound expert.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....core.types import Array
from ..records import Sound
from ..sound.expert import SoundExpert
from ..sound.lines import BANDS, Line, shaft_rate
from ..sound.sounds import RATE, trouble
from .pictures import HIGHEST, LOWEST

NAMES = {
    "1x": ("shaft", "one turn of the shaft"),
    "FTF": ("FTF", "cage of the bearing (fundamental train frequency)"),
    "BPFO": ("BPFO", "balls passing a spot of the outer race"),
    "2xBSF": ("2×BSF", "a spot of a ball striking both races (twice the ball spin frequency)"),
    "BPFI": ("BPFI", "balls passing a spot of the inner race"),
    "mesh 1x": ("mesh", "teeth meeting"),
}
TO = 2.4  # times the fastest race's rate: how far the envelope's spectrum is drawn
COUNT = 700  # its points


def heard(sound: Sound, expert: SoundExpert | None, lines: Sequence[Line]) -> dict[str, Any]:
    """Numbers for the drawing, with the lines that stand out; no marks where no expert knows the machine."""
    told: dict[str, Any] = {
        "seconds": len(sound.wave.samples) / sound.wave.rate, "from_hz": LOWEST, "to_hz": HIGHEST, "shaft_hz": None,
        "marks": [], "stands_out": [],
    }  # fmt: skip
    reach = 400.0
    if expert is not None and not trouble(sound):
        shaft = shaft_rate(sound, expert.machine, expert.shaft)
        told |= {"shaft_hz": shaft, "marks": _marks(expert, shaft, lines), "stands_out": _standing(lines)}
        reach = min(TO * shaft * expert.machine.orders()["BPFI"], 1_000.0)
    rates, height, band = envelope(sound, [each["hertz"] for each in told["marks"]], reach)
    return told | {"envelope": {"hertz": rates.round(2).tolist(), "height": height.round(3).tolist(), "band_hz": band}}


def envelope(sound: Sound, marked: list[float], reach: float) -> tuple[Array, Array, list[float]]:
    """Rates in Hz up to `reach`, how far the envelope's power stands above its surroundings there (natural
    logarithm), and the band in Hz in which the marked rates stand out most."""
    best: tuple[float, Array, Array, list[float]] | None = None
    for band in BANDS:
        rates, height = _spectrum(_hull(sound, band))
        keep = (rates >= 2) & (rates <= reach)
        rates, height = rates[keep], height[keep]
        near = [height[np.abs(rates - each) < 0.012 * each + 0.3] for each in marked]
        strong = max((float(each.max()) for each in near if len(each)), default=float(height.max()))
        if best is None or strong > best[0]:
            best = strong, rates, height, [float(each) for each in band]
    assert best is not None
    _, rates, height, band_hz = best
    return *_thinned(rates, height), band_hz


def _marks(expert: SoundExpert, shaft: float, lines: Sequence[Line]) -> list[dict[str, Any]]:
    orders = {**expert.machine.tones(), **expert.machine.orders()}
    spreads = {("1x" if each.name == "shaft 1x" else each.name): each.spreads for each in reversed(lines)}
    return [
        {"name": name, "label": label, "says": says, "order": orders[name], "hertz": orders[name] * shaft,
         "spreads": spreads.get(name)}
        for name, (label, says) in NAMES.items()
        if name in orders
    ]  # fmt: skip


def _standing(lines: Sequence[Line]) -> list[dict[str, Any]]:
    return [{"name": each.name, "hertz": each.hertz, "spreads": each.spreads} for each in lines[:6]]


def _hull(sound: Sound, band: tuple[float, float]) -> Array:
    """The envelope of the recording within a band, without its mean."""
    from scipy.signal import butter, hilbert, sosfiltfilt

    samples = sound.wave.samples.astype(np.float64)
    hull = np.abs(hilbert(sosfiltfilt(butter(3, band, "bandpass", fs=RATE, output="sos"), samples)))
    return np.asarray(hull - hull.mean())


def _spectrum(hull: Array) -> tuple[Array, Array]:
    """Rates, and log power over the median of 40 Hz around."""
    from scipy.ndimage import median_filter

    power = np.abs(np.fft.rfft(hull * np.hanning(len(hull)), n=2 * len(hull))) ** 2
    rates = np.fft.rfftfreq(2 * len(hull), 1 / RATE)
    keep = rates <= 1_100
    height = np.log(power[keep] + 1e-12)
    return rates[keep], height - median_filter(height, size=max(9, int(40 / rates[1]) | 1), mode="nearest")


def _thinned(rates: Array, height: Array) -> tuple[Array, Array]:
    """At most COUNT points, of each stretch the highest: no line is lost."""
    step = max(-(-len(rates) // COUNT), 1)
    whole = len(rates) // step * step
    blocks = height[:whole].reshape(-1, step)
    top = blocks.argmax(axis=1)
    return rates[:whole].reshape(-1, step)[np.arange(len(top)), top], blocks.max(axis=1)
