"""The training loop, written out: an iterator that yields what happened. It knows no model, no task and no logger.

    for event in fit(model, Batches(records, collate, size=32), step, config=TrainingConfig(), validate=validate):
        match event:
            case Validated(metrics=metrics, best=True): ...

Every step draws its randomness from (seed, step), so a run that was killed and resumed equals one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from ..progress import track
from .adaptation import Unfreezing, trainable
from .events import Event, Started, Step, Stopped
from .recompute import recomputing
from .run import Losses, Run, TrainingConfig
from .schedules import warmup_cosine


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
) -> Iterator[Event]:
    """Train `model` in place, and leave it in `eval` mode with its best weights.

    `batches` gives an epoch's batches; `step` turns a batch into a loss, or into named losses that are summed;
    `validate` measures the model as it stands, in eval mode, without gradients and in float32. With a `folder`, the
    run saves its state there and goes on from it.

    Raises:
        ColonnadeError: a loss or a gradient is not finite.
        CheckpointError: the folder holds the state of another run.
        UnknownName: `validate` does not measure `config.watch`.
    """
    run = Run.of(model, step, config, folder)
    place = run.resumed()
    if unfreezing is not None:
        unfreezing.apply(model, place.epoch)
    parameters, moving = trainable(model)
    yield Started(step=place.step, epoch=place.epoch, precision=run.precision, parameters=parameters, trainable=moving)
    with recomputing(model) if config.recompute else nullcontext():
        while not place.stopped:
            model.train()
            if unfreezing is not None:
                unfreezing.apply(model, place.epoch)
            epoch = batches(place.epoch)
            starts = range(place.batch, len(epoch), config.accumulate)
            for start in track(starts, f"{label}: epoch {place.epoch + 1} of {config.epochs}", len(starts)):
                end = min(start + config.accumulate, len(epoch))
                done = (place.epoch + (start + end) / 2 / len(epoch)) / config.epochs
                rate = config.rate * warmup_cosine(done, warmup=config.warmup)
                losses, norm = run.update([epoch[index] for index in range(start, end)], rate)
                run.count(losses, end)
                yield Step(step=place.step, epoch=place.epoch, losses=losses, rate=rate, norm=norm)
                if config.save_every and place.step % config.save_every == 0 and end < len(epoch):
                    yield from run.saved()
            yield run.validated(validate)
            yield from run.saved()
    model.load_state_dict(run.best, strict=False)
    model.eval()
    yield Stopped(step=place.step, reason=place.stopped, best_epoch=place.best_epoch, best=place.best)
