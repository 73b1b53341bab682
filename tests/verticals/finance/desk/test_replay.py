from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from colonnade.core.errors import InputError, UnknownName
from colonnade.core.pipeline import Pipeline
from colonnade.verticals.finance import tasks
from colonnade.verticals.finance.desk.cutting import joined, parted
from colonnade.verticals.finance.desk.replay import Replay
from colonnade.verticals.finance.fraud.pipeline import FraudPipeline
from colonnade.verticals.finance.fraud.scoring import Costs
from colonnade.verticals.finance.fraud.sequence import TOKEN
from colonnade.verticals.finance.fraud.sequence_training import Net, Schedule
from colonnade.verticals.finance.fraud.sources import Payments, read_payments

BEFORE, TODAY = (tasks.SAMPLES / f"payments_{name}.csv" for name in ("before", "today"))


@pytest.fixture(scope="module")
def fraud(pipelines: list[Pipeline]) -> Pipeline:
    return pipelines[0]


@pytest.fixture(scope="module")
def cut() -> tuple[Payments | None, Payments]:
    """The last 900 payments of the sample, 360 of them played, with labels as they came."""
    whole = joined(read_payments(BEFORE), read_payments(TODAY))
    assert whole.labels is not None
    return parted(None, Payments(whole.events[-900:], whole.labels[-900:]), 0.6)


def test_payments_get_the_scores_intervals_and_decisions_of_predict(fraud, cut):
    history, payments = cut
    answer = fraud.predict(events=payments, history=history).answer
    replay = Replay(fraud, payments, history)
    for count in (1, 7, 64, len(replay)):
        replay.step(count)
    assert replay.position == len(payments.events) == 360
    np.testing.assert_array_equal(replay.scores, answer.scores)
    assert [replay.told(row)["decision"] for row in range(len(replay))] == list(answer.decisions)
    by_id = {each.id: each for each in answer.alerts}
    assert len(by_id) > 5
    assert {each.id: (each.interval, each.reasons, each.expected_loss) for each in replay.alerts.values()} == {
        id: (each.interval, each.reasons, each.expected_loss) for id, each in by_id.items()
    }


def test_alerts_stand_by_expected_loss(fraud, cut):
    replay = Replay(fraud, cut[1], cut[0])
    replay.step(len(replay))
    losses = [each["expected_loss"] for each in replay.state()["queue"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[-1] > 0


def test_a_verdict_is_a_label_that_later_payments_read(fraud, cut):
    history, payments = cut
    told, untold = (Replay(fraud, payments, history) for _ in range(2))
    half = len(payments.events) // 2
    for each in (told, untold):
        each.step(half)
    alert = next(told.queue())
    assert told.label(alert.id, True).verdict == "accepted"
    assert alert.id not in [each.id for each in told.queue()]
    waiting = [(known_at, id, fraud) for known_at, _, id, fraud in told.stream.coming]
    assert (told.stream.now, alert.id, True) in waiting
    for each in (told, untold):
        each.step(len(payments.events))
    np.testing.assert_array_equal(told.scores[:half], untold.scores[:half])
    later = np.flatnonzero(told.scores[half:] != untold.scores[half:]) + half
    assert len(later), "nobody read the label"


def test_an_alert_is_judged_once_and_what_is_no_alert_never(fraud, cut):
    replay = Replay(fraud, cut[1], cut[0])
    replay.step(len(replay))
    alert = next(replay.queue())
    replay.label(alert.id, False)
    with pytest.raises(UnknownName, match="open alert"):
        replay.label(alert.id, True)
    approved = next(row for row in range(len(replay)) if row not in replay.alerts)
    with pytest.raises(UnknownName):
        replay.label(str(replay.events.id[approved]), True)


def test_a_budget_is_not_exceeded_on_any_day(fraud, cut):
    replay = Replay(fraud, cut[1], cut[0])
    replay.decide_by(None, 2)
    replay.step(len(replay))
    days = [each.time[:10] for each in replay.alerts.values()]
    assert days
    assert max(days.count(day) for day in days) <= 2
    assert {each.decision for each in replay.alerts.values()} == {"review"}


def test_costs_count_from_the_next_payment_on(fraud, cut):
    replay, usual = Replay(fraud, cut[1], cut[0]), Replay(fraud, cut[1], cut[0])
    replay.step(200)
    replay.decide_by(Costs(review=1000.0, refusal=100_000.0), None)
    for each in (replay, usual):
        each.step(len(replay))
    np.testing.assert_array_equal(replay.decisions[:200], usual.decisions[:200])
    assert not replay.decisions[200:].any()
    assert usual.decisions[200:].any()
    np.testing.assert_array_equal(replay.scores, usual.scores)


def test_a_budget_is_spent_as_a_served_stream_spends_it(fraud, cut, tmp_path):
    """The same payments, one at a time, at the desk and at a server that keeps a journal."""
    history, payments = cut
    replay = Replay(fraud, payments, history)
    replay.step(60)
    replay.decide_by(None, 3)
    served = fraud.setting("budget", "3").journaled(tmp_path / "state")
    served.live.take(*history)
    for row in range(60):
        served.live.take(payments.events[slice(row, row + 1)], None)
    for id, score in replay.recent.scores.items():
        served.live.journal.recent.score(id, score)
    replay.step(len(replay))
    for row in range(60, len(replay)):
        one = payments.events[slice(row, row + 1)]
        served.live.take(one, None)
        assert served.live.decide(one, replay.scores[row : row + 1], 3) == (replay.told(row)["decision"],)
    served.live.close()
    assert "review" in [replay.told(row)["decision"] for row in range(60, len(replay))]


def test_a_network_over_a_cards_payments_is_heard(fraud, cut):
    """A checkpoint with a fitted `sequence`: the desk runs it, and says what `predict` says."""
    history, payments = cut
    width = len(TOKEN)
    network = Net(Schedule(), np.zeros(width, np.float32), np.ones(width, np.float32))
    with torch.no_grad():
        network.answer.normal_(generator=torch.Generator().manual_seed(0))
    model = replace(
        fraud.fitted, names=(*fraud.fitted.names, "sequence"), usual=np.append(fraud.fitted.usual, 0.0),
        sequence=network.eval().plain(1.0),
    )  # fmt: skip
    heard = FraudPipeline(model, replace(fraud.settings, names=model.names), {})
    replay = Replay(heard, payments, history)
    replay.step(len(replay))
    np.testing.assert_array_equal(replay.scores, heard.predict(events=payments, history=history).scores)
    deaf = Replay(fraud, payments, history)
    deaf.step(len(deaf))
    assert (replay.scores != deaf.scores).any()


def test_a_budget_without_past_scores_is_refused(fraud):
    replay = Replay(fraud, read_payments(TODAY), None)
    with pytest.raises(InputError, match="past scores"):
        replay.decide_by(None, 3)
    assert replay.budget is None


def test_a_card_is_told_with_its_past(fraud, cut):
    replay = Replay(fraud, cut[1], cut[0])
    with pytest.raises(UnknownName):
        replay.card("no such card")
    replay.step(100)
    card = str(replay.events.card[99])
    told = replay.card(card)["payments"]
    times = [each["time"] for each in told]
    assert times == sorted(times)
    assert [each["row"] for each in told][-1] == 99
    assert any(each["row"] < 0 for each in told)


def test_files_are_joined_with_their_labels_and_cut_where_asked():
    before, today = read_payments(BEFORE), read_payments(TODAY)
    bare = Payments(today.events, None)
    whole = joined(before, bare)
    assert len(whole.events) == len(before.events) + len(today.events)
    assert whole.labels is not None
    assert np.isinf(whole.labels.known_at[-len(today.events) :]).all()
    history, rest = parted(before, today, 0.5)
    assert history is not None
    assert len(history.events) == len(whole.events) // 2
    assert list(rest.events.id[-3:]) == list(today.events.id[-3:])
    assert parted(None, today, 0.0)[0] is None
    with pytest.raises(InputError, match="share"):
        parted(None, today, 1.0)
