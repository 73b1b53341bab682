"""How well a process fits its tolerance: Cp, Cpk (short term), Pp, Ppk (long term), with intervals.

Normal values are assumed and the assumption is tested (Anderson-Darling); where it does not hold the sentence says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ....core.errors import InputError
from .charts import of_baseline


@dataclass(frozen=True, kw_only=True)
class Capability:
    """Indices with their interval at `confidence`; a one-sided tolerance has no Cp and Pp."""

    n: int
    mean: float
    sigma_within: float
    sigma_overall: float
    cp: float | None
    cpk: float
    pp: float | None
    ppk: float
    cpk_interval: tuple[float, float]
    ppk_interval: tuple[float, float]
    confidence: float
    beyond: int
    normal: bool
    says: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def capability(
    values: Sequence[float], *, lower: float | None = None, upper: float | None = None, confidence: float = 0.95
) -> Capability:
    """Of values in the order they were made. Intervals after Bissell (Applied Statistics 39, 1990).

    Raises:
        InputError: no limit, a lower limit above the upper, fewer than 10 values, or values that do not vary.
    """
    from scipy.stats import norm

    data = np.asarray(values, np.float64)
    if lower is None and upper is None:
        raise InputError("capability is held against a tolerance: give its lower limit, its upper limit, or both")
    if lower is not None and upper is not None and not lower < upper:
        raise InputError(f"the lower limit {lower:g} is not below the upper limit {upper:g}")
    if len(data) < 10 or not np.isfinite(data).all():
        raise InputError(f"capability takes at least 10 finite values, got {int(np.isfinite(data).sum())}")
    mean, within = of_baseline(data.tolist())
    overall = float(data.std(ddof=1))
    half = float(norm.ppf(0.5 + confidence / 2))
    indices = {}
    for name, sigma in (("cp", within), ("pp", overall)):
        both = (upper - lower) / (6 * sigma) if lower is not None and upper is not None else None
        sides = [(upper - mean) / (3 * sigma)] if upper is not None else []
        sides += [(mean - lower) / (3 * sigma)] if lower is not None else []
        one = min(sides)
        reach = half * np.sqrt(1 / (9 * len(data)) + one**2 / (2 * (len(data) - 1)))
        indices[name] = (both, one, (float(one - reach), float(one + reach)))
    beyond = int(((data < (-np.inf if lower is None else lower)) | (data > (np.inf if upper is None else upper))).sum())
    normal = _normal((data - mean) / overall)
    cpk = indices["cp"][1]
    return Capability(
        n=len(data), mean=mean, sigma_within=within, sigma_overall=overall, cp=indices["cp"][0], cpk=cpk,
        pp=indices["pp"][0], ppk=indices["pp"][1], cpk_interval=indices["cp"][2], ppk_interval=indices["pp"][2],
        confidence=confidence, beyond=beyond, normal=normal, says=_says(cpk, indices["cp"][2], normal),
    )  # fmt: skip


def _normal(scores: np.ndarray) -> bool:
    """Anderson-Darling with mean and sigma from the data, at 5 % (Stephens 1974)."""
    from scipy.special import log_ndtr

    z, n = np.sort(scores), len(scores)
    weights = 2 * np.arange(1, n + 1) - 1
    statistic = -n - float((weights * (log_ndtr(z) + log_ndtr(-z[::-1]))).sum()) / n
    return statistic * (1 + 0.75 / n + 2.25 / n**2) < 0.752


def _says(cpk: float, interval: tuple[float, float], normal: bool) -> str:
    word = "capable (1.33 and more)" if interval[0] >= 1.33 else "not shown to be capable (1.33 is asked)"
    said = f"Cpk {cpk:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]: {word}"
    return said if normal else f"{said}; the values are not normal, so that the indices are rough"
