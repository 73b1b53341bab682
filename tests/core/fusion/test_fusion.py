"""The parts of fusion: presence, gates, memory, low rank, latents, and the blend."""

from __future__ import annotations

import pytest
import torch

from colonnade.core.errors import ConfigError
from colonnade.core.fusion.blend import Blend
from colonnade.core.fusion.fusion import Fusion, FusionConfig
from colonnade.core.fusion.gates import Gates, entropy
from colonnade.core.fusion.lowrank import LowRank
from colonnade.core.fusion.memory import Memory
from colonnade.core.fusion.presence import StandIn, blank, over_present, subset
from colonnade.core.types import Packed, Tokens

PRESENCE = torch.tensor([[True, True, True], [True, False, True], [False, True, False]])


def some_tokens(seed: int = 0, lengths=(4, 2, 5), width: int = 8) -> list[Tokens]:
    generator = torch.Generator().manual_seed(seed)
    return [Tokens(torch.randn(3, t, width, generator=generator), torch.ones(3, t, dtype=torch.bool)) for t in lengths]


def test_blank_reads_no_value_of_an_absent_row():
    x, mask = torch.full((2, 3), float("nan")), torch.ones(2, 3, dtype=torch.bool)
    nested = Packed(Tokens(x[:, :, None], mask), mask)
    cleaned = blank(nested, torch.tensor([False, False]))
    assert not cleaned.x.values.any()
    assert not cleaned.x.mask.any()
    assert not cleaned.mask.any()
    assert isinstance(cleaned.x, Tokens)


def test_a_stand_in_is_the_only_real_token_of_an_absent_row():
    torch.manual_seed(0)
    stand_in = StandIn(8)
    tokens = stand_in(some_tokens()[0], torch.tensor([True, False, True]))
    assert tokens.mask.sum(dim=1).tolist() == [4, 1, 4]
    assert torch.equal(tokens.values[1, 0], stand_in.token)
    assert torch.equal(tokens.values[0], some_tokens()[0].values[0])


def test_subsets_have_numbers_of_their_own():
    every = torch.tensor([[bool(n >> i & 1) for i in range(3)] for n in range(8)])
    assert subset(every).tolist() == list(range(8))


def test_a_softmax_over_nobody_is_zero():
    weights = over_present(torch.randn(2, 3), torch.tensor([[False] * 3, [False, True, False]]))
    assert weights.tolist() == [[0, 0, 0], [0, 1, 0]]


def test_gates_start_equal_and_move_with_tokens_and_uncertainty():
    torch.manual_seed(0)
    gates, unsure = Gates(3, 8, signs=1), torch.randn(3, 3, 1)
    found = gates(some_tokens(), unsure, PRESENCE)
    torch.testing.assert_close(found, PRESENCE / PRESENCE.sum(dim=1, keepdim=True))
    for reader in gates.readers:
        torch.nn.init.normal_(reader.down.weight)
    moved = gates(some_tokens(), unsure, PRESENCE)
    assert (moved[0] - found[0]).abs().max() > 1e-3
    assert (gates(some_tokens(1), unsure, PRESENCE)[0] - moved[0]).abs().max() > 1e-4
    assert (gates(some_tokens(), unsure + torch.randn(3, 3, 1), PRESENCE)[0] - moved[0]).abs().max() > 1e-4
    assert (moved[~PRESENCE] == 0).all()


def test_the_entropy_of_gates_is_one_when_equal_and_zero_when_closed():
    gates = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert entropy(gates, PRESENCE).tolist() == pytest.approx([1.0, 0.0, 1.0], abs=1e-5)


def test_memory_knows_who_is_present_and_keeps_what_latents_say():
    torch.manual_seed(0)
    memory = Memory(3, 8, 2, slots=4)
    start = memory.start(PRESENCE)
    assert not torch.allclose(start[0], start[1])
    latents = torch.randn(3, 5, 8)
    assert not torch.allclose(memory.write(start, latents), memory.write(start, -latents))


def test_later_layers_read_the_memory():
    torch.manual_seed(0)
    fusion = Fusion(3, FusionConfig(width=8, heads=2, latents=3, layers=2, memory=2)).eval()
    gates = over_present(torch.zeros(3, 3), PRESENCE)
    before = fusion(some_tokens(), gates, PRESENCE).tokens.values
    with torch.no_grad():
        fusion.memory.writer.out.bias.add_(1.0)
    assert not torch.allclose(before, fusion(some_tokens(), gates, PRESENCE).tokens.values)


def test_low_rank_is_a_product_and_an_absent_factor_is_one():
    torch.manual_seed(0)
    lowrank, tokens = LowRank(3, 8, rank=6), some_tokens()
    both = torch.tensor([[True, True, False]] * 3)
    changed = [tokens[0], tokens[1], some_tokens(5)[2]]
    assert torch.equal(lowrank(tokens, both), lowrank(changed, both))
    assert not torch.allclose(lowrank(tokens, PRESENCE | True), lowrank(changed, PRESENCE | True))
    # A product has mixed second differences; a sum of factors would have none.
    other = some_tokens(7)
    corner = lambda i, j: lowrank([(tokens, other)[i][0], (tokens, other)[j][1], tokens[2]], both)  # noqa: E731
    assert (corner(0, 0) - corner(0, 1) - corner(1, 0) + corner(1, 1)).abs().max() > 1e-3


def test_fusion_does_not_read_padding_and_a_closed_gate_silences():
    torch.manual_seed(0)
    fusion = Fusion(3, FusionConfig(width=8, heads=2, latents=3, layers=1, memory=0)).eval()
    tokens, gates = some_tokens(), over_present(torch.zeros(3, 3), PRESENCE)
    masked = [Tokens(each.values, each.mask.clone()) for each in tokens]
    masked[0].mask[:, 2:] = False
    spoiled = [Tokens(each.values.clone(), each.mask) for each in masked]
    spoiled[0].values[:, 2:] = 1e4
    torch.testing.assert_close(
        fusion(masked, gates, PRESENCE).tokens.values, fusion(spoiled, gates, PRESENCE).tokens.values
    )
    closed = torch.tensor([[0.0, 0.5, 0.5]] * 3)
    everyone = PRESENCE | True
    other = [some_tokens(3)[0], *tokens[1:]]
    torch.testing.assert_close(
        fusion(tokens, closed, everyone).tokens.values, fusion(other, closed, everyone).tokens.values
    )


def test_sizes_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match=r"width \(10\) must be a multiple"):
        FusionConfig(width=10, heads=4)
    with pytest.raises(ConfigError, match="1 to 12 modalities, got 20"):
        Blend(1, 20)
