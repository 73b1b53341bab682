from __future__ import annotations

import math

import pytest
import torch

from colonnade.core.shrink.pruning import chains_of, prune
from colonnade.core.shrink.rounding import rehearse, settle, watching
from colonnade.verticals.industrial.edge.network import SILENT, EdgeNet, Normed, Widths, joined

SMALL = Widths(blocks=(16, 16, 16, 16), hearing=16)


@pytest.fixture
def network() -> EdgeNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = EdgeNet(side=32, features=12, widths=SMALL)
        made.train()
        for _ in range(2):
            made(*unit(6))
    return made.eval()


def unit(rows: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    pixels, sound = torch.rand(rows, 1, 32, 32, generator=draw), torch.randn(rows, 12, generator=draw)
    return pixels, sound, torch.ones(rows, 2, dtype=torch.bool)


def test_what_is_fed_for_an_absent_sense_changes_nothing(network: EdgeNet) -> None:
    pixels, sound, here = unit()
    blind = here & torch.tensor([False, True])
    with torch.no_grad():
        one, two = network(pixels, sound, blind), network(torch.zeros_like(pixels), sound, blind)
        other = network(pixels, sound + 1, blind)
    for left, right in zip(one, two, strict=True):
        torch.testing.assert_close(left, right)
    assert (one[1][:, 0] == SILENT).all()
    assert not torch.equal(one[0], other[0])


def test_one_sense_alone_answers_for_itself(network: EdgeNet) -> None:
    pixels, sound, here = unit()
    with torch.no_grad():
        whole = network(pixels, sound, here)
        deaf = network(pixels, sound, here & torch.tensor([True, False]))
    torch.testing.assert_close(deaf[0], whole[1][:, 0])


def test_two_causes_are_joined_as_independent_ones() -> None:
    alone = torch.tensor([[0.3, -1.2], [2.0, 2.0], [SILENT, 0.7]])
    chance = 1 - torch.sigmoid(-alone).prod(dim=1)
    torch.testing.assert_close(torch.sigmoid(joined(alone)), chance)
    assert math.isclose(float(joined(alone)[2]), 0.7, abs_tol=1e-5)


def test_folded_norms_change_nothing(network: EdgeNet) -> None:
    with torch.no_grad():
        before = network(*unit())
        network.fold()
        after = network(*unit())
    assert not any(
        isinstance(each.norm, torch.nn.BatchNorm2d) for each in network.modules() if isinstance(each, Normed)
    )
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


def test_every_block_and_the_ear_can_be_pruned(network: EdgeNet) -> None:
    assert len(chains_of(network)) == 5
    assert prune(network, 0.5) == 5 * 8
    with torch.no_grad():
        assert network(*unit())[2].shape == (2, 1, 4, 4)


def test_a_settled_network_says_nearly_the_same(network: EdgeNet) -> None:
    with torch.no_grad():
        network.fold()
        expected = network(*unit(8, seed=1))[0]
        with watching(network):
            network(*unit(8, seed=1))
        rehearse(network)
        settle(network)
        found = network(*unit(8, seed=1))[0]
    assert 0 < (found - expected).abs().max() < 0.15
