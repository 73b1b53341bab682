"""What a descriptor's words say about fraud, as one number: a linear model over hashed words.

It is read for the payment itself and, summed with decay, for what was lately paid at the same terminal and by the same
card: a struck terminal shows in the words of all who pay there. It knows nothing of networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from .....core.encoders.words import words
from .....core.layers.hashing import bucket_of
from .....core.types import Array

BUCKETS = 4096
COMMON, SEEN = 800, 5  # words that have a say: the most common ones, seen so often
MOST = 4.0  # of the logarithm: no descriptor proves anything


@lru_cache(maxsize=65536)
def plain(text: str) -> str:
    """The descriptor without its numbers, which differ from payment to payment."""
    return " ".join(word for word in words(text) if word.isalpha())


@lru_cache(maxsize=65536)
def buckets(text: str) -> tuple[int, ...]:
    """The bucket of each word of a plain descriptor, each once."""
    return tuple(sorted({bucket_of(word, BUCKETS) for word in text.split()}))


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """A weight for each bucket; the score of a usual descriptor is near zero."""

    weights: Float[Array, " bucket"]

    @classmethod
    def of(cls, texts: Sequence[str], fraud: Bool[Array, " row"], logits: Float[Array, " row"]) -> Self:
        """Fit to payments whose label is known, over what `logits` say of them already."""
        rows = [buckets(plain(text)) for text in texts]
        return cls(weights=_fit(rows, np.asarray(fraud, float), np.asarray(logits, float)))

    def score(self, text: str) -> float:
        """0 without words."""
        total = float(sum(self.weights[bucket] for bucket in buckets(plain(text))))
        return min(max(total, -MOST), MOST)


def _fit(rows: Sequence[Sequence[int]], fraud: Array, logits: Array, *, ridge: float = 4.0, steps: int = 12) -> Array:
    """Ridge-penalised logistic regression beside an offset, by Newton steps on common words."""
    counts = Counter(bucket for row in rows for bucket in row)
    used = sorted(bucket for bucket, count in counts.most_common(COMMON) if count >= SEEN)
    place = {bucket: index for index, bucket in enumerate(used)}
    x = np.zeros((len(rows), len(used) + 1))
    x[:, -1] = 1.0
    for index, row in enumerate(rows):
        x[index, [place[bucket] for bucket in row if bucket in place]] = 1.0
    beta, penalty = np.zeros(x.shape[1]), np.full(x.shape[1], ridge)
    penalty[-1] = 1e-3
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(logits + x @ beta, -30, 30)))
        slope = x.T @ (chance - fraud) + penalty * beta
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty)
        beta -= np.linalg.solve(curve, slope)
    weights = np.zeros(BUCKETS + 1)
    weights[used] = beta[:-1]
    return weights
