"""Which part of a bearing is damaged: two small logistic models on numbers that mean something.

The part is told by three comb heights (outer race, inner race, ball) of the cepstrally whitened envelope spectra, which
know neither the level nor the resonances of a machine. Whether anything is damaged at all is told by the strongest of
them and, where the recording is in g, by its level; a level is a machine's own, so fit it on yours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.errors import InputError
from ....core.types import Array, Waveform
from .envelope import RATE, evidence
from .records import FAULTS, Bearing

PARTS = FAULTS[1:]  # ball, inner race, outer race
COMBS = tuple(f"{part}, cepstral" for part in PARTS)
PIECE = 2.5  # seconds of a recording that teach as one row
STRENGTH = 0.3  # inverse of the logistic models' penalty
Numbers = Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Logistic:
    """`mean` and `spread` of the numbers, and weights `[class, number + 1]`, the intercept last."""

    mean: Float[Array, " number"]
    spread: Float[Array, " number"]
    weights: Float[Array, "class number_and_one"]

    def __call__(self, rows: Float[Array, "row number"]) -> Float[Array, "row class"]:
        """Probabilities."""
        scaled = (np.atleast_2d(rows) - self.mean) / self.spread
        logits = scaled @ self.weights[:, :-1].T + self.weights[:, -1]
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(logits / logits.sum(axis=1, keepdims=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class FaultModel:
    """`part` of a damaged bearing; `damaged` by level and strongest comb; `unlevelled` by the strongest comb alone.

    The last two are None where no normal recording was learned from; then every recording is taken to be damaged.
    """

    part: Logistic
    damaged: Logistic | None = None
    unlevelled: Logistic | None = None

    def probabilities(self, numbers: Numbers) -> dict[str, float]:
        """By fault, in the order of `FAULTS`; `level` (log of g) may be missing."""
        parts = self.part(_combs([numbers]))[0]
        normal = 0.0
        if "level" in numbers and self.damaged is not None:
            normal = float(self.damaged(_state([numbers], level=True))[0, 0])
        elif self.unlevelled is not None:
            normal = float(self.unlevelled(_state([numbers], level=False))[0, 0])
        return {FAULTS[0]: normal} | {
            part: float((1 - normal) * share) for part, share in zip(PARTS, parts, strict=True)
        }


def numbers_of(wave: Waveform, rpm: float, bearing: Bearing, *, in_g: bool) -> dict[str, float]:
    """What the models read of a recording at 12 kHz, and a little more for the reader of a report."""
    found = evidence(wave, rpm / 60, bearing.orders)
    samples = np.asarray(wave.samples, np.float64)
    samples = samples - samples.mean()
    found["kurtosis"] = float((samples**4).mean() / max(samples.var() ** 2, 1e-30))
    if in_g:
        found["level"] = float(np.log(max(samples.std(), 1e-9)))
    return found


def pieces(wave: Waveform) -> list[Waveform]:
    """A recording in pieces of 2.5 s; a shorter one as it is."""
    size = int(PIECE * RATE)
    count = max(1, len(wave.samples) // size)
    return [Waveform(samples=wave.samples[n * size : (n + 1) * size], rate=wave.rate) for n in range(count)]


def fit_faults(rows: Sequence[Numbers], labels: Sequence[str]) -> FaultModel:
    """From the numbers of labelled recordings (or pieces).

    Raises:
        InputError: fewer than two parts of the bearing are among the labels.
    """
    names = np.asarray(labels)
    faulty = names != FAULTS[0]
    lacking = [part for part in PARTS if part not in names]
    if lacking:
        raise InputError(
            f"no recording of {', '.join(lacking)}: all of {', '.join(PARTS)} are needed, normal is optional"
        )
    chosen = [row for row, there in zip(rows, faulty, strict=True) if there]
    part = _logistic(_combs(chosen), [PARTS.index(name) for name in names[faulty]], classes=len(PARTS))
    if faulty.all():
        return FaultModel(part=part)
    levelled = all("level" in row for row in rows)
    damaged = _logistic(_state(rows, level=True), faulty.astype(int), classes=2) if levelled else None
    return FaultModel(
        part=part, damaged=damaged, unlevelled=_logistic(_state(rows, level=False), faulty.astype(int), classes=2)
    )


def _combs(rows: Sequence[Numbers]) -> Array:
    return np.array([[row[name] for name in COMBS] for row in rows])


def _state(rows: Sequence[Numbers], *, level: bool) -> Array:
    strongest = _combs(rows).max(axis=1)
    return np.column_stack([strongest, [row["level"] for row in rows]]) if level else strongest[:, None]


def _logistic(rows: Array, labels: Sequence[int] | Array, *, classes: int) -> Logistic:
    from sklearn.linear_model import LogisticRegression

    mean, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    model = LogisticRegression(C=STRENGTH, max_iter=3000, class_weight="balanced").fit((rows - mean) / spread, labels)
    weights = np.column_stack([model.coef_, model.intercept_])
    if classes == 2:
        weights = np.concatenate([np.zeros_like(weights), weights])  # the sigmoid as a softmax over two
    return Logistic(mean=mean, spread=spread, weights=weights)
