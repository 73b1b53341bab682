"""Customers' queries as numbers: their length and words, and their meaning where the sentence encoder is installed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....core.data.descriptors import rows_of as plainly
from ....core.data.quality import MOST, Rows
from ....core.types import Text
from . import sentences
from .sources import Queries

DIRECTIONS = 16


def rows_of(queries: Queries) -> Rows:
    """Each query; the meaning of at most two thousand of them, in the directions in which these vary most."""
    pairs = zip(queries.texts, queries.intents, strict=True)
    rows = plainly(
        (f"query {number}", {"message": Text(text=text)}, intent, "") for number, (text, intent) in enumerate(pairs, 1)
    )
    rows = rows.sampled(MOST, 0)
    if not sentences.available() or len(rows) < DIRECTIONS:
        return rows
    texts = [queries.texts[int(name.removeprefix("query ")) - 1] for name in rows.ids]
    vectors = sentences.vectors(sentences.encoder(), texts)
    return replace(
        rows,
        names=(*rows.names, *(f"meaning_{number}" for number in range(vectors.shape[1]))),
        values=np.column_stack([rows.values, vectors]),
    )
