from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.medical.attributes.bounds import Answers, fit_margins, grouped_quantile
from colonnade.verticals.medical.attributes.describe import MOST

SOLID, PART = 0, 1


def answers(count: int, seed: int, *, part: float = 0.05, small: float = 0.5) -> Answers:
    """Two masks of each nodule, one nodule a patient; part-solid ones are rated a point higher and look like others."""
    generator = np.random.default_rng(seed)
    textures = (generator.random(count) < part).astype(int)
    strata = np.where(generator.random(count) < small, "small", "large")
    away = generator.normal(0, np.where(strata == "small", 0.3, 0.6)) + 1.0 * (textures == PART)
    which = np.repeat(np.arange(count), 2)
    return Answers(np.full(2 * count, 3.0), 3 + away[which], strata[which], textures[which], which, which)


def held(margins: dict[str, tuple[float, float]], found: Answers) -> np.ndarray:
    low, high = np.array([margins[str(name)] for name in found.strata]).T
    away = found.ratings - found.expected
    return (away >= -low - 1e-9) & (away <= high + 1e-9)


def test_a_texture_that_cannot_be_told_has_its_coverage_all_the_same() -> None:
    margins = fit_margins(answers(2000, 0), coverage=0.9)
    fresh = answers(20000, 1)
    inside = held(margins, fresh)
    for name in ("small", "large"):
        assert inside[fresh.strata == name].mean() > 0.89
    assert inside[fresh.textures == PART].mean() > 0.88
    blind = fit_margins(answers(2000, 0)._replace(textures=np.zeros(4000, int)), coverage=0.9)
    assert held(blind, fresh)[fresh.textures == PART].mean() < 0.7
    assert margins["small"][0] == pytest.approx(blind["small"][0])
    assert margins["small"][1] > blind["small"][1]
    assert margins["large"][0] > margins["small"][0]


def test_a_stratum_that_few_patients_have_is_never_narrower_than_everyone() -> None:
    many, few = answers(400, 2, part=0), answers(12, 3, part=0, small=0)
    sure = few._replace(ratings=few.expected, nodules=few.nodules + 1000, patients=few.patients + 1000,
                        strata=np.full(24, "rare"))  # fmt: skip
    both = Answers(*(np.concatenate(pair) for pair in zip(many, sure, strict=True)))
    margins = fit_margins(both, coverage=0.9)
    assert margins["rare"] == margins[""]
    frequent = answers(60, 3, part=0, small=0)._replace(strata=np.full(120, "rare"), ratings=np.full(120, 3.0))
    frequent = frequent._replace(nodules=frequent.nodules + 1000, patients=frequent.patients + 1000)
    both = Answers(*(np.concatenate(pair) for pair in zip(many, frequent, strict=True)))
    assert fit_margins(both, coverage=0.9)["rare"] == (0.0, 0.0)


def test_margins_never_reach_beyond_the_scale_and_need_someone() -> None:
    wild = answers(30, 4)
    wild = wild._replace(ratings=wild.ratings + 50.0)
    assert all(each <= MOST for pair in fit_margins(wild, coverage=0.9).values() for each in pair)
    with pytest.raises(InputError, match="there is none"):
        fit_margins(wild.of(np.zeros(60, bool)), coverage=0.9)


def test_a_nodule_counts_once_and_one_patient_more_is_infinitely_far() -> None:
    scores, nodules = np.array([1.0, 2, 3, 4, 9, 9, 9, 9]), np.array([0, 1, 2, 3, 4, 4, 4, 4])
    assert grouped_quantile(scores, nodules, nodules, 0.6) == 4.0  # the fourth of five: .6 of five and one more is .72
    assert grouped_quantile(scores, nodules, nodules, 0.7) == 9.0
    assert grouped_quantile(scores, nodules, np.zeros(8), 0.6) == 9.0  # one patient promises nothing: the largest
    assert grouped_quantile(np.array([1.0, np.inf]), np.arange(2), np.arange(2), 0.9) == 1.0


def test_what_lies_below_its_bounds_is_not_helped_by_raising_them() -> None:
    found = answers(400, 5)
    low = np.where(found.textures == PART, 3 - 2.5, found.ratings)
    margins = fit_margins(found._replace(ratings=low), coverage=0.9)
    assert margins["small"][1] < 0.9
    assert SOLID in found.textures
