"""Training the network over a card's payments on what the boosting leaves, and the guard that lets it count or not.

Its last layer starts at zero, so that it begins as the boosting itself. Later payments of one half of the cards stop
the training, those of the other half decide how much of it counts: nothing, unless the loss falls beyond chance.
"""

from __future__ import annotations

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ....core.random import numpy_generator, torch_generator
from ....core.types import Array
from .records import HOUR
from .sequence import HELD, SCALES, TOKEN, WIDEST, Sequence, Track

SHARES = (1.0, 0.5, 0.25)  # of the network that may count
SURE = 2.0  # standard errors that the loss must fall by


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """`heads` of `wide` numbers each; `epochs` at most, with `patience`."""

    heads: int = 4
    wide: int = 8
    decayed: int = 8
    hidden: int = 32
    epochs: int = 20
    patience: int = 3
    batch: int = 1024
    rate: float = 3e-3
    decay: float = 0.05
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """What each payment saw: its own numbers, those of the card's payments before it (zeros first), and their ages."""

    own: Float[Array, "row number"]
    past: Float[Array, "row held number"]
    age: Float[Array, "row held"]  # seconds, infinite where there is none

    def take(self, rows: Array) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(torch.from_numpy(each[rows]) for each in (self.own, self.past, self.age))  # type: ignore[return-value]

    def at(self, rows: Array) -> Windows:
        """Those of some rows."""
        return Windows(own=self.own[rows], past=self.past[rows], age=self.age[rows])


class Recorder:
    """Stands in for a network while a stream runs, and keeps the windows of some payments (ascending rows)."""

    def __init__(self, rows: Array) -> None:
        self.place = {int(row): number for number, row in enumerate(rows)}
        self.count = 0
        self.windows = Windows(
            own=np.zeros((len(rows), len(TOKEN)), np.float32),
            past=np.zeros((len(rows), HELD, len(TOKEN)), np.float32),
            age=np.full((len(rows), HELD), np.inf, np.float32),
        )

    def residual(self, now: float, token: tuple[float, ...], track: Track) -> float:
        place = self.place.get(self.count)
        self.count += 1
        if place is not None:
            times, numbers = track.arrays()
            self.windows.own[place] = token
            if len(times):
                self.windows.past[place, -len(times) :] = numbers
                self.windows.age[place, -len(times) :] = now - times
        return float("nan")


class Net(nn.Module):
    """The same as `Sequence.residual`, for many payments at once."""

    mean: Tensor
    scale: Tensor

    def __init__(self, schedule: Schedule, mean: Array, scale: Array) -> None:
        super().__init__()
        generator, numbers = torch_generator(schedule.seed, "sequence"), len(TOKEN)
        draw = lambda *shape: nn.Parameter(torch.randn(*shape, generator=generator) / shape[0] ** 0.5)  # noqa: E731
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("scale", torch.from_numpy(scale))
        width = schedule.heads * schedule.wide
        self.query, self.key, self.value = (draw(numbers, width) for _ in range(3))
        self.decayed = draw(numbers, schedule.decayed)
        self.steep = nn.Parameter(torch.linspace(-2.0, 0.5, schedule.heads))
        joined = numbers + width + len(SCALES) * schedule.decayed
        self.hidden, self.offset = draw(joined, schedule.hidden), nn.Parameter(torch.zeros(schedule.hidden))
        self.answer = nn.Parameter(torch.zeros(schedule.hidden))

    def forward(
        self, own: Float[Tensor, "row number"], past: Float[Tensor, "row held number"], age: Float[Tensor, "row held"]
    ) -> Float[Tensor, " row"]:
        heads, there = len(self.steep), torch.isfinite(age)
        x, past = (((each - self.mean) / self.scale).clamp(-WIDEST, WIDEST) for each in (own, past))
        query = (x @ self.query).unflatten(1, (heads, -1))
        keys, values = ((past @ each).unflatten(2, (heads, -1)) for each in (self.key, self.value))
        gap = torch.log1p(torch.where(there, age, 0.0) / HOUR)
        slope = nn.functional.softplus(self.steep)
        scores = torch.einsum("rhw,rphw->rhp", query, keys) / query.shape[2] ** 0.5 - slope[:, None] * gap[:, None]
        scores = torch.where(there[:, None], scores, -torch.inf)
        null = torch.zeros_like(scores[..., :1])
        weights = torch.softmax(torch.cat([scores, null], dim=2), dim=2)[..., :-1]
        seen = torch.einsum("rhp,rphw->rhw", weights, values).flatten(1)
        decayed = past @ self.decayed
        sums = [torch.einsum("rp,rpw->rw", torch.exp(-age / scale), decayed) for scale in SCALES]
        return torch.relu(torch.cat([x, seen, *sums], dim=1) @ self.hidden + self.offset) @ self.answer

    def plain(self, share: float) -> Sequence:
        """What the stream runs, with a share of the answer."""
        found = {name: value.detach().double().numpy() for name, value in self.state_dict().items() if name != "steep"}
        slope = nn.functional.softplus(self.steep.detach().double()).numpy()
        return Sequence(**{**found, "slope": slope, "answer": share * found["answer"]})


@dataclass(frozen=True, kw_only=True, eq=False)
class Guarded:
    """The network where it counts (else None), and what the guard saw: the fall of the loss and its standard error."""

    sequence: Sequence | None
    share: float
    gain: float
    error: float


def train(
    windows: Windows,
    logits: Float[Array, " row"],
    fraud: Bool[Array, " row"],
    card: Array,
    later: Bool[Array, " row"],
    schedule: Schedule | None = None,
) -> Guarded:
    """Learn from the rows that are not `later`; `logits` are the boosting's out of fold, over the same thinned rows."""
    schedule = schedule or Schedule()
    _, cards = np.unique(card, return_inverse=True)
    learnt, watched, judged = (
        np.flatnonzero(each) for each in (~later, later & (cards % 2 == 0), later & (cards % 2 == 1))
    )
    mean, scale = windows.own[learnt].mean(axis=0), windows.own[learnt].std(axis=0).clip(0.05)
    net, best = Net(schedule, mean, scale), None
    truth, start = torch.from_numpy(fraud.astype(np.float32)), torch.from_numpy(logits.astype(np.float32))
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.rate, weight_decay=schedule.decay)
    least, waited = float(_losses(net, windows, start, truth, watched, 0.0).mean()), 0
    for epoch in range(schedule.epochs):
        for rows in _batches(learnt, epoch, schedule):
            loss = binary_cross_entropy_with_logits(start[rows] + net(*windows.take(rows)), truth[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        now = float(_losses(net, windows, start, truth, watched, 1.0).mean())
        waited += 1
        if now < least:
            least, waited, best = now, 0, {name: value.clone() for name, value in net.state_dict().items()}
        if waited >= schedule.patience:
            break
    if best is None:
        return Guarded(sequence=None, share=0.0, gain=0.0, error=0.0)
    net.load_state_dict(best)
    return _guarded(net, windows, start, truth, watched, judged)


def _guarded(net: Net, windows: Windows, start: Tensor, truth: Tensor, watched: Array, judged: Array) -> Guarded:
    """The share that the watched half likes best; whether it counts is for the other half to say."""
    share = min(SHARES, key=lambda each: float(_losses(net, windows, start, truth, watched, each).mean()))
    falls = _losses(net, windows, start, truth, judged, 0.0) - _losses(net, windows, start, truth, judged, share)
    gain, error = float(falls.mean()), float(falls.std() / max(len(falls), 1) ** 0.5)
    counts = gain > SURE * error
    return Guarded(
        sequence=net.plain(share) if counts else None, share=share if counts else 0.0, gain=gain, error=error
    )


@torch.no_grad()
def _losses(net: Net, windows: Windows, start: Tensor, truth: Tensor, rows: Array, share: float) -> Tensor:
    found = []
    for part in np.array_split(rows, max(1, len(rows) // 4096)):
        moved = start[part] + share * net(*windows.take(part)) if share else start[part]
        found.append(binary_cross_entropy_with_logits(moved, truth[part], reduction="none"))
    return torch.cat(found)


def _batches(rows: Array, epoch: int, schedule: Schedule) -> Rows[Array]:
    order = numpy_generator(schedule.seed, f"sequence/{epoch}").permutation(rows)
    return np.array_split(order, max(1, len(rows) // schedule.batch))
