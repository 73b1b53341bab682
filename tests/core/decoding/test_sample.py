"""Drawn sequences keep their rules: each slot once, only its own, and the same generator draws the same."""

from __future__ import annotations

import pytest
import torch

from colonnade.core.decoding.sample import sample, slots
from colonnade.core.errors import ConfigError, InputError

BEGIN, END = 0, 1
WORDS, SLOTS = (2, 3, 4), ((5,), (6, 7))  # the second slot can be spelt in two ways


def noise(seed: int):
    generator = torch.Generator().manual_seed(seed)
    return lambda prefixes: torch.randn(len(prefixes), 10, generator=generator)


def generators(count: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + each) for each in range(count)]


@pytest.mark.parametrize("longest", [3, 4, 8])
def test_each_slot_is_written_exactly_once_whatever_the_scores_say(longest: int) -> None:
    rule = slots(WORDS, SLOTS, end=END, longest=longest)
    for written in sample(noise(1), [rule] * 60, generators(60), begin=BEGIN, end=END, longest=longest):
        assert written.ended
        assert [sum(each in group for each in written.ids) for group in SLOTS] == [1, 1]
        assert set(written.ids) <= {*WORDS, 5, 6, 7}


def test_each_row_keeps_its_own_rule() -> None:
    one, other = slots(WORDS, ((5,),), end=END, longest=6), slots(WORDS, ((8,),), end=END, longest=6)
    first, second = sample(noise(0), [one, other], generators(2), begin=BEGIN, end=END, longest=6)
    assert (5 in first.ids, 8 in first.ids) == (True, False)
    assert (5 in second.ids, 8 in second.ids) == (False, True)


def test_the_same_generator_draws_the_same_whatever_the_other_rows() -> None:
    table = torch.randn(10, generator=torch.Generator().manual_seed(3))
    score = lambda prefixes: table.repeat(len(prefixes), 1)  # noqa: E731
    rule = slots(WORDS, SLOTS, end=END, longest=9)
    alone = sample(score, [rule], generators(1), begin=BEGIN, end=END, longest=9)
    among = sample(score, [rule] * 5, generators(5), begin=BEGIN, end=END, longest=9)
    assert alone[0] == among[0]
    assert len({each.ids for each in among}) > 1


def test_a_nucleus_leaves_out_what_is_unlikely() -> None:
    score = lambda prefixes: torch.tensor([[0, 0.01, 0.5, 0.45, 0.04]]).log().repeat(len(prefixes), 1)  # noqa: E731
    rule = lambda prefix: (2, 3, 4) if len(prefix) == 1 else (END,)  # noqa: E731
    drawn = {
        nucleus: {
            each.ids[0]
            for each in sample(score, [rule] * 200, generators(200), begin=BEGIN, end=END, longest=3, nucleus=nucleus)
        }
        for nucleus in (0.4, 0.9, 1.0)
    }
    assert drawn == {0.4: {2}, 0.9: {2, 3}, 1.0: {2, 3, 4}}


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="allows nothing"):
        sample(noise(0), [lambda prefix: ()], generators(1), begin=BEGIN, end=END, longest=3)
    with pytest.raises(ConfigError, match="2 slots"):
        slots(WORDS, SLOTS, end=END, longest=2)
    with pytest.raises(ConfigError, match="one place only"):
        slots(WORDS, ((2,),), end=END, longest=9)
    with pytest.raises(ConfigError, match="temperature"):
        sample(noise(0), [], [], begin=BEGIN, end=END, longest=3, temperature=0.0)
