"""The stream: causal to the instant, the same in one go and step by step, its windows equal to counting by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.core.errors import FormatError
from colonnade.verticals.finance.fraud.records import DAY, HOUR, CardEvents, Labels
from colonnade.verticals.finance.fraud.stream import NAMES, Event, Stream, events_of, features_of

from .conftest import START, made

streams = st.builds(made, st.integers(0, 10_000), st.integers(2, 60))
few = settings(max_examples=25, deadline=None, derandomize=True)


@few
@given(streams, st.data())
def test_a_prefix_scores_as_the_whole_does_up_to_there(whole, draw):
    upto = draw.draw(st.integers(1, len(whole.events)))
    early = features_of(whole.events[:upto], whole.labels[:upto])
    np.testing.assert_array_equal(early, features_of(whole.events, whole.labels)[:upto])


@few
@given(streams, st.data())
def test_nothing_at_or_after_its_own_time_moves_a_feature(whole, draw):
    row = draw.draw(st.integers(0, len(whole.events) - 1))
    now = whole.events.time[row]
    other = (whole.events.time >= now) & (np.arange(len(whole.events)) != row)
    moved = replace(
        whole.events,
        amount=np.where(other, whole.events.amount * 7 + 1, whole.events.amount),
        card=np.where(other, "c1", whole.events.card),
        terminal=np.where(other, "t1", whole.events.terminal),
        device=np.where(other, "phone a", whole.events.device),
    )
    told = Labels(
        fraud=np.where(whole.labels.known_at >= now, ~whole.labels.fraud, whole.labels.fraud),
        known_at=whole.labels.known_at,
    )
    np.testing.assert_array_equal(features_of(moved, told)[row], features_of(whole.events, whole.labels)[row])


@few
@given(streams)
def test_a_label_that_is_handed_over_when_it_is_known_does_as_one_handed_over_before(whole):
    stream, rows = Stream(), []
    waiting = sorted(zip(whole.labels.known_at, whole.events.id, whole.labels.fraud, strict=True), key=lambda x: x[0])
    for event in events_of(whole.events):
        while waiting and waiting[0][0] < event.time:
            known_at, id, fraud = waiting.pop(0)
            stream.label(id, bool(fraud), known_at)
        rows.append(stream.update(event))
    np.testing.assert_array_equal(np.array(rows, np.float32), features_of(whole.events, whole.labels))


@few
@given(streams)
def test_windows_count_and_sum_what_lies_in_them(whole):
    found = features_of(whole.events, whole.labels)
    events = whole.events
    for name, width in (("1h", HOUR), ("1d", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)):
        for row in range(len(events)):
            inside = (events.card == events.card[row]) & (events.time < events.time[row])
            inside &= np.floor(events.time) > events.time[row] - width
            assert found[row, NAMES.index(f"card_count_{name}")] == inside.sum()
            if name in ("1h", "1d"):
                total = events.amount[inside].astype(np.float32).sum()
                assert found[row, NAMES.index(f"card_sum_{name}")] == pytest.approx(total, rel=1e-5, abs=1e-3)


def test_a_busy_card_is_known_by_its_latest_payments():
    count = 300
    events = CardEvents(
        id=np.arange(count).astype(str), time=START + np.arange(count), card=np.repeat("c", count),
        terminal=np.repeat("t", count), amount=np.ones(count),
    )  # fmt: skip
    assert features_of(events)[-1, NAMES.index("card_count_1h")] == 128


def test_risk_rises_at_a_terminal_with_frauds_and_only_once_they_are_known():
    stream = Stream()
    for number in range(4):
        stream.update(Event(f"e{number}", START + number, f"c{number}", "t", 10.0))
    for number in range(4):
        stream.label(f"e{number}", True, START + 7 * DAY)
    risk, spell = NAMES.index("terminal_risk_7d"), NAMES.index("terminal_spell")
    before = stream.update(Event("before", START + 7 * DAY, "c", "t", 10.0))
    after = stream.update(Event("after", START + 7 * DAY + 1, "c", "t", 10.0))
    elsewhere = stream.update(Event("elsewhere", START + 7 * DAY + 1, "c", "other", 10.0))
    assert before[risk] < 0.02 < 0.4 < after[risk]
    assert elsewhere[risk] < 0.35
    assert before[spell] < 0.01
    assert after[spell] > 0.7


def test_a_device_used_by_many_cards_is_seen():
    stream = Stream()
    for number in range(5):
        stream.update(Event(f"e{number}", START + number, f"c{number}", "t", 10.0, device="farm"))
    values = dict(zip(NAMES, stream.update(Event("x", START + 9, "mine", "t", 10.0, device="farm")), strict=True))
    assert values["device_cards"] == 5
    assert np.isnan(values["device_since"])
    again = dict(zip(NAMES, stream.update(Event("y", START + 10, "c1", "t", 10.0, device="farm")), strict=True))
    assert again["device_since"] == pytest.approx(9 / DAY)


def test_a_stream_refuses_what_is_out_of_order_or_known():
    stream = Stream()
    stream.update(Event("a", START, "c", "t", 1.0))
    with pytest.raises(FormatError, match="in the order of time"):
        stream.update(Event("b", START - 1, "c", "t", 1.0))
    with pytest.raises(FormatError, match="stands twice"):
        stream.update(Event("a", START, "c", "t", 1.0))
    assert len(features_of(made(1, 30).events)) == 30
