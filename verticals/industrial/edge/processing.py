"""What happens before and after the edge program, as plain values: enough to write it again in another language."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..camera.canvas import DARKEST, LIT, MIDDLE, SAMPLED
from ..sound.expert import SoundExpert
from ..sound.lines import BANDS, NEAR, Machine
from ..sound.sounds import RATE
from ..sound.spectrum import BANDS as MEL
from ..sound.spectrum import HIGHEST, HOP, LOWEST, WINDOW
from .ear import COUNT, FASTEST, FLOOR, HARMONICS, SLOWEST, STEPS, names
from .eye import CELL, SIDE


def processing(expert: SoundExpert) -> dict[str, Any]:
    """Of an inspector whose sound expert this is."""
    return {"image": _image(), "sound": _sound(expert.machine, expert.shaft), "after": _after()}


def _image() -> dict[str, Any]:
    return {
        "input": "image",
        "layout": "batch, 1, row, column; float32 in 0..1",
        "side": SIDE,
        "steps": [
            "grey: the mean of the channels, each in 0..1",
            f"scale the longer side down to {SIDE} pixels if it is longer (bilinear, smoothed where it shrinks)",
            f"exposure: of every max(1, longer side // {SAMPLED})-th row and column, the median of pixels of at least "
            f"{LIT} times their 99 % quantile; multiply by {MIDDLE} / max(exposure, {DARKEST}) and clip to 0..1",
            f"pad below and to the right to {SIDE} by {SIDE} with the last row and column",
            "round to whole 255ths",
        ],
        "map": f"one cell for every {CELL} by {CELL} pixels of the padded square, log-odds of a defect there",
    }


def _sound(machine: Machine, shaft: float) -> dict[str, Any]:
    bins = f"rfft of the first {COUNT} samples under a Hann window, padded to {COUNT}"
    return {
        "input": "sound",
        "layout": "batch, feature; float32",
        "rate": RATE,
        "channels": "averaged to one",
        "machine": asdict(machine),
        "shaft": shaft,
        "features": list(names(machine)),
        "steps": [
            f"mel: frames of {WINDOW} samples every {HOP} under a Hann window, power, {MEL} triangular filters even on "
            f"the mel scale from {LOWEST} to {HIGHEST} Hz and at least one bin wide each side, log(power + 1e-8); its "
            "mean and deviation over frames",
            f"{bins}; of {STEPS} rates from {SLOWEST} to {FASTEST} times the shaft's, the one whose multiples 1, 2 and "
            "1 to 4 times the teeth have the highest sum of log powers",
            f"tones: log of the highest power within max({NEAR} of the rate, one bin) of each tone's order, less the "
            "log of the mean power",
            f"impacts: for each band {list(map(list, BANDS))} Hz, its bins moved to 0 and padded to a power of two, "
            "inverse transform, magnitude less its mean, power of its transform; for each order the mean over "
            f"{HARMONICS} multiples of log highest power near it less log median of the {FLOOR} bins around",
        ],
    }


def _after() -> dict[str, Any]:
    return {
        "presence": "batch, 2: true where image and sound are given; an absent one may hold anything",
        "score": "log-odds; probability = 1 / (1 + exp(-(slope * score + offset))) with the subset's numbers in "
        "edge.json; reject where score > limit",
    }
