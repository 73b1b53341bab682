"""What one training run holds between its events, and its single acts: update, measure, keep the best, save."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from .. import distributed
from ..config import to_plain
from ..errors import ColonnadeError, ConfigError, UnknownName
from ..random import torch_generator
from . import resume
from .events import Saved, Validated
from .precision import Precision, device_of, resolve
from .resume import Place

Losses: TypeAlias = Tensor | Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train: AdamW with warm-up and a cosine, clipped gradients, early stopping on `watch` of `validate`.

    `accumulate` batches make one update; `warmup` is a share of the training; `clip` 0 does not clip; `patience` 0 does
    not stop early; `save_every` counts updates (0: at the end of each epoch only); `recompute` trades time for memory.
    """

    epochs: int = 20
    rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    clip: float = 1.0
    accumulate: int = 1
    precision: Precision = "auto"
    patience: int = 3
    watch: str = "loss"
    better: Literal["lower", "higher"] = "lower"
    recompute: bool = False
    save_every: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.accumulate < 1 or self.rate <= 0 or not 0 <= self.warmup < 1:
            raise ConfigError(
                "training needs epochs and accumulate of at least 1, a positive rate and a warm-up share below 1, got "
                f"{self.epochs}, {self.accumulate}, {self.rate} and {self.warmup}"
            )


@dataclass
class Run:
    """What one run holds between its events."""

    model: nn.Module
    step: Callable[[Any], Losses]
    config: TrainingConfig
    folder: Path | None
    precision: str
    optimizer: torch.optim.Optimizer
    place: Place = field(default_factory=Place)
    best: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, model: nn.Module, step: Callable[[Any], Losses], config: TrainingConfig, folder: Path | None) -> Run:
        """A run at its start."""
        return cls(model, step, config, folder, resolve(config.precision, model), _optimizer(model, config))

    def resumed(self) -> Place:
        """Where the run goes on, with model and optimizer put back to there."""
        distributed.share(self.model)
        if self.folder is not None:
            self.place, self.best = resume.load(self.folder, self.model, self.optimizer, identity=self._identity())
        return self.place

    def saved(self) -> Iterator[Saved]:
        """Save, where there is a folder (on rank 0)."""
        if self.folder is None or distributed.rank() > 0:
            return
        path = resume.save(
            self.folder, self.model, self.optimizer, place=self.place, best=self.best, identity=self._identity()
        )
        yield Saved(step=self.place.step, path=path)

    def update(self, group: list[Any], rate: float) -> tuple[dict[str, float], float]:
        """One step of the optimizer on the mean loss of a group of batches."""
        told: dict[str, float] = {}
        with _replayable(self.config.seed, f"step/{self.place.step}/{distributed.rank()}", device_of(self.model)):
            for batch in group:
                with torch.autocast(device_of(self.model).type, torch.bfloat16, enabled=self.precision == "bf16"):
                    losses = _named(self.step(batch))
                (losses["loss"] / len(group)).backward()
                for name, value in losses.items():
                    told[name] = told.get(name, 0.0) + float(value.detach()) / len(group)
        moving = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        distributed.average_gradients(moving)
        norm = float(nn.utils.clip_grad_norm_(moving, self.config.clip or math.inf))
        if not math.isfinite(norm) or not math.isfinite(told["loss"]):
            raise ColonnadeError(
                f"training broke at step {self.place.step} of epoch {self.place.epoch}: the loss is {told['loss']} and "
                f"the gradient's norm {norm}: lower the rate ({rate:.1e}), or look for NaN in the data"
            )
        for part in self.optimizer.param_groups:
            part["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return told, norm

    def count(self, losses: Mapping[str, float], batch: int) -> None:
        """`batch` batches of the epoch are done."""
        place = self.place
        place.sums = {name: place.sums.get(name, 0.0) + value for name, value in losses.items()}
        place.step, place.batch, place.counted = place.step + 1, batch, place.counted + 1

    def validated(self, validate: Callable[[], Mapping[str, float]] | None) -> Validated:
        """The end of an epoch: measure, keep the best, decide whether to stop."""
        place, config = self.place, self.config
        losses = {name: value / place.counted for name, value in place.sums.items()}
        metrics = self._measured(validate) if validate is not None else {}
        better = False
        if metrics:
            sign = 1 if config.better == "higher" else -1
            better = place.best is None or sign * metrics[config.watch] > sign * place.best
            place.waited = 0 if better else place.waited + 1
        if better:
            place.best, place.best_epoch = metrics[config.watch], place.epoch
            self.best = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        event = Validated(step=place.step, epoch=place.epoch, losses=losses, metrics=metrics, best=better)
        place.epoch, place.batch, place.counted, place.sums = place.epoch + 1, 0, 0, {}
        if place.epoch >= config.epochs:
            place.stopped = f"all {config.epochs} epochs are done"
        elif config.patience and place.waited >= config.patience:
            place.stopped = f"{config.watch} has not improved for {config.patience} epochs"
        return event

    def _measured(self, validate: Callable[[], Mapping[str, float]]) -> dict[str, float]:
        self.model.eval()
        purpose = f"validate/{self.place.epoch}"
        with torch.no_grad(), _replayable(self.config.seed, purpose, device_of(self.model)):
            metrics = {name: distributed.mean(float(value)) for name, value in validate().items()}
        if self.config.watch not in metrics:
            raise UnknownName("metric to watch", self.config.watch, metrics)
        if math.isnan(metrics[self.config.watch]):
            raise ColonnadeError(f"{self.config.watch} is NaN after epoch {self.place.epoch}: look for NaN in the data")
        return metrics

    def _identity(self) -> dict[str, Any]:
        return {**to_plain(self.config), "precision": self.precision, "ranks": distributed.ranks()}


def _optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW; vectors (biases, norms, learned temperatures) do not decay."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.rate, fused=True)


def _named(losses: Losses) -> dict[str, Tensor]:
    """Every loss by name, with their sum as `loss`."""
    if isinstance(losses, Tensor):
        return {"loss": losses}
    return {**losses, "loss": torch.stack([value.float() for value in losses.values()]).sum()}


@contextmanager
def _replayable(seed: int, purpose: str, device: torch.device) -> Iterator[None]:
    """Inside, torch's own randomness (dropout) comes from the seed and the purpose; outside it is as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        chosen = torch_generator(seed, purpose).initial_seed()
        # Not torch.manual_seed, which asks every kind of device and records a stack each time.
        torch.default_generator.manual_seed(chosen)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(chosen)
        yield
