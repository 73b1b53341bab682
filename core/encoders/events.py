"""Events at irregular times to one token each; a token knows its own past only. Knows nothing of what the events are.

Causal windowed attention with a learned bias on the logarithm of the time gap, beside an exponentially decaying state
that reaches back without end. `core/encoders/stream.py` gives the same tokens one event at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import ConfigError, FormatError
from ..layers.hashing import buckets_of
from ..layers.numbers import Periodic, Standard
from ..layers.positions import clock
from ..layers.temporal import TemporalBlock
from ..types import Events, Noun, Packed, Tokens
from .base import Encoder


@dataclass(frozen=True, kw_only=True, slots=True)
class EventsConfig:
    """`numbers` and `codes` are columns of the events; `window` is in events.

    `shortest` and `longest` (in the unit of the times) are the gaps between which the learned time scales start;
    `periods`, in the same unit, are clocks that the events may follow: (86_400, 604_800) for the hour and the weekday.
    `limit` keeps only that many of the newest events of a row; None keeps all.
    """

    kind: Literal["events"] = "events"
    width: int
    numbers: int
    codes: int = 0
    buckets: int = 1024
    frequencies: int = 8
    depth: int = 2
    heads: int = 4
    window: int = 64
    rates: int = 8
    shortest: float = 60.0
    longest: float = 2_592_000.0
    periods: tuple[float, ...] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        if any(period <= 0 for period in self.periods) or (self.limit is not None and self.limit < 1):
            raise ConfigError(f"periods ({self.periods}) and limit ({self.limit}) must be positive")


class EventsInput(NamedTuple):
    """Times from each row's first event on, in float64: the gaps of a long history stay exact."""

    times: Float[Tensor, "batch event"]
    numbers: Float[Tensor, "batch event number"]
    phases: Float[Tensor, "batch event phase"]
    codes: Int[Tensor, "batch event code"]


class EventsEncoder(Encoder):
    """One token an event."""

    def __init__(self, config: EventsConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        self.standard = Standard(config.numbers)
        self.periodic = Periodic(config.numbers, config.frequencies)
        spread = config.numbers * self.periodic.features
        self.numbers = nn.Linear(spread + 2 * len(config.periods) + 2, config.width)
        self.codes = nn.Embedding(config.codes * (config.buckets + 1), config.width) if config.codes else None
        self.blocks = nn.ModuleList(
            TemporalBlock(
                config.width,
                config.heads,
                window=config.window,
                rates=config.rates,
                shortest=config.shortest,
                longest=config.longest,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Rows padded on the right to the longest.

        Raises:
            FormatError: not events, or events with other columns than the encoder was built for.
        """
        rows = [self._newest(noun) if noun is not None else None for noun in nouns]
        events = max([len(row.times) for row in rows if row is not None], default=1)
        times = np.zeros((len(rows), events))
        numbers = np.zeros((len(rows), events, self.config.numbers), np.float32)
        phases = np.zeros((len(rows), events, 2 * len(self.config.periods)), np.float32)
        codes = np.zeros((len(rows), events, self.config.codes), np.int64)
        mask = np.zeros((len(rows), events), bool)
        for index, row in enumerate(rows):
            if row is not None:
                real = slice(0, len(row.times))
                times[index, real] = row.times - row.times[0]
                numbers[index, real] = row.numbers
                phases[index, real] = clock(row.times, self.config.periods)
                codes[index, real] = buckets_of(cast(np.ndarray, row.codes), self.config.buckets)
                mask[index, real] = True
        arrays = (torch.from_numpy(array) for array in (times, numbers, phases, codes))
        return Packed(EventsInput(*arrays), torch.from_numpy(mask))

    def forward(self, x: EventsInput, mask: Bool[Tensor, "batch event"]) -> Tokens:
        times = torch.where(mask, x.times, torch.zeros_like(x.times))
        gaps = torch.diff(times, dim=1, prepend=times[:, :1])
        first = torch.arange(times.shape[1], device=times.device).expand_as(times) == 0
        values = self.embed(x, gaps, first)
        values = torch.where(mask[..., None], values, torch.zeros_like(values))
        for block in self.blocks:
            values = block(values, times, mask)
        return Tokens(self.norm(values) * mask[..., None].to(values.dtype), mask)

    def embed(
        self, x: EventsInput, gaps: Float[Tensor, "batch event"], first: Bool[Tensor, "batch event"]
    ) -> Float[Tensor, "batch event width"]:
        """Each event by itself, with the time since the one before; that of the first is not known."""
        dtype = self.numbers.weight.dtype
        spread = self.periodic(self.standard(x.numbers.to(dtype))).flatten(start_dim=2)
        least, most = self.config.shortest, self.config.longest
        gap = torch.log1p(gaps.clamp(min=0) / least).to(dtype) / math.log1p(most / least)
        since = torch.stack([gap, first.to(dtype)], dim=-1)
        values = self.numbers(torch.cat([spread, x.phases.to(dtype), since], dim=-1))
        if self.codes is None:
            return values
        offsets = torch.arange(self.config.codes, device=x.codes.device) * (self.config.buckets + 1)
        return values + self.codes(x.codes + offsets).sum(dim=2)

    def _newest(self, events: Noun) -> Events:
        if not isinstance(events, Events):
            raise FormatError(f"the events encoder reads Events, got {type(events).__name__}")
        numbers, codes = events.numbers.shape[1], cast(np.ndarray, events.codes).shape[1]
        if (numbers, codes) != (self.config.numbers, self.config.codes):
            raise FormatError(
                f"events with {numbers} numbers and {codes} codes each were given to an encoder of "
                f"{self.config.numbers} numbers and {self.config.codes} codes: give the columns it was built for"
            )
        if self.config.limit is None or len(events.times) <= self.config.limit:
            return events
        newest = slice(-self.config.limit, None)
        return Events(
            times=events.times[newest],
            numbers=events.numbers[newest],
            codes=cast(np.ndarray, events.codes)[newest],
        )
