"""That the made-up world gives nothing away: no word, device or number by itself tells fraud; seeds differ."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from colonnade.verticals.finance.fraud.simulation.generate import Simulated, masked, simulate
from colonnade.verticals.finance.fraud.simulation.payments import SKIMMED, TAKEN
from colonnade.verticals.finance.fraud.simulation.words import PHRASES
from colonnade.verticals.finance.fraud.simulation.world import WorldConfig


@pytest.fixture(scope="module")
def world() -> Simulated:
    return simulate(WorldConfig(cards=500, terminals=700), seed=3)


def test_no_word_is_used_by_fraud_alone(world):
    counts, frauds = Counter(), Counter()
    for text, fraud in zip(world.events.text.tolist(), world.truth.fraud.tolist(), strict=True):
        for word in set(text.split()):
            counts[word] += 1
            frauds[word] += fraud
    often = [word for word, count in counts.items() if count >= 40]
    assert all(frauds[word] < 0.5 * counts[word] for word in often)
    assert all(any(part.upper() in often for part in phrase.split()) for phrase in PHRASES)


def test_no_device_that_thieves_use_again_is_theirs_alone(world):
    pooled = Counter(world.events.device[world.devices.source == 3].tolist())
    for device in [device for device, count in pooled.items() if count >= 12]:
        assert not world.truth.fraud[world.events.device == device].all()


def test_no_column_alone_tells_fraud(world):
    events, fraud = world.events, world.truth.fraud
    _, terminal, visits = np.unique(events.terminal, return_inverse=True, return_counts=True)
    _, device, uses = np.unique(events.device, return_inverse=True, return_counts=True)
    _, word = np.unique(events.text, return_inverse=True)
    columns = {
        "amount": events.amount,
        "hour": events.time % 86_400,
        "visits": visits[terminal],
        "uses": uses[device],
        "word": word,
        "account_days": world.world.account_days[world.payments.card],
        "band": world.world.band[world.payments.card],
    }
    for name, values in columns.items():
        area = roc_auc_score(fraud, values)
        assert max(area, 1 - area) < 0.8, name


def test_the_date_alone_tells_nothing(world):
    late = world.payments.day >= 84
    area = roc_auc_score(world.truth.fraud[late], world.payments.day[late])
    assert 0.4 < area < 0.6


def test_seeds_differ_in_everything(world):
    other = simulate(WorldConfig(cards=500, terminals=700), seed=4)
    assert not np.array_equal(world.world.mean, other.world.mean)
    assert len(world.events) != len(other.events)
    assert not set(world.events.device.tolist()) & set(other.events.device.tolist()) - {""}
    struck = [set(each.events.terminal[each.truth.scenario == SKIMMED].tolist()) for each in (world, other)]
    taken = [set(each.events.card[each.truth.scenario >= TAKEN].tolist()) for each in (world, other)]
    for first, second in (struck, taken):
        assert len(first & second) < 0.5 * min(len(first), len(second))


def test_the_same_seed_is_the_same_world(world):
    again = simulate(WorldConfig(cards=500, terminals=700), seed=3)
    assert np.array_equal(world.events.text, again.events.text)
    assert np.array_equal(world.labels.known_at, again.labels.known_at)


def test_the_base_scenarios_follow_the_handbook(world):
    payments, config = world.payments, world.world.config
    big = payments.amount / np.where(payments.far, 1.5, 1.0)
    assert big[payments.reason == 1].min() > config.big
    for terminal in np.unique(payments.terminal[payments.reason == SKIMMED]):
        here = payments.terminal == terminal
        days = payments.day[here & (payments.reason == SKIMMED)]
        inside = here & (payments.day >= days.min()) & (payments.day <= days.max())
        assert np.ptp(days) < config.struck_days
        assert world.truth.fraud[inside].all()
    unseen = payments.day[payments.reason == TAKEN + 2]
    assert unseen.min() >= 0.85 * config.days


def test_masking_leaves_only_what_is_asked_for(world):
    few = masked(world.events, ("events", "device"))
    assert few.text is None
    assert few.account is None
    assert few.device is not None
