from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from colonnade.core.errors import InputError
from colonnade.verticals.industrial.maintenance.lessons import Prepared, boost, folds_of, learn
from colonnade.verticals.industrial.maintenance.network import Member, NetworkConfig
from colonnade.verticals.industrial.maintenance.records import CAP

from .conftest import TINY, machine


def test_life_falls_as_a_machine_nears_its_end(life):
    course = life.course(machine(50, length=130))
    assert course.life[-1] < 25
    assert course.life[20] > 60
    assert (course.low <= course.life).all()
    assert (course.life <= course.high).all()
    assert course.high.max() <= CAP


def test_health_never_rises_and_lies_between_one_and_zero(life):
    for number in range(60, 66):
        health = life.course(machine(number)).health
        assert (np.diff(health) <= 0).all()
        assert 0 <= health.min() <= 0.25
        assert 0.6 <= health.max() <= 1


def test_what_was_said_does_not_change_when_more_cycles_come(life):
    history = machine(51, length=120)
    whole, early = life.course(history), life.course(history.until(80))
    np.testing.assert_allclose(whole.life[: len(early.life)], early.life, atol=1e-4)
    assert early.cycles[-1] == 80


def test_one_cycle_asked_for_is_the_same_as_all_of_them(life):
    history = machine(52)
    np.testing.assert_allclose(life.course(history, [70]).life[0], life.course(history).life[70 - 24], atol=1e-4)


def test_flattened_trees_equal_the_boosting_they_come_from(fleet, life):
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows = np.random.default_rng(0).normal(size=(300, 4))
    model = HistGradientBoostingRegressor(max_iter=12, random_state=0).fit(rows, rows @ [1, 2, 0, -1])
    from colonnade.core.trees import Trees

    np.testing.assert_allclose(Trees.of(model).raw(rows), model.predict(rows), atol=1e-9)


def test_the_network_changes_nothing_before_it_has_learned():
    member = Member(NetworkConfig(channels=5), seed=0).eval()
    values, real = torch.randn(3, 60, 5), torch.ones(3, 60, dtype=torch.bool)
    assert member(values, real).abs().max() == 0


def test_padding_does_not_move_the_network():
    member = Member(NetworkConfig(channels=5), seed=0).eval()
    torch.nn.init.normal_(member.change.weight)
    values, real = torch.randn(2, 60, 5), torch.arange(60).expand(2, 60) >= 36
    other = torch.where(real[..., None], values, 99.0)
    torch.testing.assert_close(member(values, real), member(other, real))


def test_no_machine_is_judged_by_a_model_that_saw_it(fleet):
    folds = folds_of(len(fleet), TINY)
    assert sorted(np.concatenate(folds).tolist()) == list(range(len(fleet)))


def test_the_same_seed_gives_the_same_model(fleet, life):
    again = learn(fleet, TINY)
    np.testing.assert_array_equal(again.errors, life.errors)
    np.testing.assert_array_equal(again.trees.value, life.trees.value)


def test_too_few_machines_are_refused(fleet):
    with pytest.raises(InputError, match="at least 10 are needed"):
        learn(fleet[:5], TINY)


def test_too_few_cycles_near_a_failure_are_refused(fleet, life):
    far = [replace(history, truth=500.0) for history in fleet]
    prepared = Prepared.of(far, life.scale)
    with pytest.raises(InputError, match="too few to learn from"):
        boost(prepared, list(range(len(far))), TINY)
