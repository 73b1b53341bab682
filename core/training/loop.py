"""The training loop, written out: an iterator that yields what happened. It knows no model, no task and no logger.

    for event in fit(model, Batches(records, collate, size=32), step, config=TrainingConfig(), validate=validate):
        match event:
            case Validated(metrics=metrics, best=True): ...

Every step draws its randomness from (seed, step), so a run that was killed and resumed equals one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from .. import distributed
from ..data.prefetch import ahead
from ..progress import track
from .adaptation import Unfreezing, trainable
from .deployment import Deployment, ambient
from .events import Event, Started, Step, Stopped
from .recompute import recomputing
from .run import Losses, Run, TrainingConfig
from .schedules import warmup_cosine
from .watch import watched

if TYPE_CHECKING:
    from ..distributed.sharding import Touched


@watched
def fit(
    model: nn.Module,
    batches: Callable[[int], Sequence[Any]],
    step: Callable[[Any], Losses],
    *,
    config: TrainingConfig,
    validate: Callable[[], Mapping[str, float]] | None = None,
    folder: Path | None = None,
    unfreezing: Unfreezing | None = None,
    label: str = "fit",
    deployment: Deployment | None = None,
) -> Iterator[Event]:
    """Train `model` in place, and leave it in `eval` mode with its best weights.

    `batches` gives an epoch's batches; `step` turns a batch into a loss, or into named losses that are summed;
    `validate` measures the model as it stands, in eval mode, without gradients and in float32. With a `folder`, the
    run saves its state there and goes on from it. `deployment` lays it over processes (None: as `deployed` says): they
    share the rows of each batch, so that all of them together do what one would have done.

    Raises:
        ColonnadeError: a loss or a gradient is not finite.
        CheckpointError: the folder holds the state of another run.
        UnknownName: `validate` does not measure `config.watch`.
    """
    laid = deployment or ambient(label)
    laid = laid if folder is None else replace(laid, snapshots=folder)
    distributed.share(model)
    with _laid_out(model, laid) as touched:
        run = Run.of(model, step, config, laid, touched)
        try:
            yield from _trained(run, batches, validate, unfreezing, label)
            yield from run.finished()
        finally:
            run.close()
        model.load_state_dict(run.best, strict=False)
    model.eval()
    place = run.place
    yield Stopped(step=place.step, reason=place.stopped, best_epoch=place.best_epoch, best=place.best)


def _trained(
    run: Run,
    batches: Callable[[int], Sequence[Any]],
    validate: Callable[[], Mapping[str, float]] | None,
    unfreezing: Unfreezing | None,
    label: str,
) -> Iterator[Event]:
    place, model, config = run.resumed(), run.model, run.config
    if unfreezing is not None:
        unfreezing.apply(model, place.epoch)
    parameters, moving = trainable(model)
    yield Started(step=place.step, epoch=place.epoch, precision=run.precision, parameters=parameters, trainable=moving)
    part = _part(batches)
    with recomputing(model) if config.recompute else nullcontext():
        while not place.stopped:
            model.train()
            if unfreezing is not None:
                unfreezing.apply(model, place.epoch)
            epoch = ahead(batches(place.epoch), run.deployment.prefetch)
            starts = range(place.batch, len(epoch), config.accumulate)
            for start in track(starts, f"{label}: epoch {place.epoch + 1} of {config.epochs}", len(starts)):
                end = min(start + config.accumulate, len(epoch))
                done = (place.epoch + (start + end) / 2 / len(epoch)) / config.epochs
                rate = config.rate * warmup_cosine(done, warmup=config.warmup)
                begun = time.perf_counter()
                group = [epoch[index] for index in range(start, end)]
                came = time.perf_counter()
                losses, norm = run.update(group, rate, part=part)
                waited = (came - begun) / max(time.perf_counter() - begun, 1e-9)
                run.count(losses, end)
                yield Step(step=place.step, epoch=place.epoch, losses=losses, rate=rate, norm=norm, waited=waited)
                if run.save_every and place.step % run.save_every == 0 and end < len(epoch):
                    yield from run.saved()
            yield run.validated(validate)
            yield from run.saved()


def _laid_out(model: nn.Module, deployment: Deployment) -> AbstractContextManager[Touched | None]:
    """The model as the deployment has it: whole on every rank, or in shards."""
    if not deployment.sharded or distributed.ranks() < 2:
        return nullcontext()
    from ..distributed.sharding import sharded

    return sharded(model)


def _part(batches: Callable[[int], Sequence[Any]]) -> tuple[int, int]:
    """Which rows of each batch are this rank's: all, where the batches were made for it alone."""
    own = getattr(batches, "part", (0, 1))
    return (0, 1) if own[1] > 1 else (distributed.rank(), distributed.ranks())
