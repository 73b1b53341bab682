from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.config import from_plain, to_plain
from colonnade.verticals.medical.attributes.crop import Crop
from colonnade.verticals.medical.attributes.examples import Example
from colonnade.verticals.medical.attributes.haze import HAZY, with_haze
from colonnade.verticals.medical.detection.findings import Operating

NOTHING = Crop(values=np.zeros((1, 1, 1), np.int16), mask=np.zeros((1, 1, 1), bool))


GLASS, SOLID = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)


def outlined(
    patient: int, *, density: float, diameter: float, ratio: float, texture: tuple[float, ...] = GLASS
) -> Example:
    """What a detector drew, `ratio` times too small."""
    return Example(
        crop=NOTHING, drawn="detector", patient=f"P{patient}", number=patient, diameter=diameter, size=diameter * ratio,
        votes={"texture": texture}, rating=3.0, ratings={}, volume=100.0, true_volume=100.0 * ratio**3, density=density,
    )  # fmt: skip


def many(count: int, *, density: float = -600.0) -> list[Example]:
    generator = np.random.default_rng(0)
    return [
        outlined(n, density=density, diameter=float(generator.uniform(3, 15)), ratio=float(generator.uniform(1.2, 2.0)))
        for n in range(count)
    ]


def test_hazy_masks_have_their_own_intervals_and_others_keep_theirs() -> None:
    operating = with_haze(Operating(), many(300))
    assert operating.hazy == HAZY
    for diameter in (4.0, 8.0, 12.0):
        few, most = operating.ratios(diameter, -600.0)
        assert few == pytest.approx(1.24, abs=0.06)
        assert most == pytest.approx(1.96, abs=0.05)
        least, largest = operating.swellings(diameter, -600.0)
        assert least == pytest.approx(few**3, abs=0.01)
        assert largest == pytest.approx(most**3, abs=0.01)
        for density in (HAZY, 30.0, float("nan")):
            assert operating.ratios(diameter, density) == Operating().ratios(diameter)
    assert operating.ratios(8.0) == Operating().ratios(8.0)
    assert from_plain(Operating, to_plain(operating)) == operating


def test_a_size_that_few_have_is_never_narrower_than_all_hazy_ones() -> None:
    large = [outlined(1000 + n, density=-600, diameter=20.0, ratio=1.5) for n in range(5)]
    small = [each for each in many(300) if each.diameter < 6]
    operating = with_haze(Operating(), [*small, *large])
    few, most = operating.ratios(20.0, -600.0)
    assert few < 1.3
    assert most > 1.9


def test_small_solid_nodules_that_look_hazy_do_not_hide_ground_glass() -> None:
    glass = [each for each in many(400) if each.diameter < 6]
    solid = [outlined(2000 + n, density=-550, diameter=4.0, ratio=1.0, texture=SOLID) for n in range(20 * len(glass))]
    operating = with_haze(Operating(), [*glass, *solid])
    few, most = operating.ratios(4.0, -600.0)
    assert few == 1.0
    assert most > 1.9


def test_too_few_hazy_patients_or_dense_ones_fix_nothing() -> None:
    assert with_haze(Operating(), many(10)) == Operating()
    assert with_haze(Operating(), many(100, density=30.0)) == Operating()
    assert with_haze(with_haze(Operating(), many(300)), []) == Operating()
