"""What one training run holds between its events, and its single acts: update, measure, keep the best, save."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from .. import distributed
from ..config import to_plain
from ..distributed.exchange import Exchange, Plain, average
from ..errors import ColonnadeError, ConfigError, UnknownName
from ..random import torch_generator
from . import resume
from .deployment import Deployment, exchange_of
from .events import Saved, Validated
from .parts import part_of
from .precision import Precision, device_of, resolve
from .resume import Place
from .snapshots import Snapshots

if TYPE_CHECKING:
    from ..distributed.sharding import Touched

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
    deployment: Deployment
    precision: str
    optimizer: torch.optim.Optimizer
    place: Place = field(default_factory=Place)
    best: dict[str, Tensor] = field(default_factory=dict)
    exchange: Exchange = field(default_factory=Plain)
    snapshots: Snapshots | None = None
    touched: Touched | None = None  # of a model in shards

    @classmethod
    def of(
        cls,
        model: nn.Module,
        step: Callable[[Any], Losses],
        config: TrainingConfig,
        deployment: Deployment,
        touched: Touched | None = None,
    ) -> Run:
        """A run at its start."""
        run = cls(model, step, config, deployment, resolve(config.precision, model), _optimizer(model, config))
        run.exchange, run.touched = exchange_of(deployment), touched
        if deployment.snapshots is not None:
            run.snapshots = Snapshots(deployment.snapshots)
        return run

    @property
    def save_every(self) -> int:
        """Updates between snapshots inside an epoch; 0 for none."""
        return self.config.save_every if self.deployment.save_every is None else self.deployment.save_every

    def resumed(self) -> Place:
        """Where the run goes on, with model and optimizer put back to there."""
        if self.snapshots is not None:
            folder = self.snapshots.folder
            self.place, self.best, kept = resume.load(folder, self.model, self.optimizer, identity=self._identity())
            self.exchange.restore(kept, device_of(self.model))
        return self.place

    def saved(self) -> Iterator[Saved]:
        """Begin a snapshot, where there is a folder, and tell of the one before, which is whole by now."""
        if self.snapshots is None:
            return
        tensors = resume.state_of(self.model, self.optimizer, self.best) | self.exchange.kept()
        whole = self.snapshots.take(self.place.step, tensors, resume.head_of(self.place, self._identity()))
        if whole is not None:
            yield Saved(step=whole[0], path=whole[1])

    def finished(self) -> Iterator[Saved]:
        """Wait for the last snapshot."""
        whole = self.snapshots.wait() if self.snapshots is not None else None
        if whole is not None:
            yield Saved(step=whole[0], path=whole[1])

    def close(self) -> None:
        """End what works beside the run."""
        if self.snapshots is not None:
            self.snapshots.close()

    def update(self, group: list[Any], rate: float, *, part: tuple[int, int]) -> tuple[dict[str, float], float]:
        """One step of the optimizer on the mean loss of a group of batches, of which this rank takes its `part`."""
        told: dict[str, float] = {}
        if self.touched is not None:
            self.touched.follow(self.model)
        with _replayable(self.config.seed, f"step/{self.place.step}/{distributed.rank()}", device_of(self.model)):
            for whole in group:
                batch, weight = part_of(whole, *part)
                with torch.autocast(device_of(self.model).type, torch.bfloat16, enabled=self.precision == "bf16"):
                    losses = _named(self.step(batch))
                (losses["loss"] * (weight / len(group))).backward()
                for name, value in losses.items():
                    told[name] = told.get(name, 0.0) + float(value.detach()) * weight / len(group)
        told = self._averaged(told)
        moving = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        norm = _clipped(moving, self.config.clip or math.inf)
        if not math.isfinite(norm) or not math.isfinite(told["loss"]):
            raise ColonnadeError(
                f"training broke at step {self.place.step} of epoch {self.place.epoch}: the loss is {told['loss']} and "
                f"the gradient's norm {norm}: lower the rate ({rate:.1e}), or look for NaN in the data"
            )
        for each in self.optimizer.param_groups:
            each["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return told, norm

    def _averaged(self, told: dict[str, float]) -> dict[str, float]:
        """The gradients' mean over ranks is in place, and the losses' comes back."""
        if self.touched is None:
            return average(self.model, self.exchange, told)
        from ..distributed.sharding import settle

        return settle(self.model, self.touched, told)

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
        if self.touched is not None:
            self.touched.rest(self.model)
        if self.config.watch not in metrics:
            raise UnknownName("metric to watch", self.config.watch, metrics)
        if math.isnan(metrics[self.config.watch]):
            raise ColonnadeError(f"{self.config.watch} is NaN after epoch {self.place.epoch}: look for NaN in the data")
        return metrics

    def _identity(self) -> dict[str, Any]:
        return {**to_plain(self.config), "precision": self.precision}


def _clipped(moving: list[nn.Parameter], most: float) -> float:
    """Clip the gradients' norm, over all shards; gives what it was."""
    norm = nn.utils.clip_grad_norm_(moving, most)
    return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)


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
