from __future__ import annotations

import itertools

import pytest

from colonnade.core.errors import ConfigError
from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.monitoring.alarm import Alarm, Rule, units_between


def fed(alarm: Alarm, pattern: str) -> str:
    for mark in pattern:
        alarm.update(mark == "x")
    return alarm.state


def test_it_takes_m_of_the_last_n():
    rule = Rule(m=2, n=4)
    assert fed(Alarm("rejects", rule), "x...x") == "normal"
    assert fed(Alarm("rejects", rule), "x..x") == "raised"


def test_it_stays_latched_until_a_person_acknowledges_it():
    alarm = Alarm("rejects", Rule(m=2, n=3))
    assert fed(alarm, "xx...") == "returned"
    assert fed(alarm, "." * 50) == "returned"
    assert alarm.latched
    assert alarm.acknowledge("Ada")
    assert (alarm.state, alarm.by) == ("normal", "Ada")
    assert not alarm.acknowledge("Ada")


def test_acknowledged_while_it_lasts_it_goes_back_by_itself_and_is_raised_anew():
    alarm = Alarm("rejects", Rule(m=2, n=3))
    fed(alarm, "xx")
    assert alarm.acknowledge("Ada")
    assert alarm.state == "acknowledged"
    assert not alarm.update(True)
    assert fed(alarm, "...") == "normal"
    assert fed(alarm, "xx") == "raised"


def test_it_does_not_clear_until_the_count_is_low_enough():
    alarm = Alarm("rejects", Rule(m=3, n=4, clear=1))
    fed(alarm, "xxx")
    alarm.acknowledge("Ada")
    assert fed(alarm, "..") == "acknowledged"  # two of four are left
    assert fed(alarm, ".") == "normal"


def test_it_tells_itself_for_a_page():
    alarm = Alarm("rejects", Rule(m=2, n=3))
    alarm.update(True, "noon")
    assert alarm.update(True, "one")
    told = alarm.to_dict()
    assert (told["state"], told["since"], told["count"], told["m"], told["n"]) == ("raised", "one", 2, 2, 3)


@pytest.mark.parametrize(("m", "n", "clear"), [(0, 3, 0), (4, 3, 0), (2, 3, 2)])
def test_a_rule_that_cannot_be_is_refused(m, n, clear):
    with pytest.raises(ConfigError):
        Rule(m=m, n=n, clear=clear)


def test_units_between_false_alarms_are_those_of_known_chains():
    assert units_between(Rule(m=1, n=1), 0.01) == pytest.approx(100)
    assert units_between(Rule(m=2, n=2), 0.1) == pytest.approx(1 / 0.1 + 1 / 0.1**2)
    assert units_between(Rule(m=1, n=7), 0.05) == pytest.approx(20)


def test_units_between_false_alarms_are_those_of_a_simulation():
    rule, rate, lengths = Rule(m=2, n=5), 0.1, []
    generator = numpy_generator(0, "alarm")
    for _ in range(2_000):
        alarm = Alarm("rejects", rule)
        lengths.append(next(count for count in itertools.count(1) if alarm.update(bool(generator.random() < rate))))
    assert sum(lengths) / len(lengths) == pytest.approx(units_between(rule, rate), rel=0.06)
