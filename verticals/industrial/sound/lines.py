"""Physical orders of a rotating machine in a recording: which line stands out, in Hz and in spreads of good recordings.

Fault rates follow from the bearing's geometry (Randall and Antoni 2011): a struck race or ball is a train of impacts
at its order of the shaft's rate, plain in the envelope's spectrum; imbalance and meshing teeth are tones of the sound
itself. The shaft's rate is read off the recording where nobody gave it. It knows nothing of what is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians

import numpy as np

from ....core.types import Array
from ..records import Sound
from .sounds import RATE

SLOWEST, FASTEST = 10.0, 60.0  # turns a second that are looked for where none was given
BANDS = ((1_500.0, 3_500.0), (3_000.0, 5_500.0), (4_500.0, 7_500.0))  # Hz: where struck parts may ring
HARMONICS = 3
NEAR = 0.008  # of an order's rate: slip and a shaft that is not quite steady
FINE = 4  # zero padding: bins a hertz-second


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A shaft in a rolling bearing with a gear: what is known of it. The default is a 6205 and 18 teeth.

    `shaft` is turns a second, None to read it off each recording; `teeth` 0 is a machine without a gear.
    """

    balls: int = 9
    ball_mm: float = 7.94
    pitch_mm: float = 39.04
    contact_degrees: float = 0.0
    teeth: int = 18
    shaft: float | None = None

    def orders(self) -> dict[str, float]:
        """Impacts a turn, by name: cage (FTF), outer race (BPFO), inner race (BPFI), ball (2xBSF), the shaft's own."""
        ratio = self.ball_mm / self.pitch_mm * cos(radians(self.contact_degrees))
        return {
            "FTF": (1 - ratio) / 2,
            "1x": 1.0,
            "BPFO": self.balls / 2 * (1 - ratio),
            "2xBSF": self.pitch_mm / self.ball_mm * (1 - ratio**2),
            "BPFI": self.balls / 2 * (1 + ratio),
        }

    def tones(self) -> dict[str, float]:
        """Orders of the sound itself: the shaft and its multiples, the meshing teeth and their sidebands."""
        found = {"shaft 1x": 1.0, "shaft 2x": 2.0, "shaft 3x": 3.0}
        for harmonic in (1, 2, 3) if self.teeth else ():
            found[f"mesh {harmonic}x"] = float(harmonic * self.teeth)
        if self.teeth:
            found |= {"mesh -1": self.teeth - 1.0, "mesh +1": self.teeth + 1.0}
        return found


@dataclass(frozen=True, kw_only=True)
class Line:
    """One order that stands out: its rate in Hz and how far above good recordings it is, in their spreads."""

    name: str
    order: float
    hertz: float
    spreads: float

    def sentence(self) -> str:
        return f"{self.name} ({self.order:g} a turn, {self.hertz:.1f} Hz) stands {self.spreads:.1f} spreads above good"


def shaft_rate(sound: Sound, machine: Machine, around: float | None = None) -> float:
    """Turns a second: the rate whose turns and meshing teeth lie on the recording's strongest lines.

    `around` is what good recordings turned at: the search stays within five per cent of it.
    """
    if machine.shaft is not None:
        return machine.shaft
    rates, height = _spectrum(_centred(sound))
    low, high = (SLOWEST, FASTEST) if around is None else (0.95 * around, 1.05 * around)
    orders = np.array([1.0, 2.0] + [machine.teeth * k for k in (1, 2, 3, 4) if machine.teeth])
    grid = np.arange(low, high, 0.2 / max(orders.max(), 1))
    at = np.clip(np.round(grid[:, None] * orders / rates[1]).astype(int), 0, len(rates) - 1)
    return float(grid[height[at].clip(max=6.0).sum(axis=1).argmax()])


def lines(sound: Sound, machine: Machine, shaft: float) -> dict[str, float]:
    """How high each order stands, by name, in natural logarithms.

    Tones: power against the whole recording's. Impacts: the envelope's power at the order and its multiples against
    the floor around them, in the band where that is highest.
    """
    samples = _centred(sound)
    found = _tones(samples, machine, shaft)
    hulls = [_spectrum(_hull(samples, band), floor=True) for band in BANDS]
    for name, order in machine.orders().items():
        found[name] = max(_impacts(rates, height, order * shaft) for rates, height in hulls)
    return found


def _tones(samples: Array, machine: Machine, shaft: float) -> dict[str, float]:
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n=FINE * len(samples))) ** 2
    step = RATE / (FINE * len(samples))
    whole = np.log(power.mean())
    found = {}
    for name, order in machine.tones().items():
        around = power[_reach(order * shaft, step, len(power))]
        found[name] = float(np.log(around.max() + 1e-12) - whole)
    return found


def _impacts(rates: Array, height: Array, rate: float) -> float:
    """Mean over the multiples of the highest bin near each, so that one stray line does not decide."""
    heights = [height[_reach(k * rate, rates[1], len(rates))].max() for k in range(1, HARMONICS + 1)]
    return float(np.mean(heights))


def _reach(rate: float, step: float, count: int) -> slice:
    away = max(NEAR * rate, step * FINE / 2)
    low = min(max(round((rate - away) / step), 1), count - 1)
    return slice(low, max(low + 1, min(round((rate + away) / step) + 1, count)))


def _spectrum(samples: Array, floor: bool = True) -> tuple[Array, Array]:
    """Rates, and the log power above the median of 40 Hz around, up to 4 kHz."""
    from scipy.ndimage import median_filter

    count = FINE * len(samples)
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n=count)) ** 2
    rates = np.fft.rfftfreq(count, 1 / RATE)
    keep = int(4_000 / rates[1]) if floor else len(rates)
    height = np.log(power[:keep] + 1e-12)
    coarse = height[:: FINE * 2]
    around = median_filter(coarse, size=max(9, int(40 / (rates[1] * FINE * 2)) | 1), mode="nearest")
    return rates[:keep], height - np.interp(np.arange(keep), np.arange(len(coarse)) * FINE * 2, around)


def _hull(samples: Array, band: tuple[float, float]) -> Array:
    from scipy.signal import butter, hilbert, sosfiltfilt

    hull = np.abs(hilbert(sosfiltfilt(butter(3, band, "bandpass", fs=RATE, output="sos"), samples)))
    return np.asarray(hull - hull.mean())


def _centred(sound: Sound) -> Array:
    samples = sound.wave.samples.astype(np.float64)
    short = RATE // 4 - len(samples)
    return np.pad(samples, (0, short)) if short > 0 else samples
