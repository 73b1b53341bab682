"""The cost model says what its formulas say, and docs/scale.md shows what it says."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("cost_of_scale", ROOT / "benchmarks" / "cost_of_scale.py")
assert _spec is not None
assert _spec.loader is not None
scale = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scale)


def test_one_device_computes_and_exchanges_nothing() -> None:
    alone = scale.cost(scale.SMALL, scale.OFFICE, 1, strategy="int8")
    assert (alone.exchange, alone.coding, alone.efficiency) == (0.0, 0.0, 1.0)


def test_a_ring_of_four_sends_one_and_a_half_times_the_gradient_in_six_messages() -> None:
    assert scale.ring(4, 1000.0, alpha=2.0, rate=10.0) == pytest.approx(6 * 2.0 + 1.5 * 1000.0 / 10.0)


def test_by_node_a_step_costs_a_ring_inside_and_a_compressed_one_across() -> None:
    job, rack = scale.LARGE, scale.RACK
    found = scale.cost(job, rack, 64, strategy="int8", by_node=True).exchange
    inside = scale.ring(8, 4e9, alpha=rack.alpha_in, rate=rack.rate_in)
    across = scale.ring(8, 4e9 * scale.SHARES["int8"], alpha=rack.alpha, rate=rack.rate)
    assert found == pytest.approx(inside + across + 2 * 6 * rack.alpha)


def test_codes_pay_on_a_slow_link_and_cost_on_a_fast_one() -> None:
    fast = replace(scale.OFFICE, rate=1e12, alpha=0.0)
    for cluster, pays in ((scale.OFFICE, True), (fast, False)):
        plain, coded = (scale.cost(scale.SMALL, cluster, 8, strategy=each).total for each in ("plain", "int8"))
        assert (coded < plain) == pays


def test_efficiency_falls_as_devices_are_added() -> None:
    for job, cluster in ((scale.SMALL, scale.OFFICE), (scale.LARGE, scale.RACK), (scale.LARGE, scale.HALL)):
        for strategy in scale.SHARES:
            found = [scale.cost(job, cluster, count, strategy=strategy).efficiency for count in (1, *scale.DEVICES)]
            assert found == sorted(found, reverse=True)


def test_shards_divide_the_memory() -> None:
    assert scale.memory(1e9, 64, sharded=False) == 16e9
    assert scale.memory(1e9, 64, sharded=True) == 16e9 / 64


def test_nodes_that_are_not_full_are_refused() -> None:
    with pytest.raises(ValueError, match="12 devices do not fill nodes of 8"):
        scale.cost(scale.LARGE, scale.RACK, 12)


def test_the_page_shows_the_tables_of_the_model() -> None:
    assert scale.page() in (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
