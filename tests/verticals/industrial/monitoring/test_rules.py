from __future__ import annotations

import pytest

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.monitoring.rules import NELSON, RULES, TESTS, WESTERN_ELECTRIC, broken

BREAKS = {
    "beyond 3 sigma": [0, 3.1],
    "9 on one side": [0.2] * 9,
    "6 rising or falling": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    "14 alternating": [1, -1] * 7,
    "2 of 3 beyond 2 sigma": [2.1, 0, 2.1],
    "4 of 5 beyond 1 sigma": [1.1, 1.1, 0, 1.1, 1.1],
    "15 within 1 sigma": [0.5, -0.5, 0.2] * 5,
    "8 outside 1 sigma": [1.5, -1.5] * 4,
    "8 on one side": [-0.2] * 8,
}
ALMOST = {
    "beyond 3 sigma": [3.1, 0],
    "9 on one side": [0.2] * 8,
    "6 rising or falling": [0.1, 0.2, 0.3, 0.4, 0.5],
    "14 alternating": [1, -1] * 6 + [1],
    "2 of 3 beyond 2 sigma": [2.1, 0, -2.1],
    "4 of 5 beyond 1 sigma": [1.1, 1.1, 0, -1.1, 1.1],
    "15 within 1 sigma": [0.5, -0.5, 0.2] * 4 + [0.5, 1.1, 0.2],
    "8 outside 1 sigma": [1.5] * 8,
    "8 on one side": [-0.2] * 7 + [0.2],
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_sees_its_pattern_and_not_the_one_beside_it(rule):
    assert broken(BREAKS[rule], [rule]) == (rule,)
    assert broken(ALMOST[rule], [rule]) == ()


def test_every_rule_is_said_in_a_sentence_and_has_a_test():
    assert set(RULES) == set(TESTS)
    assert len(NELSON) == 8
    assert set(WESTERN_ELECTRIC) <= set(RULES)


def test_a_process_in_control_breaks_the_western_electric_rules_about_once_in_ninety_values():
    generator = numpy_generator(0, "rules")  # Champ and Woodall 1987: 91.75
    lengths = []
    for _ in range(300):
        values: list[float] = []
        while not values or not broken(values[-15:], WESTERN_ELECTRIC):
            values.append(float(generator.normal()))
        lengths.append(len(values))
    assert 78 < sum(lengths) / len(lengths) < 107
