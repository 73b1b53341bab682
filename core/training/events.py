"""What happens in a training run, in the order in which `fit` yields it. Frozen facts; nothing here acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Started:
    """First, also after a resume: `step` updates are done already."""

    step: int
    epoch: int
    precision: str
    parameters: int
    trainable: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update: the mean losses of its batches, the learning rate, the norm of the gradient before clipping.

    `waited` is the share of the step's time in which it waited for its batches.
    """

    step: int
    epoch: int
    losses: Mapping[str, float]
    rate: float
    norm: float
    waited: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Validated:
    """An epoch is over: the mean training losses, what `validate` measured (empty without it), if it is best."""

    step: int
    epoch: int
    losses: Mapping[str, float]
    metrics: Mapping[str, float]
    best: bool


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A killed run would go on from here."""

    step: int
    path: Path


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Last: the model holds the weights of `best_epoch` (without `validate`, of the last one)."""

    step: int
    reason: str
    best_epoch: int | None
    best: float | None


Event: TypeAlias = Started | Step | Validated | Saved | Stopped
