from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from scipy import ndimage

from colonnade.core.errors import InputError
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.attributes import examples as attributes_examples
from colonnade.verticals.medical.attributes.describe import CLASSES
from colonnade.verticals.medical.attributes.examples import Known, gather_examples, votes_of
from colonnade.verticals.medical.attributes.scores import attribute_scores, auc, inside, suspicion_scores
from colonnade.verticals.medical.attributes.training import Learning, Rows, bounded, expanded, folds, learn, rows_of
from colonnade.verticals.medical.detection.detector import Detector
from colonnade.verticals.medical.simulation.patches import background_of
from colonnade.verticals.medical.simulation.shapes import RATINGS, STEP, Drawing, Nodule, Shape


def nodule(number: int, *, radius: float = 6.0, **rated: tuple[int, int, int]) -> Known:
    """A ball with the ratings of three readers."""
    each = {name: rated.get(name, (5, 5, 5)) for name in RATINGS}
    drawings = tuple(
        Drawing(contours=(), ratings={name: three[reader] for name, three in each.items()}) for reader in range(3)
    )
    line = (np.arange(31) - 15) * STEP
    away = np.sqrt(line[:, None, None] ** 2 + line[:, None] ** 2 + line**2)
    ratings = {name: float(np.mean(three)) for name, three in each.items()}
    shape = Shape(patient=f"P{number}", number=number, distance=(radius - away).astype(np.float32), ratings=ratings)
    return Known(Nodule(patient=f"P{number}", number=number, pixel=0.7, step=2.0, drawings=drawings), shape)


def rows(count: int = 400, seed: int = 0) -> Rows:
    """Two masks a patient whose first measurement tells the rating, and whose second the texture."""
    generator = np.random.default_rng(seed)
    values = np.repeat(generator.normal(size=(count // 2, 4)), 2, axis=0)
    ratings = np.clip(3 + 0.9 * values[:, 0] + generator.normal(0, 0.3, count), 1, 5)
    solid = (values[:, 1] > 0).astype(float)
    votes = [solid, 1 - solid, 0 * solid]
    for _ in range(len(CLASSES) - 1):
        first = (generator.random(count) < 0.75).astype(float)
        votes += [first, 1 - first]
    values[:, 3] = np.log(4 + 10 * generator.random(count))
    names = ("one", "two", "noise", "log_diameter")
    named = [dict(zip(names, map(float, row), strict=True)) for row in values]
    patients = np.array([f"P{n // 2}" for n in range(count)])
    which = np.arange(count)
    return Rows(values, np.stack(votes, axis=1), ratings, which % 2 == 0, patients, named, which // 2)


QUICK = Learning(members=2, width=16, epochs=8, batch=32)


def test_votes_are_the_shares_of_readers() -> None:
    votes = votes_of(
        nodule(
            0, texture=(1, 3, 5), margin=(5, 3, 1), spiculation=(1, 2, 4), lobulation=(3, 4, 5), calcification=(6, 6, 3)
        ).nodule
    )
    assert votes["texture"] == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert votes["margin"] == pytest.approx((0.5, 0.5))
    assert votes["spiculation"] == pytest.approx((2 / 3, 1 / 3))
    assert votes["lobulation"] == pytest.approx((0, 1))
    assert votes["calcification"] == pytest.approx((2 / 3, 1 / 3))


def test_all_masks_of_a_patient_are_in_one_fold() -> None:
    part = folds(np.array(list("aabbccddee")), 3, seed=0)
    assert set(part) == {0, 1, 2}
    assert (part[::2] == part[1::2]).all()


def test_what_measurements_tell_is_learnt_and_what_they_do_not_stays_at_its_share() -> None:
    describer = learn(rows(), QUICK, seed=0)
    unseen = rows(200, seed=1)
    scores = attribute_scores(describer, unseen, rounds=50)
    assert scores["texture"].auc.value > 0.9
    assert scores["margin"].auc.low < 0.5 < scores["margin"].auc.high
    told = describer.read(unseen.named)
    assert np.mean([each.attributes["margin"].probabilities["sharp"] for each in told]) == pytest.approx(0.75, abs=0.06)
    held = inside(told, unseen.ratings)
    assert 0.85 < held.mean() < 0.995
    found = suspicion_scores(describer, unseen, {"noise": unseen.measures[:, 2]}, rounds=50)
    assert found.auc.value > 0.95 > found.rivals["noise"].value
    assert found.gain.low > 0


def test_bounds_are_fixed_on_patients_that_no_network_knows_and_change_no_answer() -> None:
    describer = learn(rows(), QUICK, seed=0)
    noisy = rows(600, seed=1)
    noisy = noisy._replace(ratings=np.clip(noisy.ratings + np.random.default_rng(2).normal(0, 1.5, 600), 1, 5))
    wide = bounded(describer, rows(), noisy, seed=0)
    unseen = rows(200, seed=3)
    assert (
        inside(wide.read(unseen.named), unseen.ratings).mean()
        > inside(describer.read(unseen.named), unseen.ratings).mean()
    )
    for one, other in zip(wide.read(unseen.named), describer.read(unseen.named), strict=True):
        assert (one.rating, one.malignancy.value) == (other.rating, other.malignancy.value)  # type: ignore[union-attr]
    bare = noisy.of(np.zeros(600, bool))
    assert bounded(describer, rows(), bare, seed=0).config == describer.config


def test_networks_of_another_split_are_not_bounded() -> None:
    describer = learn(rows(seed=5), QUICK, seed=0)
    with pytest.raises(InputError, match="other patients, or with another seed"):
        bounded(describer, rows(seed=5), rows(seed=1), seed=1)


def test_the_same_seed_learns_the_same() -> None:
    one, other = (learn(rows(), QUICK, seed=3) for _ in range(2))
    for name, each in one.tensors().items():
        assert np.array_equal(each, other.tensors()[name]), name
    assert one.config == other.config


def test_each_vote_becomes_a_label() -> None:
    logits, labels = expanded(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.25, 0.75]]))
    assert labels.tolist() == [0] * 24 + [0] * 6 + [1] * 18
    assert (logits[:24] == [1, 2]).all()
    assert (logits[24:] == [3, 4]).all()


def test_area_under_the_curve_counts_pairs_and_halves_ties() -> None:
    labels, scores = np.array([True, False, True, False]), np.array([0.9, 0.1, 0.4, 0.4])
    assert auc(labels, scores) == pytest.approx(3.5 / 4)
    with pytest.raises(InputError, match="both labels"):
        auc(np.ones(3, bool), np.arange(3.0))


def test_every_nodule_comes_with_its_true_mask_and_the_detectors_where_it_is_found(
    bare: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    background = background_of(bare)
    assert background is not None
    seen: list[Array] = []

    def bright(detector: Detector, values: Array, region: Array) -> Array:
        seen.append(values)
        labels, _ = ndimage.label(values > -300)
        sizes = np.bincount(labels.ravel())
        balls = (labels > 0) & (sizes < 3000)[labels] & (sizes > 50)[labels]
        depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(balls), 1)  # one peak a ball
        return np.where(balls, 1 - np.exp(-1 - depth), 0.0).astype(np.float32)

    monkeypatch.setattr(attributes_examples, "slide", bright)
    known = [nodule(n, malignancy=(4, 4, 5), calcification=(6, 6, 6)) for n in range(3)]
    found = gather_examples(cast(Detector, None), [background], known, rounds=2, seed=0, outline=0.5)
    assert len(seen) == 2
    assert {each.drawn for each in found} == {"truth", "detector"}
    true = [each for each in found if each.drawn == "truth"]
    assert all(each.rating == pytest.approx(13 / 3) for each in found)
    assert all(9 < each.size < 16 for each in true)
    assert all(each.crop.values[each.crop.mask].mean() > -300 for each in true)
    table = rows_of(found)
    assert table.measures.shape == (len(found), len(table.named[0]))
    assert table.met.sum() == len(found) - len(true)
