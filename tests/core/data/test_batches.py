"""Batches: each record once, replayable, like lengths together, shared by ranks."""

from __future__ import annotations

from itertools import chain

import pytest
import torch

from colonnade.core.data.batches import Batches
from colonnade.core.errors import ConfigError


def rows(epoch) -> list[list[int]]:
    return [epoch[index] for index in range(len(epoch))]


def test_every_record_comes_once_an_epoch_in_an_order_that_changes_and_replays() -> None:
    batches = Batches(range(23), list, size=5, seed=3)
    first, again, next_epoch = rows(batches(0)), rows(batches(0)), rows(batches(1))
    assert sorted(chain(*first)) == list(range(23))
    assert first == again
    assert first != next_epoch
    assert [len(batch) for batch in first] == [5, 5, 5, 5, 3]


def test_bucketing_puts_like_lengths_together_and_loses_none() -> None:
    lengths = torch.randint(1, 400, (640,), generator=torch.Generator().manual_seed(0)).tolist()
    plain = Batches(range(640), list, size=16)
    bucketed = Batches(range(640), list, size=16, lengths=lengths)

    def padding(batches) -> float:
        slots = sum(max(lengths[row] for row in batch) * len(batch) for batch in rows(batches(0)))
        return 1 - sum(lengths) / slots

    assert sorted(chain(*rows(bucketed(0)))) == list(range(640))
    assert padding(bucketed) < 0.1 < 0.4 < padding(plain)
    assert rows(bucketed(0)) != rows(bucketed(1))


def test_a_batch_is_changed_by_a_generator_of_its_own() -> None:
    def change(batch, epoch, generator):
        return (epoch, float(torch.rand((), generator=generator)))

    batches = Batches(range(8), list, size=4, change=change)
    both, last = batches(2)[0:2], batches(2)[-1]
    assert both[1] == last  # asked for alone or after another, it is the same
    assert both[0] != both[1]
    assert both[0][0] == 2
    assert both[0] != (2, batches(1)[0][1])


def test_ranks_share_each_batch_evenly() -> None:
    whole = Batches(range(21), list, size=4)
    parts = [Batches(range(21), list, size=4, part=(rank, 2)) for rank in range(2)]
    for index in range(5):
        mine, other = (part(0)[index] for part in parts)
        assert len(mine) == len(other) == 2
        assert sorted(mine + other) == sorted(whole(0)[index])
    assert len(parts[0](0)) == 5


def test_impossible_batches_are_refused() -> None:
    with pytest.raises(ConfigError, match="size of at least 1"):
        Batches([], list, size=4)
    with pytest.raises(ConfigError, match="as many lengths"):
        Batches([1, 2], list, size=1, lengths=[1])
    with pytest.raises(ConfigError, match="give a multiple"):
        Batches([1, 2], list, size=3, part=(0, 2))
