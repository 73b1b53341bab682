"""Search over learning rate, batch and warm-up, chosen on validation alone. Owns `optuna`, imported late.

A trial is a whole fit with other wishes (watch.py); one that its epochs show to be worse than the median of the trials
before it is pruned. No test set is ever seen. The ranges are those of the project's source, capped to the data by the
loop: a batch leaves at least four updates an epoch, and warm-up takes at most 30 per cent of a training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import InputError
from ..optional import require
from ..progress import say
from .events import Event, Started, Validated
from .watch import Wishes, watching, wishing

RATES = (1e-5, 1e-3)
BATCHES = (16, 32, 64, 128, 256)
WARMUPS = (500, 5000)
FIRST = 3  # trials that none is pruned before


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One try: what was wished, the validation score it came to (lower is better), or at which epoch it was pruned."""

    number: int
    rate: float
    batch: int
    warmup: int
    score: float | None
    pruned_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """The best wishes, their score and every trial."""

    wishes: Wishes
    score: float
    trials: tuple[Trial, ...]

    def to_plain(self) -> dict[str, Any]:
        """JSON types."""
        best = {"rate": self.wishes.rate, "batch": self.wishes.batch, "warmup": self.wishes.warmup}
        return {"best": best, "validation": self.score, "trials": [asdict(trial) for trial in self.trials]}


class _Watcher:
    """Follows a trial: the mean of the best validation scores of its runs, and when to give it up."""

    def __init__(self, trial: Any, pruned: type[Exception]) -> None:
        self.trial, self.pruned = trial, pruned
        self.best: list[float] = []
        self.epoch = 0

    def tell(self, event: Event, label: str, score: float | None) -> None:
        """Note a run's start or an epoch's end; raise where the median of other trials was better by then."""
        if isinstance(event, Started):
            self.best.append(math.inf)
        if isinstance(event, Validated) and score is not None and self.best:
            self.best[-1] = min(self.best[-1], score)
            self.trial.report(self.score(), self.epoch)
            self.epoch += 1
            if self.trial.should_prune():
                raise self.pruned(f"epoch {self.epoch}")

    def score(self) -> float:
        """So far."""
        known = [value for value in self.best if math.isfinite(value)]
        return sum(known) / len(known) if known else math.inf


def search(attempt: Callable[[], object], *, trials: int, seed: int, keep: Wishes | None = None) -> Found:
    """The wishes under which `attempt` (a whole fit) validates best. Wishes of `keep` other than the three stay.

    Raises:
        MissingExtra: `optuna` is not installed.
        InputError: no trial trained a network that validates.
    """
    optuna = require("optuna", "search", "a search over learning rate, batch and warm-up")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    done: list[Trial] = []
    others = keep or Wishes()

    def objective(trial: Any) -> float:
        wishes = replace(
            others,
            rate=trial.suggest_float("rate", *RATES, log=True),
            batch=trial.suggest_categorical("batch", BATCHES),
            warmup=trial.suggest_int("warmup", *WARMUPS, log=True),
        )
        watcher = _Watcher(trial, optuna.TrialPruned)
        asked = {"number": trial.number, "rate": wishes.rate, "batch": wishes.batch, "warmup": wishes.warmup}
        try:
            with wishing(wishes), watching(watcher.tell):
                attempt()
        except optuna.TrialPruned:
            done.append(Trial(**asked, score=None, pruned_at=watcher.epoch))
            say(f"search: trial {trial.number + 1} of {trials}: given up at epoch {watcher.epoch}")
            raise
        score = watcher.score()
        if not math.isfinite(score):
            raise InputError("nothing to search: no network that validates was trained by this task on these data")
        done.append(Trial(**asked, score=score))
        say(f"search: trial {trial.number + 1} of {trials}: {score:.5g} with {_words(wishes)}")
        return score

    study = optuna.create_study(
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST + 1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST, n_warmup_steps=1),
    )
    study.optimize(objective, n_trials=trials)
    best = study.best_params
    wishes = replace(others, rate=best["rate"], batch=best["batch"], warmup=best["warmup"])
    return Found(wishes=wishes, score=float(study.best_value), trials=tuple(done))


def _words(wishes: Wishes) -> str:
    return f"rate {wishes.rate:.2e}, batch {wishes.batch}, warm-up {wishes.warmup}"
