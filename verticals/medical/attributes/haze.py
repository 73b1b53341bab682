"""Intervals of diameter and volume for masks of low density: ground glass is outlined too small, by how much is told.

The other intervals come from the operating point (detection/operating.py), whose validation patients have too few such
nodules. A mask is told by its density, which is measured again wherever an interval is checked; small solid ones are as
hazy, so intervals hold for each texture that is met among hazy masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ....core.types import Array
from ..detection.findings import Operating
from ..detection.operating import COVERAGE, SIZES
from .bounds import FEW, grouped_quantile
from .examples import Example

HAZY = -500.0  # HU of the median below which a mask counts as hazy


def with_haze(operating: Operating, examples: Sequence[Example]) -> Operating:
    """The operating point with intervals for hazy masks, from those that a detector drew; without them where fewer than
    `FEW` patients have one."""
    hazy = [each for each in examples if each.drawn == "detector" and each.density < HAZY]
    if len({each.patient for each in hazy}) < FEW:
        return replace(operating, hazy=-2000.0, hazy_diameter_ratios=(), hazy_volume_ratios=())
    measured = np.array([max(each.diameter, 0.1) for each in hazy])
    diameters = np.array([each.size for each in hazy]) / measured
    volumes = np.array([each.true_volume / each.volume for each in hazy])
    return replace(
        operating, hazy=HAZY, hazy_diameter_ratios=_rows(diameters, measured, hazy),
        hazy_volume_ratios=_rows(volumes, measured, hazy),
    )  # fmt: skip


def _rows(ratios: Array, measured: Array, hazy: Sequence[Example]) -> tuple[tuple[float, float, float], ...]:
    """By measured size, 5 % on each side, the widest of its textures. A texture that fewer than `FEW` patients have at
    a size takes its bounds of all sizes, and one that fewer have at all those of all hazy masks."""
    textures = np.array([int(np.argmax(each.votes["texture"])) for each in hazy])
    patients = np.array([each.patient for each in hazy])
    sizes = np.digitize(measured, SIZES)
    rows = []
    for size, high in enumerate(SIZES):
        found = [_bounds(ratios, hazy, np.ones(len(hazy), bool))] if not (sizes == size).any() else []
        for texture in np.unique(textures[sizes == size]):
            alike = textures == texture
            choices = (alike & (sizes == size), alike, np.ones(len(hazy), bool))
            enough = [each for each in choices if len(np.unique(patients[each])) >= FEW]
            found.append(_bounds(ratios, hazy, enough[0]))
        rows.append((high, min(low for low, _ in found), max(most for _, most in found)))
    return tuple(rows)


def _bounds(ratios: Array, hazy: Sequence[Example], chosen: Array) -> tuple[float, float]:
    some = [each for each, here in zip(hazy, chosen, strict=True) if here]
    groups = np.array([each.number for each in some]), np.array([each.patient for each in some])
    side = 1 - (1 - COVERAGE) / 2
    least, most = -grouped_quantile(-ratios[chosen], *groups, side), grouped_quantile(ratios[chosen], *groups, side)
    return round(least, 4), round(most, 4)
