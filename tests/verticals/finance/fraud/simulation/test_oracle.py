"""What the oracle promises: calibrated, better with more to see, blind to what has not come yet."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from colonnade.verticals.finance.fraud.simulation.generate import MODALITIES, Simulated, simulate
from colonnade.verticals.finance.fraud.simulation.oracle import oracle
from colonnade.verticals.finance.fraud.simulation.reports import came, late
from colonnade.verticals.finance.fraud.simulation.world import LabelConfig, WorldConfig

SMALL = WorldConfig(cards=80, terminals=80, shops=8, days=60, struck=2e-3)


@cache
def worlds() -> tuple[Simulated, ...]:
    return tuple(simulate(SMALL, seed=seed) for seed in range(4))


@cache
def scores(modalities: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    chance = [oracle(each, modalities) for each in worlds()]
    return np.concatenate(chance), np.concatenate([each.truth.fraud for each in worlds()])


@pytest.mark.parametrize("modalities", [("events",), MODALITIES])
def test_what_the_oracle_promises_is_what_happens(modalities):
    chance, fraud = scores(modalities)
    for low, high in ((0.0, 0.02), (0.02, 0.3), (0.3, 0.8), (0.8, 1.01)):
        inside = (chance >= low) & (chance < high)
        groups = 6.0  # frauds come in spells, so fewer things are independent than there are payments
        slack = 4 * np.sqrt(groups * (chance[inside] * (1 - chance[inside])).sum()) / inside.sum()
        assert inside.sum() > 30
        assert abs(chance[inside].mean() - fraud[inside].mean()) < slack + 0.01


def test_words_and_devices_raise_the_ceiling():
    found = {}
    for extra in ((), ("text",), ("device",), ("text", "device", "account")):
        chance, fraud = scores(("events", *extra))
        found[extra] = average_precision_score(fraud, chance)
    assert found["text",] > found[()]
    assert found["device",] > found[()]
    assert found["text", "device", "account"] > max(found["text",], found["device",])


def test_accounts_are_a_weak_prior_that_moves_the_right_way():
    blind, knowing = (scores(("events", *extra))[0] for extra in ((), ("account",)))
    risk = np.concatenate([each.world.risk[each.payments.card] for each in worlds()])
    online = np.concatenate([each.payments.online for each in worlds()])
    for group, sign in ((risk > 2, 1), (risk < 0.7, -1)):
        assert sign * (knowing[online & group].mean() - blind[online & group].mean()) > 0
    assert np.corrcoef(blind, knowing)[0, 1] > 0.95


def test_the_oracle_does_not_read_what_has_not_come():
    world = worlds()[0]
    chance = oracle(world, MODALITIES)
    middle = len(chance) // 2
    now = world.payments.second[middle]
    later = world.reports.known_at > now
    changed = replace(
        world.reports,
        fraud=np.where(later, ~world.reports.fraud, world.reports.fraud),
        known_at=np.where(later, world.reports.known_at + 1e6, world.reports.known_at),
    )
    blind = oracle(replace(world, reports=changed), MODALITIES)
    assert np.array_equal(chance[: middle + 1], blind[: middle + 1])
    assert not np.array_equal(chance, blind)


def test_reports_come_as_their_distribution_says():
    config = LabelConfig()
    delays = late(config, np.linspace(0.001, 0.999, 999))
    assert delays.min() >= config.least
    assert delays.max() <= config.most
    for days in (10.0, 20.0, 40.0):
        assert abs(came(config, np.array(days)) - (delays <= days).mean()) < 0.01


def test_labels_at_once_tell_the_oracle_more():
    early, slow = simulate(replace(SMALL, labels=LabelConfig(fixed=0.0)), seed=1), worlds()[1]
    assert np.array_equal(early.truth.fraud, slow.truth.fraud)
    assert average_precision_score(early.truth.fraud, oracle(early, MODALITIES)) > average_precision_score(
        slow.truth.fraud, oracle(slow, MODALITIES)
    )
