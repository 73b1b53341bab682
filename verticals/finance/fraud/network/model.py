"""The network: a card's history by temporal attention, words, device and account, fused; its answer starts at a logit.

The history encoder runs once over a card and gives every payment its token, which knows that card's past only; the
core's model then fuses that token with what else there is of the payment. All its answers start at the boosting's
logit to the last digit, and the guard can put them back there for any set of modalities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .....core.decoding.decoder import DecoderConfig
from .....core.decoding.heads import ClassHead
from .....core.encoders.base import Encoder
from .....core.encoders.events import EventsConfig, EventsEncoder
from .....core.encoders.table import TableConfig, TableEncoder
from .....core.encoders.text import TextConfig, TextEncoder
from .....core.fusion.fusion import FusionConfig
from .....core.model import Model
from .....core.types import Noun, Packed, Tokens
from ..records import DAY
from .tracker import DEVICE, EVENT, WORDS

HEAD = "fraud"
MODALITIES = ("events", "text", "device", "account")


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Sizes. `numbers` and `categories` are columns of the table of accounts; none of either: no account is read."""

    width: int = 32
    heads: int = 4
    depth: int = 1
    window: int = 32
    buckets: int = 512
    words: int = 12
    vocabulary: int = 2048
    latents: int = 2
    dropout: float = 0.1
    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        return MODALITIES if self.numbers or self.categories else MODALITIES[:-1]


class Given(Encoder):
    """Tokens that were made elsewhere, handed on: the history encoder runs over cards, the model over payments."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Room for one token a row, real where there is something."""
        mask = torch.tensor([[noun is not None] for noun in nouns])
        return Packed(torch.zeros(len(nouns), 1, self.width), mask)

    def forward(self, x: Float[Tensor, "batch 1 width"], mask: Tensor) -> Tokens:
        return Tokens(x, mask)


class Row(Encoder):
    """A row of numbers to one token, standardised by what was learnt from."""

    mean: Tensor
    scale: Tensor

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("scale", torch.ones(numbers))
        self.up, self.down = nn.Linear(numbers, 2 * width), nn.Linear(2 * width, width)

    def use(self, rows: Float[Tensor, "row number"]) -> None:
        """Take over means and scales."""
        self.mean.copy_(rows.mean(dim=0))
        self.scale.copy_(rows.std(dim=0).clamp(min=1e-3))

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Rows of zeros: the network fills them from its tracker."""
        mask = torch.tensor([[noun is not None] for noun in nouns])
        return Packed(torch.zeros(len(nouns), 1, len(self.mean)), mask)

    def forward(self, x: Float[Tensor, "batch 1 number"], mask: Tensor) -> Tokens:
        values = ((x - self.mean) / self.scale).clamp(-8, 8)
        return Tokens(self.down(nn.functional.gelu(self.up(values))), mask)


class Descriptor(Encoder):
    """The words of a descriptor, and after them one token of what words said lately."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.width = config.width
        settings = TextConfig(
            width=config.width, limit=config.words, buckets=config.vocabulary, depth=1, heads=config.heads
        )
        self.words, self.said = TextEncoder(settings), Row(len(WORDS), config.width)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """The words, and a row of zeros for what was said."""
        pieces, mask = self.words.collate(nouns)
        said, there = self.said.collate(nouns)
        return Packed((pieces, said), torch.cat([mask, there], dim=1))

    def forward(self, x: tuple[Tensor, Tensor], mask: Tensor) -> Tokens:
        pieces, said = x
        read = self.words(pieces, mask[:, :-1])
        told = self.said(said, mask[:, -1:])
        return Tokens(torch.cat([read.values, told.values], dim=1), mask)


class Network(nn.Module):
    """`history` over cards, `model` over payments."""

    def __init__(self, config: NetworkConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.history = EventsEncoder(
                EventsConfig(
                    width=config.width, numbers=len(EVENT), codes=1, buckets=config.buckets, frequencies=4,
                    depth=config.depth, heads=config.heads, window=config.window, rates=4, shortest=600.0,
                    longest=30 * DAY, periods=(DAY, 7 * DAY),
                )
            )  # fmt: skip
            self.model = Model(
                self._encoders(),
                heads={HEAD: ClassHead(classes=2, gentle=True)},
                fusion=FusionConfig(
                    width=config.width, heads=config.heads, latents=config.latents, layers=1, memory=0,
                    dropout=config.dropout,
                ),
                decoder=DecoderConfig(heads=config.heads, dropout=config.dropout),
            )  # fmt: skip
        self.eval()

    def _encoders(self) -> Mapping[str, Encoder]:
        config, width = self.config, self.config.width
        encoders: dict[str, Encoder] = {
            "events": Given(width), "text": Descriptor(config), "device": Row(len(DEVICE), width)
        }  # fmt: skip
        if "account" in config.modalities:
            encoders["account"] = TableEncoder(
                TableConfig(
                    width=width, numbers=config.numbers, categories=config.categories, buckets=64, depth=0,
                    heads=config.heads,
                )
            )  # fmt: skip
        return encoders

    @property
    def descriptor(self) -> Descriptor:
        return cast(Descriptor, self.model.encoders["text"])

    @property
    def device(self) -> Row:
        return cast(Row, self.model.encoders["device"])


def starts(logits: Tensor) -> Float[Tensor, "row 2"]:
    """Where answers start: no evidence for an honest payment, the given logit for fraud."""
    return torch.stack([torch.zeros_like(logits), logits], dim=1)


def odds(answers: Float[Tensor, "row 2"]) -> Float[Tensor, " row"]:
    """Log-odds of fraud."""
    return answers[:, 1] - answers[:, 0]
