from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.medical.correction.clicks import Click, correcting
from colonnade.verticals.medical.correction.mend import SURE, mended
from colonnade.verticals.medical.correction.outline import Outline
from colonnade.verticals.medical.correction.redraw import Drawing

EVEN = (1.0, 1.0, 1.0)
EMPTY = Outline.of(np.zeros((0, 3), int))


def cuboid(low: tuple[int, int, int], size: int) -> Outline:
    return Outline(low=np.array(low), mask=np.ones((size,) * 3, bool))


def drawn(outline: Outline) -> Drawing:
    """A network that is sure of an outline."""
    return Drawing(low=outline.low - 2, logits=np.pad(outline.mask, 2) * 8.0 - 4)


def voxels(outline: Outline) -> set[tuple[int, ...]]:
    return {tuple(each) for each in outline.where.tolist()}


def on(outline: Outline, size: int) -> np.ndarray:
    return outline.on(np.zeros(3, int), np.full(3, size))


def test_a_positive_click_only_adds_and_a_negative_one_only_takes_away():
    before, other = cuboid((10, 10, 10), 6), cuboid((12, 10, 10), 6)
    more = mended(before, drawn(other), [Click(at=(17, 12, 12), positive=True)], EVEN)
    assert voxels(before) < voxels(more) <= voxels(before) | voxels(other)
    less = mended(before, drawn(other), [Click(at=(11, 12, 12), positive=False)], EVEN)
    assert voxels(before) & voxels(other) <= voxels(less) < voxels(before)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_network_says_a_click_holds_its_sense_and_its_voxel(seed: int):
    generator = np.random.default_rng(seed)
    before = Outline.of(np.argwhere(generator.random((14, 14, 14)) < generator.uniform(0.02, 0.9)))
    said = Drawing(low=np.array([-1, 2, 0]), logits=generator.normal(size=(13, 9, 17)).astype(np.float32))
    positive = bool(generator.integers(2))
    place = tuple(generator.integers(0, 14, 3).tolist())
    after = mended(before, said, [Click(at=place, positive=positive)], (0.7, 0.7, 3.0))
    assert (place in voxels(after)) == positive
    if positive:
        assert voxels(before) <= voxels(after)
    else:
        assert voxels(after) <= voxels(before)


def test_where_the_network_agrees_a_click_changes_only_what_is_near_it():
    before = cuboid((10, 10, 10), 10)
    said = drawn(Outline(low=np.array((9, 10, 10)), mask=np.ones((12, 10, 10), bool)))
    after = voxels(mended(before, said, [Click(at=(9, 15, 15))], EVEN)) - voxels(before)
    assert (9, 15, 15) in after
    assert {each[0] for each in after} == {9}
    assert all(np.linalg.norm(np.array(each) - (9, 15, 15)) <= 2 for each in after)


def test_a_click_at_the_middle_of_an_error_cannot_spoil_a_good_outline_by_more_than_a_small_share():
    truth = cuboid((10, 10, 10), 10)
    before = Outline(low=np.array((10, 10, 10)), mask=np.ones((10, 10, 9), bool))
    wrong = drawn(Outline(low=np.array((9, 10, 10)), mask=np.ones((12, 10, 10), bool)))
    click = correcting(on(truth, 30), on(before, 30), EVEN)
    assert click is not None
    after = mended(before, wrong, [click], EVEN)
    outside = voxels(after) - voxels(truth)
    assert len(outside) <= SURE[True] * before.mask.sum()


@pytest.mark.parametrize("spacing", [EVEN, (0.7, 0.7, 4.0)])
@pytest.mark.parametrize("side", ["most", "none", "moved", "noise"])
def test_no_true_click_costs_a_good_outline_more_than_a_fiftieth_however_wrong_the_network(
    spacing: tuple[float, float, float], side: str
):
    generator, tried = np.random.default_rng(3), 0
    for _ in range(30):
        truth, old = blob(generator, spacing), blob(generator, spacing)
        if dice(truth, old) < 0.8:
            continue
        said = Drawing(low=np.zeros(3, int), logits=contrary(side, truth, generator))
        for _ in range(3):
            click = correcting(truth, old, spacing)
            if click is None:
                break
            new = on(mended(Outline.of(np.argwhere(old)), said, [click], spacing), 32)
            assert dice(truth, new) >= dice(truth, old) - 0.02
            old, tried = new, tried + 1
    assert tried > 10


def blob(generator: np.random.Generator, spacing: tuple[float, float, float]) -> np.ndarray:
    """A ball of about 8 mm that is a little off and a little rough."""
    grid = np.stack(np.meshgrid(*(np.arange(32),) * 3, indexing="ij"), -1)
    away = np.linalg.norm((grid - 16 - generator.normal(0, 0.25, 3)) * spacing, axis=-1)
    return away + generator.normal(0, 0.3, away.shape) < generator.uniform(3.8, 4.3)


def contrary(side: str, truth: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Logits of a network that would draw far too much, nothing, the nodule elsewhere, or anything."""
    if side == "moved":
        return np.where(np.roll(truth, 3, 0), 5.0, -5.0).astype(np.float32)
    noise = generator.normal(size=truth.shape).astype(np.float32)
    return noise + {"most": 9, "none": -9, "noise": 0}[side]


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_an_outline_that_one_click_drew_is_a_guess_and_another_is_not():
    before, said = cuboid((10, 10, 10), 4), drawn(cuboid((11, 11, 11), 2))
    clicks = [Click(at=(12, 12, 12)), Click(at=(10, 10, 10), positive=False)]
    guess, kept = (mended(before, said, clicks, EVEN, fresh=each) for each in (True, False))
    assert len(voxels(guess)) < len(voxels(kept))
    assert len(voxels(before) - voxels(kept)) <= 1 + SURE[False] * before.mask.sum()


def test_a_second_click_of_the_first_ones_sense_draws_anew_where_the_network_still_disagrees():
    before, other = cuboid((10, 10, 10), 8), cuboid((13, 13, 13), 5)
    clicks = [Click(at=(10, 10, 10), positive=False), Click(at=(11, 11, 11), positive=False)]
    assert voxels(mended(before, drawn(other), clicks, EVEN)) == voxels(other)
    for few in (clicks[1:], [Click(at=(12, 12, 12)), clicks[1]], [clicks[0], *clicks]):
        assert len(voxels(before) - voxels(mended(before, drawn(other), few, EVEN))) < 60
    alike = drawn(cuboid((10, 10, 10), 7))
    assert len(voxels(before) - voxels(mended(before, alike, clicks, EVEN))) < 60


def test_a_part_that_a_click_cuts_off_stays_unless_it_is_small():
    neck = [(11, 11, 16)]
    two = Outline.of(np.concatenate([cuboid((10, 10, 10), 6).where, neck, cuboid((10, 10, 17), 4).where]))
    after = mended(two, drawn(two), [Click(at=neck[0], positive=False)], EVEN)
    assert voxels(two) - voxels(after) == set(neck)
    crumb = Outline.of(np.concatenate([cuboid((10, 10, 10), 6).where, neck, [(11, 11, 17)]]))
    gone = mended(crumb, drawn(crumb), [Click(at=neck[0], positive=False)], EVEN)
    assert voxels(crumb) - voxels(gone) == {*neck, (11, 11, 17)}


def test_every_click_holds_at_its_own_voxel():
    before, other = cuboid((10, 10, 10), 4), drawn(cuboid((10, 10, 10), 4))
    clicks = [Click(at=(14, 11, 11)), Click(at=(11, 11, 11), positive=False)]
    after = voxels(mended(mended(before, other, clicks[:1], EVEN), other, clicks, EVEN))
    assert (14, 11, 11) in after
    assert (11, 11, 11) not in after


def test_pieces_that_no_click_asked_for_fall_away():
    both = Outline.of(np.concatenate([cuboid((10, 10, 10), 3).where, cuboid((30, 30, 30), 5).where]))
    assert voxels(mended(EMPTY, drawn(both), [Click(at=(11, 11, 11))], EVEN)) == voxels(cuboid((10, 10, 10), 3))


def test_a_positive_click_keeps_an_outline_of_two_pieces_whole():
    two = Outline.of(np.concatenate([cuboid((10, 10, 10), 3).where, cuboid((20, 20, 20), 5).where]))
    after = mended(two, drawn(cuboid((20, 20, 20), 6)), [Click(at=(25, 22, 22))], EVEN)
    assert voxels(two) <= voxels(after)
