from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.config import from_plain, to_plain
from colonnade.core.trust.calibration import Platt
from colonnade.verticals.medical.detection.findings import Operating
from colonnade.verticals.medical.detection.operating import SIZES, _ratios
from colonnade.verticals.medical.evaluate import Outlined


def drawn(count: int, seed: int) -> list[Outlined]:
    """Small nodules are measured less truly than large ones."""
    generator = np.random.default_rng(seed)
    diameters = generator.uniform(3, 20, count)
    ratios = np.exp(generator.normal(0, 0.6 / diameters**0.5))
    return [Outlined(0.7, float(ratio), float(each)) for ratio, each in zip(ratios, diameters, strict=True)]


def test_diameter_bounds_hold_what_they_promise_for_every_size() -> None:
    operating = Operating(diameter_ratios=_ratios(drawn(600, 1), lambda each: each.ratio))
    fresh = drawn(20000, 2)
    low = 0.0
    for high in SIZES:
        here = [each for each in fresh if low <= each.diameter < high]
        bounds = [operating.ratios(each.diameter) for each in here]
        held = np.mean([few <= each.ratio <= many for each, (few, many) in zip(here, bounds, strict=True)])
        assert 0.86 < held < 0.97, (high, held)
        low = high
    widths = [many - few for _, few, many in operating.diameter_ratios]
    assert widths[0] > widths[-1]


def test_few_nodules_fix_no_bounds_of_their_own() -> None:
    assert _ratios([], lambda each: each.ratio) == tuple((high, 0.4, 2.5) for high in SIZES)
    rows = _ratios(drawn(60, 3), lambda each: each.ratio)
    assert len({(few, many) for _, few, many in rows}) <= 2


def test_an_operating_point_survives_its_json() -> None:
    operating = Operating(start=Platt(slope=0.7, offset=-2.0), diameter_ratios=((6.0, 0.8, 1.4), (1000.0, 0.9, 1.1)))
    assert from_plain(Operating, to_plain(operating)) == operating
    assert operating.ratios(5.9) == (0.8, 1.4)
    assert operating.ratios(6.0) == pytest.approx((0.9, 1.1))
