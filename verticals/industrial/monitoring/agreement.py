"""Attribute agreement: do verdicts repeat, do operators (or set-ups) agree, and do they agree with the truth (MSA)?

The usual bounds: kappa .75, effectiveness 90 %, misses 2 %, false alarms 5 %. It knows nothing of what is judged.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.trust.intervals import binomial_bound
from ....core.types import Array


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share with its exact (Clopper-Pearson) interval at 95 %."""

    value: float
    low: float
    high: float
    hits: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Appraiser:
    """One operator or set-up: `repeats` parts judged alike each time, `effective` ones alike and right."""

    repeats: Share
    effective: Share
    misses: Share  # bad parts passed
    false_alarms: Share  # good parts rejected
    kappa: float  # with the truth, over all verdicts


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of all appraisers: Fleiss' kappa among their verdicts, and parts on which all agreed, and were right."""

    appraisers: tuple[Appraiser, ...]
    fleiss_kappa: float
    all_agree: Share
    all_right: Share
    acceptable: bool

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def attribute_agreement(verdicts: Array, truth: Array) -> Agreement:
    """Of verdicts `[part, appraiser, repeat]` and the truth `[part]`, True = reject.

    Raises:
        InputError: shapes that do not fit, or a truth without good or without bad parts.
    """
    said, true = np.asarray(verdicts, bool), np.asarray(truth, bool)
    if said.ndim != 3 or true.shape != said.shape[:1]:
        raise InputError(
            f"agreement takes verdicts [part, appraiser, repeat] and a truth [part], got {said.shape} and {true.shape}"
        )
    if true.all() or not true.any():
        raise InputError("agreement takes good parts and bad ones, and all of these are " + ("bad" if true.any() else
                         "good") + ": misses or false alarms could not be seen")  # fmt: skip
    each = tuple(_appraiser(said[:, which], true) for which in range(said.shape[1]))
    together = said.reshape(len(said), -1)
    alike = together.all(axis=1) | ~together.any(axis=1)
    return Agreement(
        appraisers=each,
        fleiss_kappa=fleiss_kappa(together),
        all_agree=share(int(alike.sum()), len(said)),
        all_right=share(int((alike & (together[:, 0] == true)).sum()), len(said)),
        acceptable=all(
            one.kappa >= 0.75 and one.effective.value >= 0.9 and one.misses.value <= 0.02
            and one.false_alarms.value <= 0.05 for one in each
        ),
    )  # fmt: skip


def _appraiser(said: Array, true: Array) -> Appraiser:
    alike = said.all(axis=1) | ~said.any(axis=1)
    repeats = said.shape[1]
    return Appraiser(
        repeats=share(int(alike.sum()), len(said)),
        effective=share(int((alike & (said[:, 0] == true)).sum()), len(said)),
        misses=share(int((~said[true]).sum()), int(true.sum()) * repeats),
        false_alarms=share(int(said[~true].sum()), int((~true).sum()) * repeats),
        kappa=cohen_kappa(said.ravel(), np.repeat(true, repeats)),
    )


def cohen_kappa(one: Array, two: Array) -> float:
    """Agreement of two series of verdicts beyond chance (Cohen 1960); 1 where both are constant and alike."""
    observed = float((one == two).mean())
    chance = float(one.mean() * two.mean() + (1 - one.mean()) * (1 - two.mean()))
    return 1.0 if chance == 1.0 else (observed - chance) / (1 - chance)


def fleiss_kappa(verdicts: Array) -> float:
    """Agreement of many verdicts `[part, verdict]` beyond chance (Fleiss 1971)."""
    many = verdicts.shape[1]
    yes = verdicts.sum(axis=1)
    within = (yes * (yes - 1) + (many - yes) * (many - yes - 1)) / (many * (many - 1))
    rate = float(verdicts.mean())
    chance = rate**2 + (1 - rate) ** 2
    return 1.0 if chance == 1.0 else (float(within.mean()) - chance) / (1 - chance)


def share(hits: int, of: int) -> Share:
    """A share with its exact interval."""
    low, high = binomial_bound(hits, of, confidence=0.975)
    return Share(value=hits / of, low=low, high=high, hits=hits, of=of)
