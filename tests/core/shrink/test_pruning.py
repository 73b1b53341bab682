from __future__ import annotations

import pytest
import torch
from torch import nn

from colonnade.core.errors import InputError
from colonnade.core.layers.attention import Mlp
from colonnade.core.shrink.pruning import Chain, chains_of, importance, keep, prune
from colonnade.verticals.industrial.edge.network import Block, Point


def block(seed: int = 0) -> Block:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = Block(8, 32, 8, Point(), stride=1)
        made.train()
        for _ in range(3):  # so that the norms know something
            made(torch.randn(4, 8, 6, 6))
    return made.eval()


def test_channels_that_say_nothing_can_go_without_a_trace() -> None:
    made = block()
    silent = torch.arange(0, 32, 2)
    with torch.no_grad():
        made.narrow.conv.weight[:, silent] = 0
    x = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(1))
    before = made(x)
    (chain,) = made.chains()
    matters = importance(chain)
    assert matters[silent].max() == 0
    assert prune(nn.Sequential(made), 0.5) == 16
    torch.testing.assert_close(made(x), before)
    assert made.widen.conv.weight.shape[0] == made.narrow.conv.weight.shape[1] == 16
    assert made.around.conv.groups == 16


def test_a_perceptron_of_the_core_is_a_chain() -> None:
    mlp = Mlp(8)
    with torch.no_grad():
        mlp.down.weight[:, :8] = 0
    x = torch.randn(3, 8)
    before = mlp(x)
    assert prune(nn.Sequential(mlp), 0.25) == 8
    torch.testing.assert_close(mlp(x), before)


def test_what_is_left_is_a_multiple_of_eight_and_never_nothing() -> None:
    model = nn.Sequential(block())
    prune(model, 0.99)
    (chain,) = chains_of(model)
    assert len(importance(chain)) == 8


def test_keeping_channels_keeps_their_order() -> None:
    make, read = nn.Linear(3, 4), nn.Linear(4, 2)
    wide = make.weight.detach().clone()
    keep(Chain(make, read), torch.tensor([1, 3]))
    torch.testing.assert_close(make.weight, wide[[1, 3]])
    assert read.in_features == 2


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_outside_of_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="lies between 0 and 1"):
        prune(nn.Sequential(block()), share)


def test_a_network_without_chains_is_refused() -> None:
    with pytest.raises(InputError, match="no channels"):
        prune(nn.Linear(2, 2), 0.5)
