"""From texts to intents: two linear readings (terms, sentence vectors), each optional, and what their scores mean.

It knows nothing of dialogues, pages or files. Source of the two views' sum: product of experts, Hinton 2002.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from ....core.types import Array
from . import sentences
from .terms import counts, weighted

if TYPE_CHECKING:
    from ....core.encoders.text import TextEncoder

VIEWS = ("terms", "sentence")
BOTH = "terms+sentence"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far one subset of views can be trusted, measured on queries that nothing was learnt from.

    `mix` weighs the views' scores; `temperature` makes probabilities of them. Below `known` (a quantile of the log of
    the summed exponentials, less where in-scope queries lie) a query is out of scope; a label is in the set where one
    minus its probability is at most `set_threshold`.
    """

    mix: Mapping[str, float]
    temperature: float
    known: float
    set_threshold: float


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration on a checkpoint. `rate` is the share of in-scope queries that `known` turns away."""

    intents: tuple[str, ...]
    reach: Mapping[str, Reach]
    rate: float = 0.05
    coverage: float = 0.95
    layers: int = 0
    rank: int = 0


@dataclass(kw_only=True, eq=False)
class Heads:
    """The linear readings: weights `[intent, feature]` and biases. Those of terms are whole numbers times a scale."""

    rare: Array
    terms: Array
    terms_scale: Array
    terms_bias: Array
    sentence: Array | None = None
    sentence_bias: Array | None = None
    adapters: Mapping[str, Array] = field(default_factory=dict)


class Reader:
    """Reads texts with the views that are there. The sentence encoder is loaded when it is first needed."""

    def __init__(self, heads: Heads, settings: Settings, *, sentence: bool | None = None) -> None:
        self.heads, self.settings = heads, settings
        wanted = sentences.available() if sentence is None else sentence
        self.views = VIEWS if wanted and heads.sentence is not None else VIEWS[:1]
        self._encoder: TextEncoder | None = None

    @property
    def subset(self) -> str:
        return "+".join(self.views)

    @property
    def reach(self) -> Reach:
        return self.settings.reach[self.subset]

    def vectors(self, texts: Sequence[str]) -> Float[Array, "text width"]:
        if self._encoder is None:
            self._encoder = sentences.encoder(self.heads.adapters)
        return sentences.vectors(self._encoder, texts)

    def scores(self, texts: Sequence[str]) -> dict[str, Float[Array, "text intent"]]:
        """Of each view that is there."""
        return scores_of(self.heads, texts, self.vectors(texts) if "sentence" in self.views else None)

    def logits(self, texts: Sequence[str]) -> Float[Array, "text intent"]:
        return mixed(self.scores(texts), self.reach)

    def probabilities(self, texts: Sequence[str]) -> Float[Array, "text intent"]:
        return softmax(self.logits(texts), axis=1)


def scores_of(
    heads: Heads, texts: Sequence[str], vectors: Float[Array, "text width"] | None
) -> dict[str, Float[Array, "text intent"]]:
    """The linear readings of texts, and of their sentence vectors where they are given."""
    rows = weighted(counts(texts), heads.rare.astype(np.float32))
    weight = heads.terms.astype(np.float32) * heads.terms_scale.astype(np.float32)[:, None]
    found = {"terms": np.asarray(rows @ weight.T) + heads.terms_bias}
    if vectors is not None and heads.sentence is not None and heads.sentence_bias is not None:
        found["sentence"] = vectors @ heads.sentence.astype(np.float32).T + heads.sentence_bias
    return found


def mixed(scores: Mapping[str, Array], reach: Reach) -> Float[Array, "text intent"]:
    """The calibrated logits of a subset of views."""
    whole = sum(weight * scores[view] for view, weight in reach.mix.items())
    return np.asarray(whole, np.float64) / reach.temperature


def familiarity(logits: Float[Array, "text intent"]) -> Float[Array, " text"]:
    """How known a query is: the highest logit beside the mean of all (energy and margin, without a fit)."""
    return logits.max(axis=1) - logits.mean(axis=1)
