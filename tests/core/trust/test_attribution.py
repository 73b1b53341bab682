"""Shapley values against their axioms and a hand count; integrated gradients against completeness."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import nn

from colonnade.core.errors import InputError
from colonnade.core.trust.attribution import integrated_gradients, shapley

GAME = {(): 1.0, ("a",): 3.0, ("b",): 2.0, ("c",): 1.0, ("a", "b"): 7.0, ("a", "c"): 3.0, ("b", "c"): 2.0}
GAME["a", "b", "c"] = 7.0  # c adds nothing anywhere


def test_shares_equal_the_mean_over_all_orders_of_arrival() -> None:
    shares, base = shapley(("a", "b", "c"), GAME.__getitem__)
    expected = dict.fromkeys("abc", 0.0)
    for order in permutations("abc"):
        for place, name in enumerate(order):
            before, after = tuple(sorted(order[:place])), tuple(sorted(order[: place + 1]))
            expected[name] += (GAME[after] - GAME[before]) / 6
    assert base == 1
    assert shares == pytest.approx(expected)
    assert shares["c"] == pytest.approx(0)


def test_base_and_shares_add_up_to_the_value() -> None:
    shares, base = shapley(("a", "b", "c"), GAME.__getitem__)
    assert base + sum(shares.values()) == pytest.approx(7)


def test_each_subset_is_valued_once_with_names_in_their_order() -> None:
    seen: list[tuple[str, ...]] = []
    shapley(("z", "a"), lambda names: float(seen.append(names) or len(names)))
    assert seen == [(), ("z",), ("a",), ("z", "a")]


def test_too_many_or_repeated_names_are_refused() -> None:
    with pytest.raises(InputError, match="up to 12 different"):
        shapley(tuple("abcdefghijklm"), lambda _: 0.0)
    with pytest.raises(InputError, match="different"):
        shapley(("a", "a"), lambda _: 0.0)


def test_integrated_gradients_of_a_linear_score_are_exact() -> None:
    x, weight = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)), torch.arange(5.0)
    (shares,), gap = integrated_gradients(lambda given: given[0] @ weight, [x], [torch.zeros_like(x)], steps=1)
    torch.testing.assert_close(shares, x * weight)
    assert gap.abs().max() < 1e-5


def test_integrated_gradients_are_complete_and_the_gap_is_told() -> None:
    generator = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    one, two = (torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in range(2))

    def score(given: list[torch.Tensor]) -> torch.Tensor:
        return net(torch.cat(list(given), dim=1))[:, 0]

    nothing = [torch.zeros_like(one), torch.zeros_like(two)]
    shares, gap = integrated_gradients(score, [one, two], nothing, steps=500)
    given = sum(each.sum(dim=1) for each in shares)
    torch.testing.assert_close(given + gap, score([one, two]) - score(nothing))
    assert gap.abs().max() < 1e-3
    _, coarse = integrated_gradients(score, [one, two], nothing, steps=4)
    assert coarse.abs().max() > 10 * gap.abs().max()


def test_an_input_that_the_score_does_not_read_gets_nothing() -> None:
    x = torch.ones(2, 3)
    (_, unread), _ = integrated_gradients(lambda given: given[0].sum(dim=1), [x, x], [0 * x, 0 * x], steps=2)
    assert (unread == 0).all()
