"""Teaching a chart or a call to stand beside a finished forecast, and the rule that decides whether it is kept.

By rolling origin: the days are cut into blocks in the order of time; at each origin a companion that knows nothing
learns on the blocks before, the next one chooses when to stop and how much is kept, and the one after it decides. A
gain counts only if over all blocks that decide it is larger than its standard error (clustered by day, Newey and West),
against the forecast alone and against the charts or calls of other rows. It knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ....core.data.missing import ModalityDropout, keep
from ....core.errors import InputError
from ....core.random import numpy_generator, torch_generator
from ....core.training.loop import TrainingConfig, fit
from ....core.types import Array, Batch, Noun, Packed
from .calls import FEATURES, Call
from .companion import Companion, CompanionConfig, fresh, without
from .inputs import Standard
from .metrics import by_day, diebold_mariano
from .news import EVIDENCE, FEWEST, Verdict
from .training import STEPS, Examples, Schedule, loss_of, means, objective

BLOCKS = 5  # of the days taught on
LEAST = 10  # rows to learn from; origins with fewer are left out


@dataclass(frozen=True, kw_only=True)
class Apprenticeship(Schedule):
    """How a companion is taught."""

    epochs: int = 6
    rate: float = 1e-3
    weight_decay: float = 0.3
    size: int = 128
    patience: int = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """One day as a companion reads it, and what came less the finished forecast, in logarithms `[horizon]`."""

    record: Mapping[str, Noun | None]
    leftover: Array
    date: np.datetime64


def join(companion: Companion, lessons: Sequence[Lesson], schedule: Apprenticeship) -> Verdict:
    """Teach the companion in place, on all but the last block, and let the blocks decide how much it is listened to.

    Raises:
        InputError: too few lessons for the first origin.
    """
    examples = examples_of(companion, lessons)
    blocks = blocks_of(examples.dates)
    decided = []
    for origin in range(BLOCKS - 2):
        if _before(companion, examples, blocks[origin + 1][0]).size < LEAST:
            continue
        here = replace(schedule, seed=schedule.seed * 100 + origin)
        apprentice = fresh(companion, seed=here.seed)
        chosen = learn(apprentice, examples, blocks[origin + 1], here)
        decided.append(losses(apprentice, examples.take(_within(examples, blocks[origin + 2])), chosen))
    if not decided:
        raise InputError(
            f"{len(examples)} days to learn from are too few: {LEAST} must lie before the last two fifths of them"
        )
    seed = schedule.seed * 100 + BLOCKS
    companion.model.load_state_dict(fresh(companion, seed=seed).model.state_dict())
    chosen = learn(companion, examples, blocks[-1], replace(schedule, seed=seed))
    verdict = verdict_of(decided, chosen, companion.config.horizons)
    companion.listens = verdict.listens
    return verdict


def examples_of(companion: Companion, lessons: Sequence[Lesson]) -> Examples:
    """The lessons as one batch, in the order of their days."""
    ordered = sorted(lessons, key=lambda lesson: lesson.date)
    leftover = torch.tensor(np.array([each.leftover for each in ordered]), dtype=torch.float32)
    batch = companion.model.collate([each.record for each in ordered])
    return Examples(batch=batch, leftover=leftover, dates=np.array([each.date for each in ordered]))


def blocks_of(dates: Array, count: int = BLOCKS) -> list[tuple[np.datetime64, np.datetime64]]:
    """First and last day of blocks with as many different days each."""
    days = np.unique(dates)
    if len(days) < 2 * count:
        raise InputError(f"{len(days)} days to learn from: at least {2 * count} are needed")
    return [(part[0], part[-1]) for part in np.array_split(days, count)]


def learn(
    companion: Companion, examples: Examples, choosing: tuple[np.datetime64, np.datetime64], schedule: Schedule
) -> tuple[float, ...]:
    """Teach on what was known before the block that chooses; how much of what is changed serves that block best.

    What was not known yet when the block began, as its days had not all passed, is left out.
    """
    known = examples.take(_before(companion, examples, choosing[0]))
    ahead = examples.take(_within(examples, choosing))
    teach(companion, known, ahead, schedule)
    told = means(companion.model, ahead.batch, size=256)
    each = torch.stack([loss_of(share * told, ahead.leftover).mean(dim=0) for share in STEPS])
    return tuple(STEPS[best] for best in each.argmin(dim=0).tolist())


def teach(companion: Companion, known: Examples, ahead: Examples, schedule: Schedule) -> None:
    """Train the model by QLIKE; the level of the days that happen to be learnt from is no news, and is taken off."""
    model = companion.model
    known = replace(known, leftover=known.leftover - known.leftover.exp().mean(dim=0).log())
    for index, name in enumerate(companion.heads):
        model.head(name).fit_prior(known.leftover[:, index], torch.zeros(len(known)))
    names = model.modalities
    dropout = ModalityDropout(
        names, minimum=[("prices", name) for name in names[1:]], rate=dict.fromkeys(names[1:], 0.2)
    ) if len(names) > 2 else None  # fmt: skip
    training = TrainingConfig(
        epochs=schedule.epochs, rate=schedule.rate, weight_decay=schedule.weight_decay, patience=schedule.patience,
        precision="fp32", watch="qlike", seed=schedule.seed,
    )  # fmt: skip

    def step(rows: Array) -> Mapping[str, Tensor]:
        part = known.take(rows)
        batch = part.batch
        if dropout is not None:
            generator = torch_generator(schedule.seed, f"hide/{rows[0]}/{rows[-1]}/{len(rows)}")
            batch = keep(batch, dropout.draw(batch.presence, generator))
        return objective(model, model(batch), part.leftover)

    def validate() -> Mapping[str, float]:
        return {"qlike": float(loss_of(means(model, ahead.batch, size=256), ahead.leftover).mean())}

    label = companion.config.reads
    for _ in fit(model, _orders(len(known), schedule), step, config=training, validate=validate, label=label):
        pass


@dataclass(frozen=True, kw_only=True, eq=False)
class Decided:
    """QLIKE `[row, horizon]` of the days that decide: the forecast alone, moved, and moved by another row's."""

    alone: Array
    told: Array
    other: Array
    dates: Array


def losses(companion: Companion, examples: Examples, share: Sequence[float]) -> Decided:
    """What the companion's answers are worth on these rows, as much of them as `share` says, by horizon."""
    kept = torch.tensor(share)
    ways = (without(examples.batch), examples.batch, exchanged(examples.batch))
    alone, told, other = (
        loss_of(kept * means(companion.model, batch, size=256), examples.leftover).double().numpy() for batch in ways
    )
    return Decided(alone=alone, told=told, other=other, dates=examples.dates)


def exchanged(batch: Batch, *, purpose: str = "exchanged") -> Batch:
    """The batch with the chart or the call of another row in the place of each row's own."""
    order = torch.from_numpy(numpy_generator(0, purpose).permutation(len(batch.presence)))
    names = list(batch.inputs)
    inputs = {names[0]: batch.inputs[names[0]]}
    inputs |= {name: Packed(_taken(batch.inputs[name].x, order), batch.inputs[name].mask[order]) for name in names[1:]}
    presence = batch.presence[order].clone()
    presence[:, 0] = batch.presence[:, 0]
    return Batch(inputs, presence)


def verdict_of(decided: Sequence[Decided], chosen: Sequence[float], horizons: Sequence[int]) -> Verdict:
    """How much is listened to: what was chosen last, where the blocks that decide show a gain beyond its error."""
    alone, told, other = (
        np.concatenate([getattr(each, way) for each in decided]) for way in ("alone", "told", "other")
    )
    dates = np.concatenate([each.dates for each in decided])
    t, t_words = (_statistics(told, each, dates, horizons) for each in (alone, other))
    shares = zip(chosen, t, t_words, strict=True)
    return Verdict(
        chosen=tuple(chosen),
        listens=tuple(share if max(statistics) < EVIDENCE else 0.0 for share, *statistics in shares),
        without=tuple(alone.mean(axis=0).tolist()),
        told=tuple(told.mean(axis=0).tolist()),
        t=t,
        t_words=t_words,
        days=len(np.unique(dates)),
        first=str(dates.min()),
        last=str(dates.max()),
    )


def voice_standard(calls: Sequence[Call]) -> Array:
    """Mean and scale of each voice feature over the sentences of these calls `[moment, feature]`."""
    spoken = [call.voice for call in calls if call.voice is not None]
    values = np.concatenate([*spoken, np.zeros((1, len(FEATURES)))]) if not spoken else np.concatenate(spoken)
    scale = np.nan_to_num(np.nanstd(values, axis=0))
    return np.stack([np.nan_to_num(np.nanmean(values, axis=0)), np.where(scale > 1e-9, scale, 1.0)])


def blank(reads: str, standard: Standard, until: np.datetime64, *, calls: Sequence[Call] = ()) -> Companion:
    """A companion that has learnt nothing yet."""
    config = CompanionConfig(reads=reads)  # type: ignore[arg-type]
    return Companion(config, standard=standard, voice=voice_standard(calls), until=until)


def _statistics(ours: Array, theirs: Array, dates: Array, horizons: Sequence[int]) -> tuple[float, ...]:
    """Diebold-Mariano's t of the daily means by horizon; 0 with too few days to tell."""
    if len(np.unique(dates)) < FEWEST:
        return (0.0,) * len(horizons)
    return tuple(
        diebold_mariano(by_day(one, dates), by_day(other, dates), lags=horizon + 4)
        for horizon, one, other in zip(horizons, ours.T, theirs.T, strict=True)
    )


def _before(companion: Companion, examples: Examples, day: np.datetime64) -> Array:
    """Rows whose days had all passed by then."""
    gap = np.timedelta64(7 * max(companion.config.horizons) // 5 + 3, "D")
    return np.flatnonzero(examples.dates < day - gap)


def _within(examples: Examples, block: tuple[np.datetime64, np.datetime64]) -> Array:
    return np.flatnonzero((examples.dates >= block[0]) & (examples.dates <= block[1]))


def _taken(x: Tensor | tuple[Tensor, ...], rows: Tensor) -> Tensor | tuple[Tensor, ...]:
    if isinstance(x, Tensor):
        return x[rows]
    return type(x)(*(each[rows] for each in x))


def _orders(rows: int, schedule: Schedule) -> Callable[[int], Sequence[Array]]:
    def epoch(number: int) -> Sequence[Array]:
        order = numpy_generator(schedule.seed, f"order/{number}").permutation(rows)
        return [order[start : start + schedule.size] for start in range(0, rows, schedule.size)]

    return epoch
