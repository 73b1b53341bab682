"""Gauge study: how much of what is measured is the part, and how much the gauge and whoever sets it up (MSA, AIAG).

By two-way analysis of variance of parts, operators (or set-ups) and repeats, all crossed. Intervals by generalised
inference (Hamada and Weerahandi, J. Quality Technology 32, 2000). It knows nothing of what is measured.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.random import numpy_generator
from ....core.types import Array

POOLED_ABOVE = 0.05  # p-value of the interaction above which it is counted as repeatability
DRAWS = 20_000
DISTINCT = 2**0.5  # 1.41 in the handbook


@dataclass(frozen=True, kw_only=True)
class GaugeStudy:
    """Standard deviations by source, `percent_grr` of the total variation, and `ndc` distinct categories.

    `percent_tolerance` is 6 times the gauge's over the tolerance's width, where a tolerance was given.
    """

    parts: int
    operators: int
    repeats: int
    repeatability: float
    reproducibility: float
    gauge: float
    part: float
    total: float
    interaction_p: float | None
    percent_grr: float
    percent_grr_interval: tuple[float, float]
    ndc: int
    ndc_interval: tuple[int, int]
    percent_tolerance: float | None
    confidence: float
    verdict: str

    @property
    def says(self) -> str:
        """The study as a sentence for a report."""
        low, high = self.percent_grr_interval
        few, many = self.ndc_interval
        return (
            f"%GRR {self.percent_grr:.1f} % [{low:.1f}, {high:.1f}] of the total variation: {self.verdict}; "
            f"{self.ndc} distinct categories [{few}, {many}], 5 are asked; {self.parts} parts, {self.operators} "
            f"operators or set-ups, {self.repeats} repeats"
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"says": self.says}


def gauge_study(measurements: Array, *, tolerance: float | None = None, confidence: float = 0.95) -> GaugeStudy:
    """Of measurements `[part, operator, repeat]`.

    Raises:
        InputError: not three axes of at least two each, values that are not finite, or that do not vary at all.
    """
    data = np.asarray(measurements, np.float64)
    if data.ndim != 3 or min(data.shape, default=0) < 2:
        raise InputError(
            f"a gauge study takes measurements [part, operator, repeat], two of each at least, got {data.shape}: "
            "10 parts, 3 set-ups and 3 repeats are usual"
        )
    if not np.isfinite(data).all():
        raise InputError(f"{int((~np.isfinite(data)).sum())} measurements are not finite: measure those parts again")
    if not np.ptp(data) > 0:
        raise InputError(f"all measurements are {data.flat[0]:g}: the gauge tells no part from another")
    if tolerance is not None and not tolerance > 0:
        raise InputError(f"the tolerance is a width above 0, got {tolerance}")
    sums, degrees = _anova(data)
    p_value, pooled = _pooled(sums, degrees)
    found = _components(sums / degrees, degrees, data.shape, pooled=pooled)
    drawn = _drawn(sums, degrees, data.shape, pooled=pooled)
    tail = (1 - confidence) / 2
    percent = np.quantile(_percent(drawn), [tail, 1 - tail])
    categories = np.quantile(_categories(drawn), [tail, 1 - tail])
    grr = float(_percent(found)[0])
    gauge, part = float(np.sqrt(found[:3, 0].sum())), float(np.sqrt(found[3, 0]))
    return GaugeStudy(
        parts=data.shape[0], operators=data.shape[1], repeats=data.shape[2],
        repeatability=float(np.sqrt(found[0, 0])), reproducibility=float(np.sqrt(found[1:3, 0].sum())),
        gauge=gauge, part=part, total=float(np.hypot(gauge, part)), interaction_p=p_value,
        percent_grr=grr, percent_grr_interval=(float(percent[0]), float(percent[1])),
        ndc=_whole(_categories(found)[0]), ndc_interval=(_whole(categories[0]), _whole(categories[1])),
        percent_tolerance=None if tolerance is None else 600 * gauge / tolerance,
        confidence=confidence, verdict=_verdict(grr),
    )  # fmt: skip


def _anova(data: Array) -> tuple[Array, Array]:
    """Sums of squares and degrees of freedom of part, operator, interaction and repeats."""
    parts, operators, repeats = data.shape
    mean, cell = data.mean(), data.mean(axis=2)
    by_part, by_operator = cell.mean(axis=1), cell.mean(axis=0)
    cross = cell - by_part[:, None] - by_operator[None, :] + mean
    sums = np.array([
        operators * repeats * ((by_part - mean) ** 2).sum(),
        parts * repeats * ((by_operator - mean) ** 2).sum(),
        repeats * (cross**2).sum(),
        ((data - cell[:, :, None]) ** 2).sum(),
    ])  # fmt: skip
    return sums, np.array([
        parts - 1, operators - 1, (parts - 1) * (operators - 1), parts * operators * (repeats - 1)
    ])  # fmt: skip


def _pooled(sums: Array, degrees: Array) -> tuple[float | None, bool]:
    """The p-value of the interaction, and whether it is counted with the repeats."""
    from scipy.stats import f

    if not sums[3] > 0:
        return None, False
    p_value = float(f.sf(sums[2] / degrees[2] / (sums[3] / degrees[3]), degrees[2], degrees[3]))
    return p_value, p_value > POOLED_ABOVE


def _components(means: Array, degrees: Array, shape: tuple[int, ...], *, pooled: bool) -> Array:
    """Variances `[4, draw]` of repeats, operator, interaction and part from mean squares; none below zero."""
    parts, operators, repeats = shape
    part, operator, cross, error = means.reshape(4, -1)
    if pooled:
        error = (cross * degrees[2] + error * degrees[3]) / (degrees[2] + degrees[3])
        cross = error
    variances = np.stack([
        error,
        (operator - cross) / (parts * repeats),
        (cross - error) / repeats,
        (part - cross) / (operators * repeats),
    ])  # fmt: skip
    return np.maximum(variances, 0)


def _drawn(sums: Array, degrees: Array, shape: tuple[int, ...], *, pooled: bool) -> Array:
    generator = numpy_generator(0, "gauge study")
    chi = generator.chisquare(degrees[:, None], size=(4, DRAWS))
    return _components(sums[:, None] / chi, degrees, shape, pooled=pooled)


def _percent(variances: Array) -> Array:
    return 100 * np.sqrt(variances[:3].sum(axis=0) / variances.sum(axis=0))


def _categories(variances: Array) -> Array:
    gauge = np.maximum(variances[:3].sum(axis=0), 1e-300)
    return np.minimum(DISTINCT * np.sqrt(variances[3] / gauge), 1e6)


def _whole(categories: float) -> int:
    """Cut, not rounded; a gauge always has one category."""
    return max(int(categories), 1)


def _verdict(percent: float) -> str:
    if percent < 10:
        return "acceptable (below 10 %)"
    return "may be acceptable (10 to 30 %)" if percent <= 30 else "not acceptable (above 30 %)"
