"""Teaching news to a network that was taught prices, and the rule that decides whether it listens to them.

All that a forecast without news passes through is held still. Days are cut in three, in the order of time: on the first
the members learn, the second choose when to stop and how much of what news changes is kept, the third decide whether
that is any better than no news, and than the news of another row: a network that has only learnt to put its level
right where there is news has learnt nothing from the words. It knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ....core.encoders.base import Encoder
from ....core.errors import InputError
from ....core.model import Model
from ....core.random import numpy_generator
from ....core.training.adaptation import Unfreezing
from ....core.training.loop import TrainingConfig, fit
from ....core.types import Array, Batch, Noun, Packed, Tokens
from .forecast import FIRST
from .history import history_of, target
from .inputs import inputs_of
from .metrics import by_day, diebold_mariano
from .model import MODALITIES, Network, silenced
from .records import HORIZONS, Prices
from .training import (
    LONGEST,
    STEPS,
    Examples,
    Material,
    Schedule,
    examples_of,
    loss_of,
    means,
    objective,
    split,
)
from .walkforward import walk_har

EVIDENCE = -1.0  # Diebold-Mariano's t that news must reach on the days that decide
TAUGHT = ("encoders.news", "projections.news", "experts.news", "gates.readers.2", "gates.norms.2")
PRICES, ALL = 3, 7  # the subsets "window and table" and "window, table and news", by the bits of their modalities
FEWEST = 20  # days that decide; with fewer no one is listened to


@dataclass(frozen=True, kw_only=True)
class Lessons(Schedule):
    """How news is taught; `validation` is the share of days that choose and decide, half of them each."""

    epochs: int = 5
    rate: float = 1e-3
    weight_decay: float = 0.3
    size: int = 256
    patience: int = 2
    validation: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the days that decide said, by horizon: QLIKE without news and with them, and Diebold-Mariano's t.

    `t` is against no news, `t_words` against the news of another row. `chosen` is how much would be listened to going
    by the days that choose, `listens` how much is: that, where both statistics are below -1, else nothing.
    """

    chosen: tuple[float, ...]
    listens: tuple[float, ...]
    without: tuple[float, ...]
    told: tuple[float, ...]
    t: tuple[float, ...]
    t_words: tuple[float, ...]
    days: int
    first: str
    last: str


def heard(prices: Prices, until: np.datetime64, news: Mapping[int, str]) -> Material | None:
    """One series as forecasts met it: HAR walked forward, and rows whose whole target lies before `until`.

    None if it has no such row with news.
    """
    history = history_of(prices)
    rows = np.arange(FIRST, int(np.searchsorted(history.dates, until)) - LONGEST)
    if not any(int(row) in news for row in rows):
        return None
    offsets = np.log(np.column_stack([walk_har(history, horizon) for horizon in HORIZONS]))
    truth = np.column_stack([target(history.variance, horizon) for horizon in HORIZONS])
    return Material(
        inputs=inputs_of(history, offsets), rows=rows, leftover=np.log(truth[rows]) - offsets[rows],
        dates=history.dates, news=news,
    )  # fmt: skip


def teach(network: Network, materials: Sequence[Material], schedule: Lessons, until: np.datetime64) -> Verdict:
    """Teach the members in place, and let later days decide how much the network listens.

    Raises:
        InputError: too few days with news to learn from, to choose on and to decide on.
    """
    known, choosing, deciding = thirds(network, materials, schedule.validation)
    for number, member in enumerate(network.members):
        teach_member(member, known, choosing, replace(schedule, seed=schedule.seed * 1000 + number))  # type: ignore[arg-type]
    verdict = judge(network, choosing, deciding)
    network.listens, network.heard_until = verdict.listens, until
    return verdict


def thirds(network: Network, materials: Sequence[Material], share: float) -> tuple[Examples, Examples, Examples]:
    """The days with news to learn from, to choose on and to decide on, with a gap of the longest horizon between them.

    Raises:
        InputError: fewer than 100 such days.
    """
    examples = examples_of(materials, network.standard, network.members[0], only_news=True)  # type: ignore[arg-type]
    days = len(np.unique(examples.dates))
    if days < 100:
        raise InputError(f"{days} days have news to learn from: at least 100 are needed")
    known, later = split(examples, share)
    return tuple(_by_length(each) for each in (known, *split(later, 0.5)))  # type: ignore[return-value]


def teach_member(member: Model, known: Examples, choosing: Examples, schedule: Schedule) -> None:
    """Train what reads news in one member, in place, by QLIKE of the answer from all that is given.

    The rest is held still and without dropout: the prices of a day are encoded once. The leftovers are moved so that
    the answer without news has the right level on average: the level of the days that happen to be learnt from is no
    news.
    """
    member.blend.scale[:, ALL] = member.blend.scale[:, PRICES]
    member.blend.powers[:, ALL] = member.blend.powers[:, PRICES]
    member.blend.powers[:, ALL, -1] = 1
    training = TrainingConfig(
        epochs=schedule.epochs, rate=schedule.rate, weight_decay=schedule.weight_decay, patience=schedule.patience,
        precision="fp32", watch="qlike", seed=schedule.seed,
    )  # fmt: skip
    seen, ahead = (_remembered(member, each) for each in (_levelled(member, known), choosing))

    def step(rows: Array) -> Mapping[str, Tensor]:
        member.eval()
        part = seen.take(rows)
        return objective(member, member(part.batch), part.leftover)

    def validate() -> Mapping[str, float]:
        return {"qlike": float(loss_of(means(member, ahead.batch), ahead.leftover).mean())}

    with _remembering(member):
        unfreezing = Unfreezing(groups=(TAUGHT,))
        for _ in fit(member, _alike(len(seen), schedule), step, config=training, validate=validate,
                     unfreezing=unfreezing, label="news"):  # fmt: skip
            pass
    member.requires_grad_(True)


def judge(network: Network, choosing: Examples, deciding: Examples) -> Verdict:
    """How much to listen, chosen on earlier days and decided on later ones, each horizon on its own."""
    quiet, told = shifts_of(network, choosing.batch)
    losses = torch.stack([loss_of(quiet + share * (told - quiet), choosing.leftover).mean(dim=0) for share in STEPS])
    chosen = tuple(STEPS[best] for best in losses.argmin(dim=0).tolist())
    quiet, told = shifts_of(network, deciding.batch)
    _, misled = shifts_of(network, exchanged(deciding.batch))
    without, kept, other = (
        loss_of(quiet + torch.tensor(chosen) * (each - quiet), deciding.leftover) for each in (quiet, told, misled)
    )
    t, t_words = (_statistics(kept, each, deciding) for each in (without, other))
    shares = zip(chosen, t, t_words, strict=True)
    return Verdict(
        chosen=chosen,
        listens=tuple(share if max(statistics) < EVIDENCE else 0.0 for share, *statistics in shares),
        without=tuple(without.mean(dim=0).tolist()),
        told=tuple(kept.mean(dim=0).tolist()),
        t=t,
        t_words=t_words,
        days=len(np.unique(deciding.dates)),
        first=str(deciding.dates.min()),
        last=str(deciding.dates.max()),
    )


def exchanged(batch: Batch) -> Batch:
    """The batch with the news of another row in the place of each row's own."""
    packed = batch.inputs["news"]
    order = torch.from_numpy(numpy_generator(0, "exchanged").permutation(len(batch.presence)))
    news = Packed(packed.x[order], packed.mask[order])
    presence = batch.presence.clone()
    presence[:, -1] = batch.presence[order, -1]
    return Batch({**batch.inputs, "news": news}, presence)


@torch.no_grad()
def shifts_of(network: Network, batch: Batch) -> tuple[Tensor, Tensor]:
    """The shifts without news and with all of them, `[row, horizon]` each, however much the network listens."""
    return means(network.mean_of, silenced(batch)), means(network.mean_of, batch)


def _statistics(losses: Tensor, others: Tensor, examples: Examples) -> tuple[float, ...]:
    """Diebold-Mariano's t of the daily means by horizon; 0 with too few days to tell."""
    if len(np.unique(examples.dates)) < FEWEST:
        return (0.0,) * len(HORIZONS)
    ours, theirs = (each.double().numpy().T for each in (losses, others))
    return tuple(
        diebold_mariano(by_day(one, examples.dates), by_day(other, examples.dates), lags=horizon + 4)
        for horizon, one, other in zip(HORIZONS, ours, theirs, strict=True)
    )


class Remembered(Encoder):
    """Stands for an encoder whose tokens were made before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        raise InputError("tokens that are remembered are not made from nouns")

    def forward(self, x: Float[Tensor, "batch token width"], mask: Bool[Tensor, "batch token"]) -> Tokens:
        return Tokens(x, mask)


def _by_length(examples: Examples) -> Examples:
    """Short news first: rows of one batch are padded to the longest of them."""
    return examples.take(np.argsort(examples.batch.inputs["news"].mask.sum(dim=1).numpy(), kind="stable"))


def _alike(rows: int, schedule: Schedule) -> Callable[[int], Sequence[Array]]:
    """Batches of neighbouring rows in a random order; who is whose neighbour is drawn again each epoch."""

    def epoch(number: int) -> Sequence[Array]:
        generator = numpy_generator(schedule.seed, f"order/{number}")
        order = np.argsort(np.arange(rows) + generator.uniform(0, 4 * schedule.size, rows))
        batches = [order[start : start + schedule.size] for start in range(0, rows, schedule.size)]
        return [batches[which] for which in generator.permutation(len(batches))]

    return epoch


def _levelled(member: Model, examples: Examples) -> Examples:
    rest = examples.leftover - means(member, silenced(examples.batch))
    return replace(examples, leftover=examples.leftover - rest.exp().mean(dim=0).log())


@contextmanager
def _remembering(member: Model) -> Iterator[None]:
    """The member with the encoders of prices stood for."""
    prices = {name: member.encoders[name] for name in MODALITIES[:2]}
    for name, encoder in prices.items():
        member.encoders[name] = Remembered(encoder.width)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, encoder in prices.items():
            member.encoders[name] = encoder


@torch.no_grad()
def _remembered(member: Model, examples: Examples) -> Examples:
    """The examples with the tokens of prices in the place of prices."""
    member.eval()
    inputs = dict(examples.batch.inputs)
    for name in MODALITIES[:2]:
        packed = inputs[name]
        values, mask = member.encoders[name](packed.x, packed.mask)
        inputs[name] = Packed(values, mask)
    return Examples(batch=Batch(inputs, examples.batch.presence), leftover=examples.leftover, dates=examples.dates)
