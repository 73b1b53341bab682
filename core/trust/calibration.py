"""Probabilities that mean what they say: temperature, vector and Platt scaling, and numbers that show if they do.

Everything is NumPy in float64. It knows nothing of models: scores and labels go in.
Sources: temperature and vector scaling, Guo et al. 2017 (arXiv:1706.04599); Platt 1999 with his smoothed targets;
calibration error with bins of equal mass, Nixon et al. 2019 (arXiv:1904.01685).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, softmax

from ..errors import FormatError, InputError
from ..types import Array

_LOG_RANGE = (-7.0, 7.0)  # of the temperature's logarithm: from 0.001 to 1100


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """Divides logits by one positive number: confidence changes, the ranking of labels does not."""

    value: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and self.value > 0):
            raise InputError(f"a temperature is positive and finite, got {self.value}")

    def probabilities(self, logits: Float[Array, "row label"]) -> Float[Array, "row label"]:
        return softmax(np.asarray(logits, np.float64) / self.value, axis=-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorScaling:
    """Multiplies logits by one positive number and adds a number for each label, which may change the likeliest one."""

    scale: float
    shifts: Float[Array, " label"]

    def probabilities(self, logits: Float[Array, "row label"]) -> Float[Array, "row label"]:
        return softmax(np.asarray(logits, np.float64) * self.scale + self.shifts, axis=-1)


@dataclass(frozen=True, kw_only=True)
class Platt:
    """A score becomes the probability of yes: 1 / (1 + exp(-(slope * score + offset)))."""

    slope: float = 1.0
    offset: float = 0.0

    def probabilities(self, scores: Float[Array, " row"]) -> Float[Array, " row"]:
        return expit(self.slope * np.asarray(scores, np.float64) + self.offset)


@dataclass(frozen=True, kw_only=True)
class Bin:
    """One row of a reliability table: `count` cases whose confidence lies from `low` to `high`."""

    low: float
    high: float
    count: int
    confidence: float
    frequency: float


def fit_temperature(logits: Float[Array, "row label"], labels: Int[Array, " row"]) -> Temperature:
    """The temperature of least negative log-likelihood (one bounded search: the loss is convex in 1/temperature).

    Where no label was missed, the likelihood rises without end as the temperature falls to nothing: it stays 1, since
    cases without an error say nothing of how sure is too sure.
    """
    logits, labels = _checked(logits, labels)
    if (logits.argmax(axis=1) == labels).all():
        return Temperature()

    def loss(log_temperature: float) -> float:
        logs = log_softmax(logits / np.exp(log_temperature), axis=-1)
        return float(-logs[np.arange(len(labels)), labels].mean())

    found = minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded", options={"xatol": 1e-9})
    return Temperature(value=float(np.exp(found.x)))


def fit_temperatures(
    logits: Mapping[str, Float[Array, "row label"]], labels: Int[Array, " row"]
) -> dict[str, Temperature]:
    """A temperature for each subset of modalities: what is missing changes how sure a model should be."""
    return {subset: fit_temperature(each, labels) for subset, each in logits.items()}


def fit_vector_scaling(
    logits: Float[Array, "row label"], labels: Int[Array, " row"], *, strength: float = 1.0
) -> VectorScaling:
    """For rows of another site than the model was trained on, where some labels are named too often: scale and shifts.

    Shifts have a normal prior of variance 1 / `strength`. Where rows repeat the same few cases, the number of rows a
    case is the strength that makes the prior count as much as one case.

    Raises:
        InputError: the strength is not positive.
    """
    logits, labels = _checked(logits, labels)
    if not strength > 0:
        raise InputError(f"the strength of vector scaling is positive, got {strength}")
    rows, happened = np.arange(len(labels)), np.eye(logits.shape[1])[labels]

    def loss(parameters: Array) -> tuple[float, Array]:
        scale, shifts = np.exp(parameters[0]), parameters[1:]
        logs = log_softmax(logits * scale + shifts, axis=-1)
        error = (np.exp(logs) - happened) / len(labels)
        prior = strength / len(labels) * shifts
        value = -logs[rows, labels].mean() + 0.5 * float(prior @ shifts)
        return float(value), np.array([(error * logits).sum() * scale, *(error.sum(axis=0) + prior)])

    bounds = [_LOG_RANGE] + [(None, None)] * logits.shape[1]
    found = minimize(loss, np.zeros(1 + logits.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
    return VectorScaling(scale=float(np.exp(found.x[0])), shifts=found.x[1:])


def fit_platt(scores: Float[Array, " row"], labels: Bool[Array, " row"], *, smooth: bool = True) -> Platt:
    """Slope and offset of least log loss; `smooth` takes Platt's targets, which stay finite for scores that separate.

    Raises:
        InputError: one of the two labels does not occur.
    """
    scores, yes = np.asarray(scores, np.float64), np.asarray(labels, bool)
    positive, negative = int(yes.sum()), int((~yes).sum())
    if not positive or not negative:
        raise InputError(f"Platt scaling needs both labels, got {positive} positive and {negative} negative")
    high, low = ((positive + 1) / (positive + 2), 1 / (negative + 2)) if smooth else (1.0, 0.0)
    target = np.where(yes, high, low)
    centre, scale = scores.mean(), scores.std() or 1.0
    x = (scores - centre) / scale

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        z = parameters[0] * x + parameters[1]
        error = expit(z) - target
        return float((np.logaddexp(0, z) - target * z).mean()), np.array([(error * x).mean(), error.mean()])

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
    slope = float(found.x[0] / scale)
    return Platt(slope=slope, offset=float(found.x[1] - slope * centre))


def reliability(
    confidence: Float[Array, " row"],
    happened: Bool[Array, " row"],
    *,
    bins: int = 15,
    scheme: Literal["mass", "width"] = "mass",
) -> tuple[Bin, ...]:
    """What was promised beside what happened: bins of equal mass (each as many cases) or of equal width on 0..1."""
    confidence, happened = np.asarray(confidence, np.float64), np.asarray(happened, bool)
    if confidence.shape != happened.shape or confidence.ndim != 1 or not len(confidence):
        raise FormatError(f"confidences and outcomes are rows of one length, got {confidence.shape}, {happened.shape}")
    order = np.argsort(confidence, kind="stable")
    confidence, happened = confidence[order], happened[order]
    if scheme == "mass":  # by rank; equal confidences have one rank, so that no tie is split by the order of the rows
        which = np.searchsorted(confidence, confidence) * bins // len(confidence)
    else:
        which = np.clip((confidence * bins).astype(int), 0, bins - 1)
    return tuple(_bin(confidence[which == index], happened[which == index]) for index in np.unique(which))


def calibration_error(
    confidence: Float[Array, " row"],
    happened: Bool[Array, " row"],
    *,
    bins: int = 15,
    scheme: Literal["mass", "width"] = "mass",
) -> float:
    """Expected calibration error: the mean distance of promise and frequency, weighted by the cases in each bin."""
    table = reliability(confidence, happened, bins=bins, scheme=scheme)
    total = sum(row.count for row in table)
    return sum(row.count / total * abs(row.confidence - row.frequency) for row in table)


def label_calibration_error(
    probabilities: Float[Array, "row label"], labels: Int[Array, " row"], *, bins: int = 15
) -> float:
    """The calibration error of the most probable label."""
    probabilities, labels = _checked(probabilities, labels)
    return calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels, bins=bins)


def brier(probabilities: Float[Array, "row label"], labels: Int[Array, " row"]) -> float:
    """The mean squared distance of probabilities from what happened, summed over labels (0 best, 2 worst)."""
    probabilities, labels = _checked(probabilities, labels)
    happened = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - happened) ** 2).sum(axis=1).mean())


def _bin(confidence: Float[Array, " row"], happened: Bool[Array, " row"]) -> Bin:
    return Bin(
        low=float(confidence[0]),
        high=float(confidence[-1]),
        count=len(confidence),
        confidence=float(confidence.mean()),
        frequency=float(happened.mean()),
    )


def _checked(values: Array, labels: Array) -> tuple[Array, Array]:
    values, labels = np.asarray(values, np.float64), np.asarray(labels)
    if values.ndim != 2 or labels.shape != values.shape[:1] or not len(labels):
        raise FormatError(f"expected [row, label] and a label for each row, got {values.shape} and {labels.shape}")
    if not np.isfinite(values).all():
        raise FormatError("logits or probabilities hold NaN or infinite values: mend the model that made them")
    if labels.min() < 0 or labels.max() >= values.shape[1]:
        raise FormatError(
            f"labels lie from {labels.min()} to {labels.max()}, the model knows 0 to {values.shape[1] - 1}"
        )
    return values, labels.astype(np.int64)
