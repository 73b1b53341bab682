"""The network beside the boosting: it starts at its logit, needs nothing but events, and scores live as in batches."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain, combinations

import numpy as np
import pytest
import torch

from colonnade.core.errors import FormatError
from colonnade.verticals.finance.fraud.network.batches import answers, batch_of, prepared
from colonnade.verticals.finance.fraud.network.evidence import Evidence
from colonnade.verticals.finance.fraud.network.live import Live
from colonnade.verticals.finance.fraud.network.model import MODALITIES, Network, NetworkConfig
from colonnade.verticals.finance.fraud.network.residual import Residual
from colonnade.verticals.finance.fraud.network.tracker import payments_of, track
from colonnade.verticals.finance.fraud.network.training import Examples, Schedule, thinned
from colonnade.verticals.finance.fraud.simulation.generate import Simulated, masked, simulate
from colonnade.verticals.finance.fraud.simulation.world import WorldConfig

TINY = NetworkConfig(width=16, heads=2, window=6, buckets=64, vocabulary=128)
OPTIONAL = MODALITIES[1:]


@pytest.fixture(scope="module")
def world() -> Simulated:
    return simulate(WorldConfig(cards=24, terminals=24, shops=5, days=60, struck=6e-3), seed=0)


@pytest.fixture(scope="module")
def fitted(world) -> tuple[Residual, np.ndarray, np.ndarray]:
    rows = np.flatnonzero(world.labels.known_at < world.events.time[-1])
    logits = np.tile(np.log(np.maximum(world.events.amount[rows], 1))[:, None] - 8, (1, 4))
    schedule = Schedule(epochs=1, cards=12, base=0.2)
    return (
        Residual.fit(world.events, rows, world.labels.fraud[rows], logits, config=TINY, schedule=schedule),
        rows,
        logits,
    )


def moved(network: Network) -> Network:
    """The network with every weight that starts at zero away from it."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network


def test_the_answer_starts_at_the_boosting(world):
    network = Network(replace(TINY, numbers=("account_days",), categories=("income",)))
    rows = np.arange(0, len(world.events), 9)
    logits = np.linspace(-8, 3, len(rows))
    ready = prepared(world.events, Evidence(weights=np.zeros(4097)))
    for found in answers(network, ready, rows, logits).values():
        assert np.abs(found - logits).max() < 1e-5


@pytest.mark.parametrize("given", list(chain.from_iterable(combinations(OPTIONAL, size) for size in range(4))))
def test_every_set_of_modalities_is_answered(world, fitted, given):
    residual, rows, logits = fitted
    some = rows[::7]
    hidden = tuple(name for name in OPTIONAL if name not in given)
    found = residual.logits(world.events, some, logits[::7, 0], without=hidden)
    absent = residual.logits(masked(world.events, ("events", *given)), some, logits[::7, 0])
    assert np.isfinite(found).all()
    assert np.allclose(found, absent, atol=1e-5)


def test_live_scoring_equals_the_batch(world):
    network = moved(Network(replace(TINY, numbers=("account_days",), categories=("income", "branch"))))
    evidence = Evidence(weights=np.random.default_rng(0).normal(size=4097))
    events = world.events[:160]
    logits = np.random.default_rng(1).normal(-4, 2, len(events))
    batch = answers(network, prepared(events, evidence), np.arange(len(events)), logits)["fused"]
    live = Live(network, evidence, accounts=events.account, capacity=8)  # cards are let go and read again
    found = [
        live.score_residual(*payment, logit=float(logit))
        for payment, logit in zip(payments_of(events), logits, strict=True)
    ]
    assert np.abs(batch - logits).max() > 0.1
    assert np.abs(np.array(found) - batch).max() < 1e-5


def test_no_payment_reads_a_later_one(world):
    network = moved(Network(TINY))
    evidence = Evidence(weights=np.random.default_rng(0).normal(size=4097))
    whole, half = world.events[:300], world.events[:100]
    first = answers(network, prepared(whole, evidence), np.arange(300), np.zeros(300))["fused"][:100]
    alone = answers(network, prepared(half, evidence), np.arange(100), np.zeros(100))["fused"]
    assert np.abs(first - alone).max() < 1e-5


def test_a_tracker_reads_before_it_remembers(world):
    read = track(world.events[:300], Evidence(weights=np.ones(4097)))
    _, first = np.unique(world.events.card[:300], return_index=True)
    assert (read.event[first, 2] == 1).all()
    assert (read.event[first, 1] == 0).all()
    assert (read.words[first, 3] == 0).all()


def test_a_payment_at_a_door_has_no_device(world):
    rows = np.arange(200)
    batch = batch_of(Network(TINY), prepared(world.events, Evidence(weights=np.zeros(4097))), rows)
    assert batch.presence[:, 2].tolist() == (world.events.device[rows] != "").tolist()
    assert batch.presence[:, :2].all()


def test_thinning_keeps_the_suspicious_and_says_how_many():
    rows, logits = np.arange(40_000), np.repeat(np.linspace(-9, 2, 40_000)[:, None], 4, axis=1)
    fraud = rows % 400 == 0
    few = thinned(rows, fraud, logits, Schedule())
    assert few.fraud.sum() == fraud.sum()
    for low, high in ((-9, -5), (-2, 0)):
        inside, all_inside = [(each >= low) & (each < high) for each in (few.logits[:, 0], logits[:, 0])]
        weighed = (~few.fraud[inside] / np.exp(few.kept[inside])).sum()
        assert abs(weighed / (~fraud[all_inside]).sum() - 1) < 0.1


def test_learning_without_fraud_is_refused():
    with pytest.raises(FormatError, match="0 frauds among 5 payments"):
        thinned(np.arange(5), np.zeros(5, bool), np.zeros((5, 4)), Schedule())


def test_a_checkpoint_holds_all_of_it(world, fitted):
    residual, rows, logits = fitted
    again = Residual.of(json.loads(json.dumps(residual.settings())), residual.tensors())
    found = [each.logits(world.events, rows[:80], logits[:80, 0]) for each in (residual, again)]
    assert np.array_equal(*found)


def test_words_that_frauds_use_count_against_a_payment():
    texts = ["ALBA RELEASE FEE 123", "VERA GROCERIES 456"] * 200
    fraud = np.array([True, False] * 200) & (np.arange(400) % 4 < 2)
    evidence = Evidence.of(texts, fraud, np.full(400, -2.0))
    assert evidence.score("NOVA RELEASE FEE 999") > 1 > evidence.score("NOVA GROCERIES 1")
    assert evidence.score("") == 0


def test_the_guard_leaves_no_set_of_modalities_below_the_boosting(fitted):
    residual, _, _ = fitted
    assert {("events",), ("events", "text"), MODALITIES} <= {each.modalities for each in residual.chosen}
    assert all(np.isfinite(each.loss) for each in residual.chosen)
    assert isinstance(residual.chosen[0].choice.residual, float)


def test_examples_are_taken_row_by_row():
    examples = Examples(rows=np.arange(4), fraud=np.eye(4, dtype=bool)[0], logits=np.zeros((4, 4)), kept=np.zeros(4))
    assert examples.take(np.array([2, 0])).rows.tolist() == [2, 0]
