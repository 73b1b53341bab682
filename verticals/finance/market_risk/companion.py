"""A chart or a call beside the prices: a core model that says how far a finished forecast should move, from zero on.

Prices lie beside it for context: they weigh in the gates and the fusion and never answer for themselves. Without the
chart or the call the answer is exactly zero. It knows nothing of files or of training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from ....core.data.missing import keep
from ....core.decoding.decoder import DecoderConfig
from ....core.decoding.heads import NumberHead
from ....core.encoders.audio import AudioConfig, AudioEncoder
from ....core.encoders.base import Encoder
from ....core.encoders.image import ImageConfig, ImageEncoder, ImageShape
from ....core.encoders.series import SeriesConfig, SeriesEncoder
from ....core.encoders.text import TextConfig, TextEncoder
from ....core.fusion.fusion import FusionConfig
from ....core.fusion.presence import subset
from ....core.model import Model
from ....core.types import Array, Batch, Noun, Series, Text
from .calls import FEATURES, Call
from .charts import Chart
from .encoder import RowEncoder
from .inputs import COLUMNS, Inputs, Standard
from .recordings import RATE
from .records import HORIZONS

READS = {"chart": ("prices", "chart"), "call": ("prices", "voice", "sound", "transcript")}
SILENT = (0.0,) * len(HORIZONS)


@dataclass(frozen=True, kw_only=True)
class CompanionConfig:
    """What it reads, and its sizes; `pixels` a side, `words` of a transcript, `horizons` in trading days."""

    reads: Literal["chart", "call"]
    width: int = 16
    heads: int = 2
    latents: int = 2
    pixels: int = 64
    words: int = 512
    buckets: int = 2048
    horizons: tuple[int, ...] = HORIZONS


@dataclass(frozen=True, kw_only=True)
class Joined:
    """How a companion stands in a checkpoint: by horizon, how much of what it changes is kept; what it learnt from."""

    config: CompanionConfig
    listens: tuple[float, ...]
    until: str


class Companion(nn.Module):
    """The model, what scales its inputs, and how far it is listened to. `until`: it has seen no day from there on."""

    def __init__(
        self,
        config: CompanionConfig,
        *,
        standard: Standard,
        voice: Float[Array, "moment feature"] | None = None,
        listens: Sequence[float] = SILENT,
        until: np.datetime64,
        seed: int = 0,
    ) -> None:
        """`voice` holds the mean and the scale of each feature, where calls are read."""
        super().__init__()
        self.config, self.standard, self.until = config, standard, until
        self.voice = np.stack([np.zeros(len(FEATURES)), np.ones(len(FEATURES))]) if voice is None else voice
        self.listens = tuple(listens)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = _model(config)
        self.eval()

    @property
    def heads(self) -> tuple[str, ...]:
        return tuple(self.model.heads)

    def record(self, inputs: Inputs, row: int, seen: Chart | Call | None) -> dict[str, Noun | None]:
        """One day as the model reads it."""
        found: dict[str, Noun | None] = {"prices": self.standard.table(inputs.table[row])}
        if isinstance(seen, Chart):
            return found | {"chart": seen.image}
        if isinstance(seen, Call):
            return found | self._call(seen)
        return found

    def shifts(self, records: Sequence[Mapping[str, Noun | None]]) -> Float[Array, "row horizon"]:
        """What would be added to the logarithm of the forecast, however much of it is kept."""
        with torch.no_grad():
            answers = self.model(self.model.collate(records)).answers
        return np.stack([answers[name][:, 0].double().numpy() for name in self.heads], axis=1)

    def gate(self, record: Mapping[str, Noun | None]) -> float:
        """How far the chart or the call is trusted in one record beside its prices; 0 where it is absent."""
        with torch.no_grad():
            gates = self.model(self.model.collate([record])).gates[0]
        return float(gates[1:].sum())

    def _call(self, call: Call) -> dict[str, Noun | None]:
        voice = None
        if call.voice is not None:
            scaled = np.clip((call.voice - self.voice[0]) / self.voice[1], -4, 4)
            values = np.nan_to_num(scaled)  # a feature that is not defined counts as the mean
            voice = Series(values=values, times=np.arange(len(values), dtype=float), channels=FEATURES)
        words = _spread(call.sentences, self.config.words)
        return {"voice": voice, "sound": call.sound, "transcript": Text(text=words) if words else None}


def without(batch: Batch) -> Batch:
    """The batch as if neither chart nor call had been given."""
    return keep(batch, torch.arange(batch.presence.shape[1])[None, :] == 0)


def tensors_of(companion: Companion) -> dict[str, np.ndarray]:
    """Everything learnt, by name."""
    tensors = {f"model.{name}": value.detach().numpy() for name, value in companion.model.state_dict().items()}
    tensors |= {f"standard.{name}": value for name, value in vars(companion.standard).items()}
    return tensors | {"voice": companion.voice}


def companion_from(joined: Joined, tensors: Mapping[str, np.ndarray]) -> Companion:
    """The companion that `tensors_of` wrote down."""
    fields = ("table_mean", "table_scale", "window_mean", "window_scale")
    made = Companion(
        joined.config,
        standard=Standard(**{name: tensors[f"standard.{name}"] for name in fields}),
        voice=tensors["voice"],
        listens=joined.listens,
        until=np.datetime64(joined.until, "D"),
    )
    state = {name[6:]: torch.from_numpy(value) for name, value in tensors.items() if name.startswith("model.")}
    made.model.load_state_dict(state)
    return made


def joined_of(companion: Companion) -> Joined:
    """How it stands in a checkpoint."""
    return Joined(config=companion.config, listens=companion.listens, until=str(companion.until))


def fresh(companion: Companion, *, seed: int = 0) -> Companion:
    """Another of the same kind that has learnt nothing."""
    return Companion(
        companion.config, standard=companion.standard, voice=companion.voice, until=companion.until, seed=seed
    )


def _model(config: CompanionConfig) -> Model:
    width, heads = config.width, config.heads
    encoders: dict[str, Encoder] = {"prices": RowEncoder(COLUMNS, width)}
    if config.reads == "chart":
        shape = ImageShape(patch=8, dims=(2 * width,), depths=(1, 1), heads=(heads, heads), window=config.pixels // 16)
        encoders["chart"] = ImageEncoder(
            ImageConfig(width=width, shape=shape, size=config.pixels, channels=1, mean=(0.1,), std=(0.3,))
        )
    else:
        encoders["voice"] = SeriesEncoder(SeriesConfig(width=width, channels=len(FEATURES), depth=1, heads=heads))
        encoders["sound"] = AudioEncoder(
            AudioConfig(
                width=width, rate=RATE, seconds=30.0, channels=width, dilations=(1, 2, 4), window=256, hop=80, mels=32,
                mel_channels=4, layers=1, heads=heads,
            )
        )  # fmt: skip
        encoders["transcript"] = TextEncoder(
            TextConfig(width=width, limit=config.words, buckets=config.buckets, depth=1, heads=heads)
        )
    model = Model(
        encoders,
        fusion=FusionConfig(width=width, heads=heads, latents=config.latents, layers=1, memory=0, dropout=0.1),
        heads={f"leftover_{horizon}": NumberHead() for horizon in config.horizons},
        decoder=DecoderConfig(heads=heads, dropout=0.1),
    )
    only_prices = int(subset(torch.tensor([[True] + [False] * (len(encoders) - 1)]))[0])
    model.blend.powers[:, :, 0] = 0
    model.blend.scale[:, only_prices] = 0
    return model


def _spread(sentences: Sequence[str], words: int) -> str:
    """As many whole sentences as fit, evenly from the whole call: its end holds the questions."""
    counts = np.array([len(each.split()) for each in sentences])
    if not len(counts):
        return ""
    keep = max(1, int(len(counts) * min(1.0, words / max(int(counts.sum()), 1))))
    chosen = np.unique(np.linspace(0, len(counts) - 1, keep).round().astype(int))
    return "\n".join(sentences[index] for index in chosen)
