"""Modality dropout: the promised rate, the promised minimum, replay."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.core.data.missing import ModalityDropout, keep
from colonnade.core.errors import ConfigError, UnknownName
from colonnade.core.random import torch_generator
from colonnade.core.types import Batch, Packed

ROWS = 20_000


def rate_of(kept: torch.Tensor, column: int) -> float:
    return float((~kept[:, column]).double().mean())


@pytest.mark.parametrize(
    ("names", "minimum", "rate"),
    [
        (("image", "audio"), (), 0.3),
        (("image", "audio"), (), 0.45),
        (("image", "audio", "text"), (), 0.6),
        (("image", "audio", "text"), (("image", "audio"), ("text",)), 0.4),
        (("a", "b", "c", "d", "e"), (), 0.5),
    ],
)
def test_each_modality_is_dropped_at_the_promised_rate(names, minimum, rate) -> None:
    dropout = ModalityDropout(names, minimum=minimum, rate=rate)
    kept = dropout.draw(torch.ones(ROWS, len(names), dtype=torch.bool), torch_generator(0, "test"))
    bound = 4.5 * sqrt(rate * (1 - rate) / ROWS)
    for column in range(len(names)):
        assert rate_of(kept, column) == pytest.approx(rate, abs=bound)


def test_a_rate_by_name_is_kept_by_name() -> None:
    dropout = ModalityDropout(("image", "audio", "text"), rate={"audio": 0.5, "text": 0.2})
    kept = dropout.draw(torch.ones(ROWS, 3, dtype=torch.bool), torch_generator(1, "test"))
    assert [round(rate_of(kept, column), 1) for column in range(3)] == [0.0, 0.5, 0.2]


def test_a_required_modality_is_never_dropped_and_the_optional_one_still_at_its_rate() -> None:
    dropout = ModalityDropout(("ct", "text", "table"), minimum=(("ct",),), rate=0.3)
    kept = dropout.draw(torch.ones(ROWS, 3, dtype=torch.bool), torch_generator(2, "test"))
    assert kept[:, 0].all()
    assert rate_of(kept, 1) == pytest.approx(0.3, abs=0.015)
    both = float((~kept[:, 1] & ~kept[:, 2]).double().mean())
    assert both == pytest.approx(0.09, abs=0.01)  # nothing forbids both, so greatest entropy is independence


def test_rows_that_miss_a_modality_already_keep_the_rate_on_what_they_have() -> None:
    presence = torch.tensor([True, True, False, True]).expand(ROWS, 4)
    kept = ModalityDropout(("a", "b", "c", "d"), rate=0.4).draw(presence, torch_generator(3, "test"))
    assert not kept[:, 2].any()
    assert [rate_of(kept, column) for column in (0, 1, 3)] == pytest.approx([0.4] * 3, abs=0.017)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_row_falls_below_the_minimum_or_gains_a_modality(data) -> None:
    names = tuple("abcd"[: data.draw(st.integers(1, 4))])
    subsets = st.lists(st.sampled_from(names), min_size=1, unique=True)
    minimum = data.draw(st.lists(subsets, min_size=1, max_size=3))
    dropout = ModalityDropout(names, minimum=minimum, rate=data.draw(st.floats(0, 0.24)))
    row = st.lists(st.booleans(), min_size=len(names), max_size=len(names))
    presence = torch.tensor(data.draw(st.lists(row, min_size=1, max_size=8)))
    for draw in (dropout.draw, dropout.singles):
        kept = draw(presence, torch_generator(data.draw(st.integers(0, 99)), "test"))
        assert not (kept & ~presence).any()
        for before, after in zip(presence.tolist(), kept.tolist(), strict=True):
            enough = [all(row[names.index(name)] for name in subset) for subset in minimum for row in (before, after)]
            if any(enough[::2]):
                assert any(enough[1::2])
            else:
                assert before == after


def test_the_same_generator_draws_the_same_rows() -> None:
    dropout, presence = ModalityDropout(("a", "b"), rate=0.3), torch.ones(50, 2, dtype=torch.bool)
    first, second, other = (dropout.draw(presence, torch_generator(seed, "test")) for seed in (0, 0, 1))
    assert first.equal(second)
    assert not first.equal(other)


def test_a_rate_that_cannot_be_kept_is_refused_with_the_one_that_can() -> None:
    with pytest.raises(ConfigError, match=r"rates up to 0\.83 times"):
        ModalityDropout(("a", "b"), rate=0.6)
    with pytest.raises(ConfigError, match="below 1"):
        ModalityDropout(("a", "b"), rate=1.0)
    with pytest.raises(UnknownName, match="did you mean 'audio'"):
        ModalityDropout(("image", "audio"), rate={"audoi": 0.1})


def test_singles_show_each_smallest_subset_equally_often() -> None:
    dropout = ModalityDropout(("a", "b", "c"), minimum=(("a",), ("b", "c")), rate=0.1)
    kept = dropout.singles(torch.ones(ROWS, 3, dtype=torch.bool), torch_generator(0, "test"))
    assert set(map(tuple, kept.tolist())) == {(True, False, False), (False, True, True)}
    assert float(kept[:, 0].double().mean()) == pytest.approx(0.5, abs=0.02)


def test_a_modality_that_is_not_kept_has_a_mask_of_false() -> None:
    inputs = {name: Packed(torch.zeros(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)) for name in ("a", "b")}
    batch = Batch(inputs, torch.tensor([[True, True], [True, False]]))
    kept = keep(batch, torch.tensor([[True, False], [True, True]]))
    assert kept.presence.tolist() == [[True, False], [True, False]]
    assert kept.inputs["b"].mask.any(dim=1).tolist() == [False, True]
    assert kept.inputs["a"].mask.all()
