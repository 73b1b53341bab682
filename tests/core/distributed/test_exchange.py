"""Every strategy gives the mean within its precision, owes exactly what it left out, and counts what it sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from colonnade.core.distributed.lowrank import PowerSGD
from colonnade.core.distributed.quantised import BLOCK, Quantised, decode, encode
from colonnade.core.errors import ConfigError

SCRIPT = Path(__file__).with_name("exchange_script.py")
NUMBERS = 70 * 90 + 33 + 16 * 8 * 9 + 6
STEPS = 6


@pytest.fixture(scope="module", params=[2, 4], ids=["two ranks", "four ranks in two nodes"])
def found(request: pytest.FixtureRequest, on_ranks: Any) -> tuple[int, dict[str, Any]]:
    return request.param, on_ranks(SCRIPT, request.param, local=request.param // 2)


@pytest.mark.parametrize(
    ("name", "most"), [("plain", 1e-6), ("fp16", 2e-3), ("int8", 0.03), ("int4", 0.5), ("nodes", 0.03)]
)
def test_a_step_gives_the_mean_within_the_precision_of_its_codes(found: Any, name: str, most: float) -> None:
    assert found[1][name]["step"] < most
    assert found[1][name]["alike"]  # on every rank the same, to the last bit


@pytest.mark.parametrize("name", ["plain", "fp16", "int8", "int4", "powersgd", "nodes"])
def test_what_was_given_and_what_is_owed_sum_to_the_truth(found: Any, name: str) -> None:
    assert found[1][name]["books"] < 1e-5


def test_powersgd_owes_what_it_compressed_only(found: Any) -> None:
    assert found[1]["powersgd"]["owes"] == ["kernel", "matrix"]
    assert found[1]["powersgd"]["alike"]


def test_bytes_are_those_of_the_codes_whatever_the_number_of_ranks(found: Any) -> None:
    ranks, told = found
    ring = 2 * (ranks - 1) / ranks
    assert told["plain"]["across"] == pytest.approx(STEPS * ring * 4 * NUMBERS, rel=1e-3)
    part = -(-NUMBERS // (ranks * BLOCK)) * BLOCK  # a rank's part, in whole blocks
    for name, each in (("fp16", 2.0), ("int8", 1.0), ("int4", 0.5)):
        assert told[name]["across"] == STEPS * 2 * (ranks - 1) * part * (each + 4 / BLOCK)
    thin = 4 * (70 + 90) + 4 * (16 + 72) + 33 + 6
    assert told["powersgd"]["across"] == pytest.approx(STEPS * ring * 4 * thin, rel=1e-2)


def test_only_the_first_of_a_node_talks_across(found: Any) -> None:
    ranks, told = found
    assert (told["nodes"]["inside"] > 0) == (ranks == 4)
    two = -(-NUMBERS // (2 * BLOCK)) * BLOCK
    assert told["nodes"]["across"] == STEPS * 2 * two * (1 + 4 / BLOCK)  # two nodes, however many ranks they have


@pytest.mark.parametrize(("bits", "worst"), [(16, 2**-11), (8, 0.5 / 127), (4, 0.5 / 7)])
def test_a_code_is_off_by_half_a_level_at_most(bits: int, worst: float) -> None:
    rows = torch.randn(3, 2 * BLOCK, generator=torch.Generator().manual_seed(0))
    rows[1, :BLOCK] = 0.0
    rows[2] *= 1e-30
    off = (decode(encode(rows, bits), bits) - rows).view(3, 2, BLOCK).abs().amax(2)
    assert (off <= rows.view(3, 2, BLOCK).abs().amax(2) * worst * 1.001).all()


def test_a_gradient_that_is_not_finite_stays_so() -> None:
    rows = torch.ones(1, BLOCK)
    rows[0, 5] = torch.inf
    assert not torch.isfinite(decode(encode(rows, 8), 8)).all()


def test_bits_and_ranks_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match="16, 8 or 4 bits, got 3"):
        Quantised(3)
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        PowerSGD(0)
