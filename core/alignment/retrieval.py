"""How well one modality finds its partner in another: recall at k. Knows paired rows of vectors only."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError


def ranks_of(queries: Float[Tensor, "row width"], gallery: Float[Tensor, "row width"]) -> Float[Tensor, row]:
    """For each query, the rank of the gallery row of the same number by cosine: 1 is best.

    A tie counts against the query, so vectors that are all alike find nothing.
    """
    scores = F.normalize(queries.float(), dim=-1) @ F.normalize(gallery.float(), dim=-1).T
    return (scores >= scores.diagonal()[:, None]).sum(dim=1).float()


def recall(
    queries: Float[Tensor, "row width"], targets: Float[Tensor, "row width"], *, k: int = 1, among: int | None = None
) -> float:
    """The share of rows whose own partner is among the k nearest of `among` candidates (None: of all rows).

    Rows are cut into galleries of `among` consecutive ones (shuffle first if their order means something); a last
    incomplete gallery is left out, and each gallery is searched in both directions.

    Raises:
        InputError: there are fewer rows than candidates, or fewer candidates than k.
    """
    size = len(queries) if among is None else among
    if len(queries) < size or not 1 <= k <= size:
        raise InputError(f"recall at {k} of {size} needs that many rows and k within them, got {len(queries)} rows")
    found = []
    for start in range(0, len(queries) - size + 1, size):
        a, b = queries[start : start + size], targets[start : start + size]
        found += [ranks_of(a, b) <= k, ranks_of(b, a) <= k]
    return float(torch.cat(found).float().mean())
