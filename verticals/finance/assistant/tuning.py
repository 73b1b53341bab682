"""The last layers of the sentence encoder taught to tell intents apart: by low-rank adapters, in full, or one by one.

The layers below do not move, so their outputs are computed once. Adapters need `peft` to train (Hu et al., 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from ....core.encoders.text import TextEncoder
from ....core.progress import track
from ....core.random import numpy_generator, torch_generator
from ....core.training.adaptation import LoraConfig, Parts, Unfreezing, begin
from ....core.training.events import Started, Stopped
from ....core.training.watch import size_of, told
from ....core.types import Array, Text
from . import sentences

RATES = {"full": 1e-4, "progressive": 2e-4}  # of layers that move in full


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """How the adapters are taught."""

    layers: int = 2
    rank: int = 16
    method: Literal["lora", "full", "progressive"] = "lora"
    epochs: int = 8
    batch: int = 64
    rate: float = 1e-3
    head_rate: float = 5e-3
    smoothing: float = 0.1
    seed: int = 0


class Tail(nn.Module):
    """The last layers, the mean of their tokens, and a linear reading of it that is only used to teach."""

    def __init__(self, layers: nn.ModuleList, intents: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = layers
        self.head = nn.Linear(sentences.WIDTH, intents)
        nn.init.normal_(self.head.weight, std=0.05, generator=generator)
        nn.init.zeros_(self.head.bias)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        hidden = torch.zeros(mask.shape, dtype=values.dtype).masked_fill(~mask, -1e9)[:, None, None, :]
        for layer in self.layers:
            values = layer(values, attention_mask=hidden)
        return sentences.mean_of(values, mask)

    def logits(self, values: Tensor, mask: Tensor) -> Tensor:
        found: Tensor = 10 * self.head(dropout(self.forward(values, mask), 0.1, self.training))
        return found


def adapters(texts: Sequence[str], labels: Array, intents: int, lessons: Lessons) -> dict[str, Array]:
    """What changes, by linear layer and in half precision: `.up` [out, rank] and `.down` [rank, in] of an adapter, or
    `.change` of any weight or bias that moved in full.

    Raises:
        MissingExtra: the sentence encoder or `peft` is not installed.
    """
    made = sentences.encoder()
    first = sentences.DEPTH - lessons.layers
    below = _below(made, texts, first)
    prefix, layers = sentences.last_layers(made, lessons.layers)
    tail = Tail(layers, intents, torch_generator(lessons.seed, "assistant head"))
    tail.requires_grad_(True)
    before = {name: each.detach().clone() for name, each in tail.layers.named_parameters()}
    lora = LoraConfig(rank=lessons.rank, alpha=2 * lessons.rank, layers=sentences.LINEAR, trained=("head",))
    order = [f"layers.{number}" for number in reversed(range(lessons.layers))]
    parts = Parts(groups=(("head",), *((name,) for name in order)), lora=replace(lora, seed=lessons.seed))
    unfreezing = begin(tail, lessons.method, parts)
    whole = sum(each.numel() for each in made.parameters())
    _teach(tail, below, torch.from_numpy(np.asarray(labels)), lessons, (unfreezing, whole))
    found: dict[str, Array] = {}
    if lessons.method != "lora":
        for name, each in tail.layers.named_parameters():
            number, rest = name.split(".", 1)
            moved = (each.detach() - before[name]).numpy().astype(np.float16)
            found[f"{prefix}.{first + int(number)}.{rest}.change"] = moved
        return found
    for name, module in tail.named_modules():
        if hasattr(module, "lora_A") and name.startswith("layers."):
            number, rest = name.removeprefix("layers.").split(".", 1)
            key = f"{prefix}.{first + int(number)}.{rest}"
            found[f"{key}.up"] = (2 * module.lora_B["default"].weight).detach().numpy().astype(np.float16)
            found[f"{key}.down"] = module.lora_A["default"].weight.detach().numpy().astype(np.float16)
    return found


class _Below:
    """What the layers that do not move make of each text: its tokens, in half precision."""

    def __init__(self, tokens: list[Array]) -> None:
        self.tokens = tokens
        self.lengths = np.array([len(each) for each in tokens])

    def batch(self, rows: Array) -> tuple[Tensor, Tensor]:
        longest = int(self.lengths[rows].max())
        values = np.zeros((len(rows), longest, sentences.WIDTH), np.float32)
        mask = np.zeros((len(rows), longest), bool)
        for place, row in enumerate(rows):
            values[place, : self.lengths[row]], mask[place, : self.lengths[row]] = self.tokens[row], True
        return torch.from_numpy(values), torch.from_numpy(mask)


def _below(made: TextEncoder, texts: Sequence[str], first: int) -> _Below:
    packed = made.collate([Text(text=text) for text in texts])
    lengths = packed.mask.sum(dim=1)
    tokens: list[Array] = [np.zeros(0)] * len(texts)
    model = made.backbone.model
    parts = torch.argsort(lengths, stable=True).split(64)
    with torch.no_grad():
        for rows in track(parts, "reading the queries", len(parts)):
            longest = int(lengths[rows].max())
            ids, mask = packed.x[rows, :longest, 0], packed.mask[rows, :longest].to(torch.int64)
            found = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[first]  # type: ignore[operator]
            for row, values in zip(rows.tolist(), found.numpy(), strict=True):
                tokens[row] = values[: int(lengths[row])].astype(np.float16)
    return _Below(tokens)


def _teach(tail: Tail, below: _Below, labels: Tensor, lessons: Lessons, how: tuple[Unfreezing | None, int]) -> None:
    """AdamW with a short rise and a straight fall of the rate; `how` is the order of layers and the encoder's size."""
    unfreezing, whole = how
    if unfreezing is not None:
        unfreezing.apply(tail, lessons.epochs)  # the last group too: AdamW needs to know all that will move
    head = [each for name, each in tail.named_parameters() if name.startswith("head")]
    inner = [each for name, each in tail.named_parameters() if not name.startswith("head") and each.requires_grad]
    peak = RATES.get(lessons.method, lessons.rate)
    groups = [{"params": inner, "lr": peak}, {"params": head, "lr": lessons.head_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    size = size_of(lessons.batch, len(labels))
    steps = lessons.epochs * -(-len(labels) // size)
    moving = sum(each.numel() for each in (*inner, *head))
    told(Started(step=0, epoch=0, precision="fp32", parameters=whole, trainable=moving), "sentence encoder")
    generator = numpy_generator(lessons.seed, "assistant batches")
    tail.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_generator(lessons.seed, "assistant dropout").initial_seed())
        batches = (
            (epoch, rows) for epoch in range(lessons.epochs) for rows in _batches(below.lengths, size, generator)
        )
        for step, (epoch, rows) in enumerate(track(batches, "tuning the sentence encoder", steps)):
            if unfreezing is not None:
                unfreezing.apply(tail, epoch)
            share = min(1.0, step / max(1.0, 0.06 * steps)) * max(0.02, 1 - step / steps)
            for group, rate in zip(optimizer.param_groups, (peak, lessons.head_rate), strict=True):
                group["lr"] = rate * share
            loss = cross_entropy(tail.logits(*below.batch(rows)), labels[rows], label_smoothing=lessons.smoothing)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*inner, *head], 1.0)
            optimizer.step()
    told(
        Stopped(step=steps, reason=f"all {lessons.epochs} epochs are done", best_epoch=None, best=None),
        "sentence encoder",
    )
    tail.requires_grad_(True)
    tail.eval()


def _batches(lengths: Array, size: int, generator: np.random.Generator) -> Iterator[Array]:
    """Rows in random order, those of one batch of like length."""
    order, found = generator.permutation(len(lengths)), []
    for start in range(0, len(order), 20 * size):
        part = order[start : start + 20 * size]
        part = part[np.argsort(lengths[part], kind="stable")]
        found += [part[begin : begin + size] for begin in range(0, len(part), size)]
    for index in generator.permutation(len(found)):
        yield found[index]
