"""Who watches the training runs of a `fit`, and what its user asked of all of them: rate, batch, warm-up, precision.

A task trains one network or ten, each with settings of its own recipe. Whoever calls the task says here, once, what
shall hold for every run inside a `with`; the loop asks. It knows no model and no task.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ParamSpec, TypeAlias

from ..errors import ConfigError
from .events import Event, Validated
from .precision import Precision
from .run import TrainingConfig

P = ParamSpec("P")
Tell: TypeAlias = Callable[[Event, str, float | None], None]  # event, label of the run, validation (lower is better)
LONGEST = 0.3  # of a training may be warm-up
LEAST = 4  # updates an epoch that a wished batch must leave


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is asked of every run; None leaves the recipe's own. `warmup` counts updates, `rate` is the peak."""

    rate: float | None = None
    batch: int | None = None
    warmup: int | None = None
    patience: int | None = None
    precision: Precision | None = None
    recompute: bool | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not 0 < self.rate < 1:
            raise ConfigError(f"a learning rate lies between 0 and 1, got {self.rate}")
        for name in ("batch", "warmup", "patience"):
            value = getattr(self, name)
            if value is not None and value < (1 if name == "batch" else 0):
                raise ConfigError(f"{name} is a whole number of at least {1 if name == 'batch' else 0}, got {value}")
        if self.precision not in (None, "auto", "bf16", "fp32"):
            raise ConfigError(f"precision is auto, bf16 or fp32, got {self.precision!r}")

    def granted(self, config: TrainingConfig, updates: int) -> TrainingConfig:
        """The settings of a run of so many updates, with what was asked for; warm-up takes at most 30 % of them."""
        asked: dict[str, Any] = {
            name: value
            for name in ("rate", "patience", "precision", "recompute")
            if (value := getattr(self, name)) is not None
        }
        if self.warmup is not None:
            asked["warmup"] = min(self.warmup / max(updates, 1), LONGEST)
        return replace(config, **asked)


_wishes: ContextVar[Wishes] = ContextVar("wishes", default=Wishes())  # noqa: B039
_watchers: ContextVar[tuple[Tell, ...]] = ContextVar("watchers", default=())


@contextmanager
def wishing(wishes: Wishes) -> Iterator[None]:
    """Inside, every run is trained as wished."""
    token = _wishes.set(wishes)
    try:
        yield
    finally:
        _wishes.reset(token)


@contextmanager
def watching(tell: Tell) -> Iterator[None]:
    """Inside, every event of every run is told, with the run's label, before the loop goes on; `tell` may raise."""
    token = _watchers.set((*_watchers.get(), tell))
    try:
        yield
    finally:
        _watchers.reset(token)


def size_of(usual: int, rows: int) -> int:
    """Rows in a batch: what was asked for, with at least four updates an epoch left; else the recipe's own."""
    asked = _wishes.get().batch
    return usual if asked is None else max(1, min(asked, rows // LEAST))


def told(event: Event, label: str, score: float | None = None) -> None:
    """Tell whoever watches, for trainings that have a loop of their own."""
    for tell in _watchers.get():
        tell(event, label, score)


def watched(fit: Callable[P, Iterator[Event]]) -> Callable[P, Iterator[Event]]:
    """The loop, with the wishes granted and its events told."""

    @wraps(fit)
    def heard(*given: P.args, **named: P.kwargs) -> Iterator[Event]:
        config: Any = named["config"]
        batches: Any = given[1]
        updates = _updates(batches, config)
        named["config"] = _wishes.get().granted(config, updates)
        label = str(named.get("label", "fit"))
        for event in fit(*given, **named):
            told(event, label, _score(event, named["config"]))
            yield event

    return heard


def _score(event: Event, config: Any) -> float | None:
    """What the run watches, turned so that lower is better; None at other events."""
    if not isinstance(event, Validated) or config.watch not in event.metrics:
        return None
    return event.metrics[config.watch] * (-1 if config.better == "higher" else 1)


def _updates(batches: Callable[[int], Sequence[Any]], config: TrainingConfig) -> int:
    """How many there will be, counted only where somebody asks for a warm-up in updates."""
    if _wishes.get().warmup is None:
        return 0
    return config.epochs * math.ceil(len(batches(0)) / config.accumulate)
