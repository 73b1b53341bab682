"""The network over a card's payments: one by one as in batches, nothing at the start, and kept only if it helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from colonnade.core.pipeline import FitOptions
from colonnade.verticals.finance.fraud import recipes
from colonnade.verticals.finance.fraud.boosting import Boosting
from colonnade.verticals.finance.fraud.pipeline import FraudPipeline, Settings
from colonnade.verticals.finance.fraud.records import DAY
from colonnade.verticals.finance.fraud.sequence import HELD, TOKEN
from colonnade.verticals.finance.fraud.sequence_training import Net, Recorder, Schedule, Windows, train
from colonnade.verticals.finance.fraud.snapshot import pack, unpack
from colonnade.verticals.finance.fraud.sources import Payments
from colonnade.verticals.finance.fraud.stream import NAMES, Stream, events_of, features_of

from .conftest import made

SMALL = Boosting(rounds=12, rate=0.2, leaves=8)
COLUMN = NAMES.index("sequence")


def net(seed: int = 0) -> Net:
    found = Net(Schedule(seed=seed), np.zeros(len(TOKEN), np.float32), np.ones(len(TOKEN), np.float32))
    with torch.no_grad():
        found.answer.normal_(generator=torch.Generator().manual_seed(seed))
    return found.eval()


def test_one_payment_at_a_time_gives_what_a_batch_gives():
    whole, network = made(2, 300, cards=3, days=30), net()
    recorder = Recorder(np.arange(300))
    features_of(whole.events, whole.labels, stream=Stream(recorder))
    with torch.no_grad():
        batch = network(*recorder.windows.take(np.arange(300))).numpy()
    alone = features_of(whole.events, whole.labels, stream=Stream(network.plain(1.0)))[:, COLUMN]
    np.testing.assert_allclose(alone, batch, atol=2e-4)
    assert np.isfinite(recorder.windows.age).sum(axis=1).max() == HELD
    assert alone.std() > 0.01


def test_a_prefix_is_moved_as_the_whole_is_and_a_snapshot_goes_on(tmp_path):
    whole, network = made(3, 120, cards=3), net().plain(1.0)
    moved = features_of(whole.events, whole.labels, stream=Stream(network))[:, COLUMN]
    np.testing.assert_array_equal(
        features_of(whole.events[:70], whole.labels[:70], stream=Stream(network))[:, COLUMN], moved[:70]
    )
    stream = Stream(network)
    events = list(events_of(whole.events))
    for event in events[:70]:
        stream.update(event)
    again = unpack(pack(stream), network)
    for event in events[70:]:
        assert again.update(event)[COLUMN] == stream.update(event)[COLUMN]


def test_it_begins_as_the_boosting_itself():
    start = Net(Schedule(), np.zeros(len(TOKEN), np.float32), np.ones(len(TOKEN), np.float32)).plain(1.0)
    whole = made(4, 60)
    assert (features_of(whole.events, stream=Stream(start))[:, COLUMN] == 0).all()
    assert np.isnan(features_of(whole.events)[:, COLUMN]).all()


def windows(signal: float, count: int = 6000) -> tuple[Windows, np.ndarray, np.ndarray]:
    """Fraud follows an odd payment of the card's last ones, or (without signal) nothing at all."""
    random = np.random.default_rng(0)
    past = random.normal(size=(count, HELD, len(TOKEN))).astype(np.float32)
    past[..., 2] = random.random((count, HELD)) < 0.03
    odd = past[:, -6:, 2].any(axis=1)
    age = np.sort(random.random((count, HELD)).astype(np.float32) * 20, axis=1)[:, ::-1].copy() * np.float32(DAY)
    age[:, -6:] = np.linspace(DAY, DAY / 6, 6, dtype=np.float32)
    age[:, :-6] = 30 * DAY
    fraud = random.random(count) < np.where(odd, 0.1 + 0.8 * signal, 0.1)
    own = random.normal(size=(count, len(TOKEN))).astype(np.float32)
    return Windows(own=own, past=past, age=age), fraud, np.arange(count)


@pytest.mark.parametrize("signal", [1.0, 0.0])
def test_the_guard_keeps_what_helps_later_payments_and_nothing_else(signal):
    seen, fraud, card = windows(signal)
    found = train(
        seen, np.full(len(fraud), -2.0), fraud, card, np.arange(len(fraud)) > 3500, Schedule(epochs=10, batch=128)
    )
    assert (found.sequence is not None) == (signal > 0)
    assert (found.share > 0) == (signal > 0)
    if signal:
        assert found.gain > 2 * found.error > 0


def test_a_model_with_a_network_answers_saves_and_explains(tmp_path):
    whole = made(5, 1200, cards=20, days=40)
    fraud = (whole.events.device == "phone a") & (np.random.default_rng(0).random(1200) < 0.5)
    payments = Payments(whole.events, replace(whole.labels, fraud=fraud))
    model = recipes.fitted(recipes.lessons_of(payments), config=SMALL)
    moved = replace(
        model, names=(*model.names, "sequence"), usual=np.append(model.usual, 0.0), sequence=net(1).plain(0.2)
    )
    pipeline = FraudPipeline(moved, Settings(names=moved.names, stages=1), {})
    scores = pipeline.predict(events=whole.events).scores
    plain = FraudPipeline(model, Settings(names=model.names, stages=1), {}).predict(events=whole.events).scores
    assert not np.allclose(scores, plain)
    pipeline.save(tmp_path / "model")
    np.testing.assert_allclose(
        FraudPipeline.from_pretrained(tmp_path / "model").predict(events=whole.events).scores, scores, atol=1e-6
    )
    rows = moved.rows(features_of(whole.events, stream=Stream(moved.sequence)))
    with torch.no_grad():
        logits = pipeline.program().module(torch.from_numpy(rows.astype(np.float32))).numpy()
    assert np.abs(1 / (1 + np.exp(-logits)) - scores).max() < 1e-5
    adapted, _ = recipes.made(moved, payments, FitOptions(method="probe"))
    assert adapted.sequence is None
    assert adapted.names == model.names


def test_the_recipe_says_on_the_card_whether_the_network_counts():
    whole = made(6, 1500, cards=20, days=60)
    fraud = (whole.events.device == "phone a") & (np.random.default_rng(0).random(1500) < 0.5)
    known_at = whole.events.time + 2 * DAY
    payments = Payments(whole.events, replace(whole.labels, fraud=fraud, known_at=known_at))
    found, card = recipes.sequenced(None, payments, FitOptions(epochs=2))  # type: ignore[arg-type]
    assert card["network"]["counts"] == 0.0 or found.sequence is not None
    assert (found.names[-1] == "sequence") == (found.sequence is not None)
