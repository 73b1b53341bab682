"""A writer of sequences: the shared decoder, run causally over the tokens written so far. It knows no words."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..errors import InputError
from ..types import Tokens
from .decoder import Decoder
from .heads import Loss


class Writer(nn.Module):
    """Embeds token ids, decodes them beside the fused tokens, and scores the next id; the embedding is also the output.

    Id 0 begins every sequence and id 1 ends it; -1 in a target is padding.
    """

    begin, end = 0, 1

    def __init__(self, decoder: Decoder, *, width: int, vocabulary: int, longest: int = 128) -> None:
        super().__init__()
        self.decoder, self.longest = decoder, longest
        self.embed = nn.Embedding(vocabulary, width)
        self.place = nn.Parameter(torch.randn(longest, width) * 0.02)
        nn.init.normal_(self.embed.weight, std=width**-0.5)

    def forward(self, ids: Int[Tensor, "batch token"], fused: Tokens) -> Float[Tensor, "batch token id"]:
        """Log-probabilities of the id that follows each token.

        Raises:
            InputError: the sequence is longer than the writer was built for.
        """
        if ids.shape[1] > self.longest:
            raise InputError(f"this writer writes up to {self.longest} tokens, got {ids.shape[1]}")
        queries = self.embed(ids) + self.place[: ids.shape[1]]
        hidden = self.decoder(queries, fused, causal=True)
        return F.log_softmax(hidden @ self.embed.weight.T, dim=-1)

    def loss(self, target: Int[Tensor, "batch token"], fused: Tokens) -> Loss:
        """The mean negative log-likelihood of each row's tokens; the target ends with `end` and then -1."""
        begun = F.pad(target.clamp(min=0)[:, :-1], (1, 0), value=self.begin)
        known = target >= 0
        told = self(begun, fused).gather(2, target.clamp(min=0)[:, :, None])[:, :, 0]
        value = -(told * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)
        return Loss(value, known.any(dim=1))
