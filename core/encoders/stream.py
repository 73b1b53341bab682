"""Events as they happen: each new event costs one step, and gets the token that encoding the whole history would give.

Bounded memory: the keys and values of each block's window, and one decaying state for all that came before. A stream
remembers from its first event on, so the encoder's `limit` does not apply to it.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import FormatError
from ..layers.temporal import Memory, TemporalBlock
from ..types import Array, Events
from .events import EventsEncoder


class StreamState(NamedTuple):
    """All that a stream keeps: `origin` is the time of its first event, `last` that of its newest, from there on."""

    origin: float
    last: float
    memories: tuple[Memory, ...]


class Stream:
    """One history. `state` (None before the first event) may be stored, and handed to another stream."""

    def __init__(self, encoder: EventsEncoder, state: StreamState | None = None) -> None:
        self.encoder, self.state = encoder, state
        self.blocks = [cast(TemporalBlock, block) for block in encoder.blocks]

    @torch.no_grad()
    def update(self, events: Events) -> Float[Tensor, "event width"]:
        """The tokens of new events (one or more), in order. Nothing is remembered of events that are refused.

        Raises:
            FormatError: an event that happened before the newest one known, or with other columns.
        """
        begin, state = float(events.times[0]), self.state
        if state is not None and begin - state.origin < state.last:
            raise FormatError(
                f"an event at {begin:.17g} came after one at {state.origin + state.last:.17g}: "
                "a stream takes events in the order of their times"
            )
        tokens = []
        for index in range(len(events.times)):
            one = slice(index, index + 1)
            event = Events(times=events.times[one], numbers=events.numbers[one], codes=cast(Array, events.codes)[one])
            token, state = self._step(event, state)
            tokens.append(token)
        self.state = state
        return torch.cat(tokens)

    def _step(self, event: Events, state: StreamState | None) -> tuple[Tensor, StreamState]:
        x = self.encoder.collate([event]).x
        first = state is None
        state = state or StreamState(float(event.times[0]), 0.0, tuple(block.start() for block in self.blocks))
        now = float(event.times[0]) - state.origin
        time, gap = torch.full_like(x.times, now), torch.full_like(x.times, now - state.last)
        values = self.encoder.embed(x, gap, torch.full_like(gap, first, dtype=torch.bool))
        memories = []
        for block, memory in zip(self.blocks, state.memories, strict=True):
            values, memory = block.step(values, time, gap, memory)
            memories.append(memory)
        return self.encoder.norm(values)[0], StreamState(state.origin, now, tuple(memories))
