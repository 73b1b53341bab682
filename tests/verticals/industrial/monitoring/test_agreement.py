from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.industrial.monitoring.agreement import attribute_agreement, cohen_kappa, fleiss_kappa

TRUTH = np.arange(50) % 2 == 0


def said(appraisers: int = 3, repeats: int = 3) -> np.ndarray:
    return np.repeat(np.repeat(TRUTH[:, None, None], appraisers, axis=1), repeats, axis=2)


def test_verdicts_that_are_always_right_agree_wholly():
    found = attribute_agreement(said(), TRUTH)
    assert found.acceptable
    assert found.fleiss_kappa == 1
    assert (found.all_right.hits, found.all_right.of) == (50, 50)
    assert found.all_right.low == pytest.approx(0.025 ** (1 / 50))


def test_a_miss_and_a_false_alarm_are_counted_where_they_belong():
    verdicts = said()
    verdicts[0, 1, 0] = False  # a bad part passed once by the second appraiser
    verdicts[1, 2, :] = True  # a good part rejected each time by the third
    first, second, third = attribute_agreement(verdicts, TRUTH).appraisers
    assert first.kappa == 1
    assert (second.misses.hits, second.misses.of, second.repeats.hits) == (1, 75, 49)
    assert (third.false_alarms.hits, third.repeats.hits, third.effective.hits) == (3, 50, 49)


def test_guessing_has_no_kappa():
    verdicts = said()
    verdicts[:, 0] = (np.arange(50) // 2 % 2 == 0)[:, None]
    found = attribute_agreement(verdicts, TRUTH)
    assert abs(found.appraisers[0].kappa) < 0.05
    assert not found.acceptable


def test_kappas_are_the_published_ones():
    one = np.array([True] * 20 + [True] * 5 + [False] * 10 + [False] * 15)
    two = np.array([True] * 20 + [False] * 5 + [True] * 10 + [False] * 15)
    assert cohen_kappa(one, two) == pytest.approx(0.4)  # the example of Wikipedia's "Cohen's kappa"
    assert fleiss_kappa(np.stack([one, two], axis=1)) == pytest.approx(0.3939, abs=1e-4)


def test_a_truth_of_good_parts_alone_is_refused():
    with pytest.raises(InputError, match="all of these are good"):
        attribute_agreement(said(), np.zeros(50, bool))
