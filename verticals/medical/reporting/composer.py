"""The network that words a sentence: the core's shared decoder, run causally, over the typed facts that the sentence is
to say.

It reads which facts there are, never their numbers: a number enters a sentence as a slot, which the claim fills. Words
and facts are ids here; the vocabulary turns them into text. It verifies nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ....core.decoding.decoder import Decoder, DecoderConfig
from ....core.decoding.heads import Loss
from ....core.decoding.writer import Writer
from ....core.types import Tokens

_TOKEN = re.compile(r"\{[^}]+\}|\w+(?:[-']\w+)*|[^\s\w]")
_BEFORE, _AFTER = re.compile(r" ([,.;:)])"), re.compile(r"\( ")


@dataclass(frozen=True, kw_only=True)
class ComposerConfig:
    """Width, depth and attention heads of the decoder; `longest` counts words and slots of a sentence with its end."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    longest: int = 56


class Composer(nn.Module):
    """Facts in, the next word out."""

    def __init__(self, config: ComposerConfig, *, words: int, facts: int) -> None:
        super().__init__()
        self.config = config
        decoder = Decoder(config.width, DecoderConfig(layers=config.layers, heads=config.heads))
        self.facts = nn.Embedding(facts, config.width)
        self.writer = Writer(decoder, width=config.width, vocabulary=words, longest=config.longest)

    def fused(self, facts: Int[Tensor, "batch fact"]) -> Tokens:
        """The facts as tokens; -1 is padding."""
        return Tokens(self.facts(facts.clamp(min=0)), facts >= 0)

    def forward(
        self, ids: Int[Tensor, "batch token"], facts: Int[Tensor, "batch fact"]
    ) -> Float[Tensor, "batch token word"]:
        return self.writer(ids, self.fused(facts))

    def loss(self, target: Int[Tensor, "batch token"], facts: Int[Tensor, "batch fact"]) -> Loss:
        return self.writer.loss(target, self.fused(facts))


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Words with slots among them, and facts, by their ids. Begin and end have the ids of the core's writer."""

    words: tuple[str, ...]
    facts: tuple[str, ...]

    @classmethod
    def of(cls, templates: Sequence[str], facts: Sequence[Sequence[str]]) -> Vocabulary:
        """All that stands in these templates and facts."""
        words = sorted({token for each in templates for token in tokens(each)})
        return cls(words=("<begin>", "<end>", *words), facts=tuple(sorted({each for row in facts for each in row})))

    def free(self) -> tuple[int, ...]:
        """The ids of words that are no slot, without begin and end."""
        return tuple(number for number, each in enumerate(self.words) if number > 1 and not each.startswith("{"))

    def spellings(self, slot: str) -> tuple[int, ...]:
        """The ids of a slot: as its fact is worded, and with other words for it."""
        return tuple(
            number for number, each in enumerate(self.words) if each == f"{{{slot}}}" or each.startswith(f"{{{slot}=")
        )

    def ids(self, template: str) -> list[int]:
        known = {word: number for number, word in enumerate(self.words)}
        return [known[token] for token in tokens(template)]

    def fact_ids(self, facts: Sequence[str]) -> list[int]:
        """Facts that were never learnt from are left out."""
        known = {fact: number for number, fact in enumerate(self.facts)}
        return [known[each] for each in facts if each in known]

    def template(self, ids: Sequence[int]) -> str:
        """The sentence, with its slots."""
        joined = " ".join(self.words[each] for each in ids)
        return _AFTER.sub("(", _BEFORE.sub(r"\1", joined))

    def plain(self) -> dict[str, Any]:
        return {name: list(each) for name, each in asdict(self).items()}

    @classmethod
    def from_plain(cls, told: Mapping[str, Sequence[str]]) -> Vocabulary:
        return cls(words=tuple(told["words"]), facts=tuple(told["facts"]))


def tokens(template: str) -> list[str]:
    """Words, signs and slots in their order."""
    return _TOKEN.findall(template)


def padded(rows: Sequence[Sequence[int]]) -> Int[Tensor, "row id"]:
    """Rows of different lengths, filled with -1."""
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[-1] * (longest - len(row))] for row in rows])
