"""Side and zone of a nodule, told by the geometry of the lungs' mask, with a confidence that falls near each border.

A zone is a third of the height of the lung in the scan. It is no lobe: no fissure is looked for, and an upper zone
holds parts of the lower lobe. It knows nothing of nodules but where they are.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.special import expit, ndtr

from ....core.types import Array, Volume
from ..detection.detect import Seen
from ..detection.findings import middle_of
from ..detection.lungs import STEP
from ..records import Attribute
from ..studies.geometry import to_world

SIDES, ZONES = ("right", "left"), ("upper", "middle", "lower")
MIDLINE = 4.0  # mm: how far the middle of the lungs may lie from the middle of the patient
ALONE = 60.0  # and where one lung, or hardly more, is in the picture
LEAST = 0.2  # of the air that either side must have
BORDER = 8.0  # mm: how far a border between zones may lie from where it is drawn
CUT = 30.0  # and where the scan ends inside the lung
SLICE = 2.0  # mL of air from which a coarse slice has lung in it


def place_of(centre: Array, volume: Volume, seen: Seen) -> Attribute:
    """Side and zone of a point in patient millimetres (RAS), as `right upper zone`, with the chance of all six."""
    air = np.argwhere(seen.lungs.air)
    where = to_world(volume.affine, seen.lungs.region.to_source(air))
    right = _right(float(centre[0]), where[:, 0], middle_of(seen, volume))
    zones = _zones(float(centre[2]), where[:, 2], seen, volume)
    chances = {
        f"{side} {zone} zone": round(one * other, 4)
        for (side, one), (zone, other) in product(
            zip(SIDES, (right, 1 - right), strict=True), zip(ZONES, zones, strict=True)
        )
    }
    best = max(chances, key=chances.__getitem__)
    return Attribute(value=best, probability=chances[best], probabilities=chances)


def _right(x: float, air: Array, middle: float) -> float:
    """The chance that x lies on the patient's right of the midline."""
    share = float((air > middle).mean()) if len(air) else 0.0
    if min(share, 1 - share) < LEAST:
        return float(expit((x - middle) / ALONE))
    return float(expit((x - middle) / (MIDLINE + abs(_valley(air) - middle))))


def _valley(air: Array) -> float:
    """Where, in the middle half of the width, the least air is: between the lungs."""
    low, high = float(air.min()), float(air.max())
    counts, edges = np.histogram(air, bins=max(int((high - low) / (2 * STEP)), 4), range=(low, high))
    middles = (edges[:-1] + edges[1:]) / 2
    inner = (middles > low + (high - low) / 4) & (middles < high - (high - low) / 4)
    least = np.flatnonzero(inner & (counts == counts[inner].min()))
    return float(middles[least].mean())


def _zones(z: float, air: Array, seen: Seen, volume: Volume) -> tuple[float, float, float]:
    """The chances of upper, middle and lower third."""
    slices = seen.lungs.air.sum(axis=(0, 1)) * STEP**3 / 1000
    filled = np.flatnonzero(slices > SLICE)
    if not len(filled):
        return (1 / 3, 1 / 3, 1 / 3)
    low, high = _height(float(filled[0]), seen, volume), _height(float(filled[-1]), seen, volume)
    cut = filled[0] == 0 or filled[-1] >= len(slices) - 1
    width = CUT if cut else BORDER
    upper = float(ndtr((z - (high - (high - low) / 3)) / width))
    lower = float(ndtr(((low + (high - low) / 3) - z) / width))
    return upper, max(1 - upper - lower, 0.0), lower


def _height(index: float, seen: Seen, volume: Volume) -> float:
    """Patient z of a slice of the coarse grid, in the middle of the picture."""
    middle = (np.array(seen.lungs.air.shape) - 1) / 2
    return float(to_world(volume.affine, seen.lungs.region.to_source(np.array([middle[0], middle[1], index])))[2])
