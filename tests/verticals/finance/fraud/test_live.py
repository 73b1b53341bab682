"""A served stream: a killed server loses no payment and counts none twice, and what is sent again is answered alike."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.verticals.finance.fraud.pipeline import FraudPipeline
from colonnade.verticals.finance.fraud.records import DAY
from colonnade.verticals.finance.fraud.sources import Payments, Told

from .conftest import made

ROOT = Path(__file__).parents[4]
SERVER = """
import sys
sys.path[:0] = [{dev!r}]
from colonnade.apps.cli import main
sys.exit(main(["serve", "finance/fraud", "--port", "{port}", "--set", "journal={folder}", "--set", "budget=3"]))
"""
WHOLE = made(7, 40, cards=3, days=3.0)


@pytest.fixture(scope="module")
def pipeline() -> FraudPipeline:
    return FraudPipeline.from_pretrained()


@pytest.fixture
def served(pipeline, tmp_path):
    found = pipeline.journaled(tmp_path / "state")
    yield found
    found.live.close()


def test_a_stream_served_in_pieces_scores_as_the_whole_file_does(pipeline, served):
    events = WHOLE.events
    whole = pipeline.predict(events=events).scores
    assert [served.predict(events=events[slice(row, row + 1)]).score for row in range(40)] == whole.tolist()
    again = served.predict(events=events[5:25])
    np.testing.assert_array_equal(again.scores, whole[5:25])
    assert served.live.stream.cards.keys() == set(events.card)
    assert sum(card.payments for card in served.live.stream.cards.values()) + len(served.live.stream.waiting) == 40


def test_labels_and_accounts_that_come_later_count_from_then_on_and_survive(pipeline, served, tmp_path):
    events, account = WHOLE.events, {"c0": {"band": "low"}, "c1": {"band": "high"}}
    first = replace(events[:30], account=account)
    served.predict(events=first)
    told = Told(events.id[:20], WHOLE.labels.fraud[:20], np.full(20, np.nan))
    folder = served.live.journal.folder
    later = served.predict(events=events[30:35], labels=told).scores
    served.live.close()
    again = pipeline.journaled(folder)
    np.testing.assert_array_equal(again.predict(events=events[30:35], labels=told).scores, later)
    assert again.live.stream.holder.accounts == account
    again.live.journal.snapshot()
    again.live.close()
    third = pipeline.journaled(folder)
    assert third.live.stream.holder.accounts == account
    np.testing.assert_array_equal(third.predict(events=events[30:35]).scores, later)
    assert third.live.stream.known + len(third.live.stream.coming) == 20
    third.live.close()
    served.live = pipeline.journaled(tmp_path / "other").live


def test_a_budget_is_kept_over_requests_and_a_decision_stands(served):
    served = served.setting("budget", "2")
    found = [served.predict(events=WHOLE.events[slice(row, row + 1)]).decision for row in range(40)]
    days = WHOLE.events.time // DAY
    assert all(sum(found[row] == "review" for row in np.flatnonzero(days == day)) <= 2 for day in np.unique(days))
    assert "review" in found
    assert list(served.predict(events=WHOLE.events).decisions) == found


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": WHOLE.events.amount + 1}, "was counted with amount"),
        ({"id": np.char.add("n", WHOLE.events.id)}, "a stream takes events in the order of time"),
        ({"id": np.char.add("today.csv:", np.arange(40).astype(str)), "name": "today.csv"}, "gives its payments no id"),
    ],
)
def test_a_request_that_cannot_count_is_refused_whole(changed, said, served):
    served.predict(events=WHOLE.events)
    records = served.live.journal.records
    with pytest.raises(FormatError, match=said):
        served.predict(events=replace(WHOLE.events, **changed))
    assert served.live.journal.records == records


def posted(port: int, lines: list[str]) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/finance/fraud", "\n".join(lines), {"content-type": "application/x-ndjson"})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, found
    return found


def started(folder: Path, port: int) -> subprocess.Popen:
    script = SERVER.format(dev=str(ROOT / ".dev"), folder=folder, port=port)
    server = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for _ in range(600):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return server
        assert server.poll() is None
        time.sleep(0.1)
    raise AssertionError("the server did not come up")


def test_a_server_that_is_killed_loses_no_event_and_counts_none_twice(pipeline, tmp_path):
    pytest.importorskip("fastapi")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    events = WHOLE.events
    lines = [
        json.dumps({"id": str(events.id[row]), "time": str(np.datetime64(int(events.time[row] * 1e6), "us")),
                    "card": str(events.card[row]), "terminal": str(events.terminal[row]),
                    "amount": float(events.amount[row]), "text": str(events.text[row]),
                    "device": str(events.device[row])})
        for row in range(40)
    ]  # fmt: skip
    answers: dict[str, float] = {}
    for begin, upto in ((0, 12), (11, 25), (0, 40)):  # the last answer before a kill is asked for again
        server = started(tmp_path / "state", port)
        for row in range(begin, upto):
            found = posted(port, [lines[row]])
            assert answers.setdefault(found["id"], found["score"]) == found["score"]
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
    (whole,) = [pipeline.predict(events=Payments(replace(events, time=np.floor(events.time * 1e6) / 1e6), None))]
    assert [answers[str(id)] for id in events.id] == whole.scores.tolist()
    kept = pipeline.journaled(tmp_path / "state")
    counted = re.findall(r'\["event", "(\w+)"', "".join(log.read_text() for log in (tmp_path / "state").glob("log-*")))
    assert sorted(counted) == sorted(events.id)
    np.testing.assert_array_equal(kept.predict(events=whole.answer.events).scores, whole.scores)
    kept.live.close()
