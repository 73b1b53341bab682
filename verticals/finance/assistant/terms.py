"""Words and letter groups of a query as one sparse row: hashed, weighted by how rare they are, each half of
length 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ....core.types import Array

WORDS, LETTERS = 2**13, 2**14  # buckets of words and pairs of words, and of groups of 2 to 5 letters
BUCKETS = WORDS + LETTERS


def counts(texts: Sequence[str]) -> Any:
    """How often each bucket occurs `[text, bucket]`, as a sparse matrix; a bucket is a MurmurHash of what is in it."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(n_features=WORDS, ngram_range=(1, 2), norm=None, alternate_sign=False)
    letters = HashingVectorizer(
        n_features=LETTERS, analyzer="char_wb", ngram_range=(2, 5), norm=None, alternate_sign=False
    )
    return hstack([words.transform(texts), letters.transform(texts)], format="csr")


def rarity(found: Any) -> Float[Array, " bucket"]:
    """The logarithm of texts over texts with the bucket, smoothed as scikit-learn does it."""
    texts, having = found.shape[0], np.bincount(found.indices, minlength=found.shape[1])
    return (np.log((1 + texts) / (1 + having)) + 1).astype(np.float32)


def weighted(found: Any, rare: Float[Array, " bucket"]) -> Any:
    """Counts (their logarithm, plus one) times rarity, each half of a row of length 1."""
    rows = found.astype(np.float32).tocsr(copy=True)
    rows.data = (1 + np.log(rows.data)) * rare[rows.indices]
    line = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    half = 2 * line + (rows.indices >= WORDS)
    length = np.sqrt(np.bincount(half, weights=rows.data**2, minlength=2 * rows.shape[0]))
    rows.data = (rows.data / np.maximum(length[half], 1e-12)).astype(np.float32)
    return rows
