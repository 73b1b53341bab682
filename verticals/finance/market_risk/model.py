"""The residual network: core models that read a day's window, its table row and, where given, its news, and say how far
the logarithm of HAR's variance should move. It starts at zero and knows nothing of files or of training.

Several members, alike but for their seed, are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ....core.data.missing import keep
from ....core.decoding.decoder import DecoderConfig
from ....core.decoding.heads import NumberHead
from ....core.encoders.series import SeriesConfig, SeriesEncoder
from ....core.encoders.text import TextConfig, TextEncoder
from ....core.fusion.fusion import FusionConfig
from ....core.model import Model
from ....core.types import Array, Batch, Noun, Packed, Text
from .encoder import RowEncoder
from .inputs import CHANNELS, COLUMNS, WINDOW, Inputs, Standard
from .records import HORIZONS

MODALITIES = ("window", "table", "news")
HEADS = tuple(f"leftover_{horizon}" for horizon in HORIZONS)
SILENT = (0.0,) * len(HORIZONS)
ROWS = 512  # at once


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Sizes of each member, and how many there are."""

    width: int = 32
    heads: int = 4
    patch: int = 6
    latents: int = 4
    words: int = 96
    buckets: int = 2048
    members: int = 3
    row: int = 64
    dropout: float = 0.3


def member_of(config: NetworkConfig, *, seed: int) -> Model:
    """One member, its weights drawn from the seed."""
    width, heads = config.width, config.heads
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoders = {
            "window": SeriesEncoder(
                SeriesConfig(
                    width=width, channels=len(CHANNELS), patch=config.patch, scale="given", depth=1, heads=heads,
                    window=WINDOW // config.patch,
                )
            ),
            "table": RowEncoder(COLUMNS, config.row, dropout=config.dropout),
            "news": TextEncoder(
                TextConfig(width=width, limit=config.words, buckets=config.buckets, depth=1, heads=heads)
            ),
        }  # fmt: skip
        return Model(
            encoders,
            fusion=FusionConfig(width=width, heads=heads, latents=config.latents, layers=1, memory=0, dropout=0.1),
            heads=dict.fromkeys(HEADS, NumberHead()),
            decoder=DecoderConfig(heads=heads, dropout=0.1),
        )


class Network(nn.Module):
    """The members together. `until`: they have seen no day from there on. `errors`: of the logarithm, on validation.

    `listens`: by horizon, how much of what news changes is kept; 0 is a network that does not read news. `heard_until`:
    they have learnt from no news from there on.
    """

    modalities = MODALITIES

    def __init__(
        self,
        members: Sequence[Model],
        *,
        standard: Standard,
        until: np.datetime64,
        errors: Mapping[int, Array],
        listens: Sequence[float] = SILENT,
        heard_until: np.datetime64 | None = None,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.heads = dict.fromkeys(HEADS)
        self.standard, self.until, self.errors = standard, until, errors
        self.listens, self.heard_until = tuple(listens), heard_until
        self.eval()

    @property
    def reads_news(self) -> bool:
        return any(self.listens)

    def forward(self, batch: Batch) -> Any:
        """The mean of the members' answers by head `[batch, 2]`, and of their gates `[batch, modality]`.

        The answer without news is moved towards the one with them as far as the network listens.
        """
        quiet = self.mean_of(silenced(batch))
        if not self.reads_news:
            return quiet
        told = self.mean_of(batch)
        answers = {
            name: quiet.answers[name] + share * (told.answers[name] - quiet.answers[name])
            for name, share in zip(HEADS, self.listens, strict=True)
        }
        return SimpleNamespace(answers=answers, gates=told.gates)

    def mean_of(self, batch: Batch) -> Any:
        """The mean of the members, with all that the batch holds."""
        outputs = [member(batch) for member in self.members]
        answers = {name: torch.stack([each.answers[name] for each in outputs]).mean(dim=0) for name in HEADS}
        return SimpleNamespace(answers=answers, gates=torch.stack([each.gates for each in outputs]).mean(dim=0))

    def collate(self, records: Sequence[Mapping[str, Noun | None]]) -> Batch:
        """Records of nouns as the members read them."""
        batch: Batch = self.members[0].collate(records)  # type: ignore[operator]
        return batch

    def shifts(self, inputs: Inputs, rows: Array, news: Mapping[int, str]) -> Array:
        """`[row, horizon]`: what is added to the logarithm of HAR's variance; news only where the network reads it."""
        found = [np.zeros((0, len(HORIZONS)))]
        for start in range(0, len(rows), ROWS):
            records = [
                record_of(inputs, self.standard, int(row), self._words(news, row)) for row in rows[start : start + ROWS]
            ]
            found.append(self._means(self.collate(records)))
        return np.concatenate(found)

    def news_alone(self, text: str | None) -> float:
        """The shift of the first horizon when no prices are given; 0 without news that is read."""
        if text is None or not self.reads_news:
            return 0.0
        return float(self._means(self.collate([{"news": Text(text=text)}]))[0, 0])

    def gates(self, record: Mapping[str, Noun | None]) -> dict[str, float]:
        """How far each modality is trusted in one record."""
        with torch.no_grad():
            values = self(self.collate([record])).gates[0].tolist()
        return dict(zip(MODALITIES, values, strict=True))

    def _words(self, news: Mapping[int, str], row: int) -> str | None:
        return news.get(int(row)) if self.reads_news else None

    def _means(self, batch: Batch) -> Array:
        with torch.no_grad():
            answers = self(batch).answers
        return np.stack([answers[name][:, 0].double().numpy() for name in HEADS], axis=1)


def record_of(inputs: Inputs, standard: Standard, row: int, text: str | None = None) -> dict[str, Noun | None]:
    """One day as the members read it."""
    return {
        "window": standard.series(inputs.window(row)),
        "table": standard.table(inputs.table[row]),
        "news": Text(text=text) if text else None,
    }


def silenced(batch: Batch) -> Batch:
    """The batch as if no news had been given."""
    return keep(batch, batch.presence & torch.tensor([name != "news" for name in MODALITIES]))


def rows_of(batch: Batch, rows: Tensor) -> Batch:
    """Some rows of a batch; their news is padded no further than the longest of them is."""
    inputs = {name: Packed(_taken(packed.x, rows), packed.mask[rows]) for name, packed in batch.inputs.items()}
    if "news" in inputs:
        words, mask = inputs["news"]
        longest = max(1, int(mask.sum(dim=1).max())) if len(rows) else 1
        inputs["news"] = Packed(words[:, :longest], mask[:, :longest])
    return Batch(inputs, batch.presence[rows])


def _taken(x: Any, rows: Tensor) -> Any:
    if isinstance(x, Tensor):
        return x[rows]
    return type(x)(*(_taken(part, rows) for part in x))
