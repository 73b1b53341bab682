"""Recall at k."""

from __future__ import annotations

import pytest
import torch

from colonnade.core.alignment.retrieval import ranks_of, recall
from colonnade.core.errors import InputError


def test_a_partner_is_found_where_it_is_the_nearest() -> None:
    same = torch.eye(6)
    assert recall(same, same) == 1
    swapped = same[[1, 0, 2, 3, 4, 5]]
    assert recall(same, swapped) == pytest.approx(4 / 6)
    assert recall(same, swapped, k=6) == 1
    assert recall(same, swapped, among=2) == pytest.approx(4 / 6)


def test_the_rank_is_that_of_a_sorted_list() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(20, 4, generator=generator), torch.randn(20, 4, generator=generator)
    scores = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1)
    order = scores.argsort(dim=1, descending=True)
    expected = [order[row].tolist().index(row) + 1 for row in range(20)]
    assert ranks_of(a, b).tolist() == expected


def test_vectors_that_are_all_alike_find_nothing() -> None:
    assert recall(torch.ones(10, 3), torch.ones(10, 3)) == 0


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(InputError, match="got 5 rows"):
        recall(torch.eye(5), torch.eye(5), among=100)
