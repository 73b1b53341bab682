"""Joining requests and taking them apart again loses nothing, whatever their lengths; what cannot run is a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.engine.folder import Port
from colonnade.core.errors import FormatError, UnknownName
from colonnade.core.serving.batching import Joiner, lengths_of

INPUTS = (
    Port(name="words", shape=("batch", "length", "2"), dtype="float32"),
    Port(name="mask", shape=("batch", "length"), dtype="bool"),
    Port(name="side", shape=("batch", "3"), dtype="int64"),
)
OUTPUTS = (
    Port(name="sum", shape=("batch",), dtype="float32"),
    Port(name="each", shape=("batch", "length"), dtype="float32"),
)


def program(arrays):
    """A program whose answer does not depend on padding."""
    values = np.where(arrays["mask"][..., None], arrays["words"], 0)
    return {"sum": values.sum((1, 2)) + arrays["side"].sum(1), "each": values.sum(2)}


def request(rows: int, length: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    return {
        "words": generator.normal(size=(rows, length, 2)).astype(np.float32),
        "mask": np.ones((rows, length), bool),
        "side": generator.integers(0, 9, (rows, 3)),
    }


def test_requests_of_unequal_lengths_get_what_they_get_alone():
    joiner = Joiner(INPUTS, OUTPUTS, paddable=["length"])
    asked = [request(rows, length, seed) for seed, (rows, length) in enumerate([(1, 4), (3, 7), (2, 5), (1, 7)])]
    joined = joiner.joined([joiner.checked(each) for each in asked])
    assert joined.arrays["words"].shape == (7, 7, 2)
    assert not joined.arrays["mask"][0, 4:].any()
    for found, each in zip(joiner.parted(joined, program(joined.arrays)), asked, strict=True):
        for name, want in program(each).items():
            np.testing.assert_allclose(found[name], want, rtol=1e-5)


def test_padding_is_counted_by_its_cells():
    joiner = Joiner(INPUTS, OUTPUTS, paddable=["length"])
    joined = joiner.joined([joiner.checked(request(1, 4)), joiner.checked(request(1, 5))])
    assert (joined.cells, joined.padding) == ((8 + 4 + 3) + (10 + 5 + 3), 3)


def test_lengths_near_each_other_run_together_and_others_do_not():
    joiner = Joiner(INPUTS, OUTPUTS, paddable=["length"])
    keys = {length: joiner.key(joiner.checked(request(1, length))) for length in range(1, 60)}
    for one in keys:
        for other in keys:
            if keys[one] == keys[other]:
                assert max(one, other) / min(one, other) < 1.25
    assert keys[50] == keys[52]


def test_without_proof_only_equal_lengths_run_together():
    joiner = Joiner(INPUTS, OUTPUTS)
    keys = {joiner.key(joiner.checked(request(1, length))) for length in (50, 51, 52)}
    assert len(keys) == 3


def test_an_axis_whose_output_is_a_formula_is_never_padded():
    halves = (Port(name="half", shape=("batch", "length//2"), dtype="float32"),)
    assert lengths_of(INPUTS, OUTPUTS) == ("length",)
    assert lengths_of(INPUTS, halves) == ()


def test_a_program_without_a_batch_in_front_runs_one_by_one():
    assert Joiner(INPUTS, OUTPUTS).batch == "batch"
    assert Joiner(INPUTS, (Port(name="all", shape=("1",), dtype="float32"),)).batch is None


def test_whole_numbers_may_stand_for_others_and_fractions_may_not():
    joiner = Joiner(INPUTS, OUTPUTS)
    asked = joiner.checked({**request(1, 2), "words": np.ones((1, 2, 2), np.int32), "side": np.ones((1, 3), np.uint8)})
    assert [asked.arrays[name].dtype for name in ("words", "side")] == [np.float32, np.int64]
    with pytest.raises(FormatError, match="side holds int64"):
        joiner.checked({**request(1, 2), "side": np.full((1, 3), 0.5)})
    with pytest.raises(FormatError, match="too large"):
        joiner.checked({**request(1, 2), "side": np.full((1, 3), 2**64 - 1, np.uint64)})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"words": np.ones((1, 2, 3), np.float32)}, "words is"),
        ({"words": np.ones((1, 2), np.float32)}, "words is"),
        ({"mask": np.ones((1, 3), bool)}, "length = 2 here"),
        ({"mask": np.ones((2, 2), bool)}, "batch = 1 here"),
        ({"mask": np.ones((1, 2), np.float32)}, "mask holds bool"),
        ({"words": np.ones((1, 0, 2), np.float32), "mask": np.ones((1, 0), bool)}, "length"),
    ],
)
def test_other_axes_and_other_numbers_are_refused(change, match):
    with pytest.raises(FormatError, match=match):
        Joiner(INPUTS, OUTPUTS).checked({**request(1, 2), **change})


def test_missing_and_unknown_inputs_are_refused():
    asked = request(1, 2)
    with pytest.raises(UnknownName, match="did you mean 'mask'"):
        Joiner(INPUTS, OUTPUTS).checked({**asked, "maks": asked["mask"]})
    del asked["mask"]
    with pytest.raises(FormatError, match="mask was not given"):
        Joiner(INPUTS, OUTPUTS).checked(asked)
