"""The desk over HTTP, without a browser."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette names the next version of its client
    from fastapi.testclient import TestClient

from colonnade.core.pipeline import Pipeline
from colonnade.verticals.finance import tasks
from colonnade.verticals.finance.desk import live
from colonnade.verticals.finance.desk.app import FILES, application
from colonnade.verticals.finance.desk.sessions import Desks

BEFORE, TODAY = (tasks.SAMPLES / f"payments_{name}.csv" for name in ("before", "today"))


@pytest.fixture(scope="module")
def client(pipelines: list[Pipeline]) -> Iterator[TestClient]:
    with TestClient(application(pipelines, desks=Desks(most=40))) as opened:
        yield opened


@pytest.fixture
def desk(client: TestClient) -> str:
    return f"/desks/{client.post('/desks').json()['id']}"


@pytest.fixture(scope="module")
def played(client: TestClient) -> str:
    """A session whose stream has come to its end."""
    desk = f"/desks/{client.post('/desks').json()['id']}"
    client.post(f"{desk}/stream/sample")
    client.get(f"{desk}/stream/events?rate=5000&after=0")
    return desk


@pytest.fixture(scope="module")
def reviewed(client: TestClient) -> str:
    """A session with the review of the sample."""
    desk = f"/desks/{client.post('/desks').json()['id']}"
    client.post(f"{desk}/compliance/sample")
    return desk


def events_of(text: str) -> list[tuple[str, Any]]:
    """Server-sent events: kind and what was told."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_the_page_brings_all_it_needs(client: TestClient):
    page = client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "://" not in page.text
    for name in FILES:
        assert f"/page/{name}" in page.text
        part = client.get(f"/page/{name}")
        assert part.status_code == 200
        assert "://" not in part.text.replace("http://www.w3.org/2000/svg", "")
    assert client.get("/page/app.py").status_code == 422
    assert client.get("/page/..%2Fapp.py").status_code in (404, 422)


def test_the_tasks_are_served_beside_the_page(client: TestClient):
    names = [each["name"] for each in client.get("/v1/tasks").json()["tasks"]]
    assert "finance/fraud" in names
    assert client.get("/ready").json()["ready"] is True


def test_the_sample_stream_plays_to_its_end_with_the_scores_of_predict(client: TestClient, desk: str, pipelines: Any):
    told = client.post(f"{desk}/stream/sample").json()
    assert told["sample"] is True
    assert told["state"]["position"] == 0
    heard = events_of(client.get(f"{desk}/stream/events?rate=5000&after=0").text)
    payments = [each for kind, batch in heard if kind == "payments" for each in batch]
    assert [each["row"] for each in payments] == list(range(told["state"]["count"]))
    assert heard[-1][0] == "end"
    answer = pipelines[0].predict(**tasks.fraud.sample()).answer
    scores = {each["id"]: each["score"] for each in payments}
    assert [scores[id] for id in answer.events.id.tolist()] == answer.scores.tolist()
    last = [each for kind, each in heard if kind == "state"][-1]
    assert last["position"] == last["count"]
    assert 0 < last["latency_ms"]["p50"] <= last["latency_ms"]["p99"]
    table = client.get(f"{desk}/stream/scores.csv").text.splitlines()
    assert len(table) == last["count"] + 1


def test_a_stream_goes_on_where_the_page_was_and_tells_nothing_twice(client: TestClient, played: str):
    resumed = client.get(f"{played}/stream/events?rate=5000&after=0", headers={"last-event-id": "640"})
    rows = [each["row"] for kind, batch in events_of(resumed.text) if kind == "payments" for each in batch]
    assert rows[0] == 640
    assert rows == list(range(640, rows[-1] + 1))


def test_a_connection_ends_by_itself_so_that_a_server_can_stop(
    client: TestClient, desk: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "LONGEST", 0.3)
    told = client.post(f"{desk}/stream", files={"events": (TODAY.name, TODAY.read_bytes())}).json()
    heard = events_of(client.get(f"{desk}/stream/events?rate=5").text)
    assert heard[-1][0] != "end"
    assert 0 < client.get(f"{desk}/stream").json()["state"]["position"] < told["state"]["count"]
    assert client.get(f"{desk}/stream/events?rate=0").status_code == 422


def test_dismissing_an_alert_feeds_its_label_back(client: TestClient, played: str):
    desk = played
    before = client.get(f"{desk}/stream").json()["state"]
    worst = before["queue"][0]
    done = client.post(f"{desk}/stream/labels", json={"id": worst["id"], "fraud": False})
    assert done.status_code == 200, done.text
    after = done.json()["state"]
    assert done.json()["verdict"] == "dismissed"
    assert done.json()["known_at"] == before["now"]
    assert after["open"] == before["open"] - 1
    assert worst["id"] not in [each["id"] for each in after["queue"]]
    assert after["labels"]["by_hand"] == 1
    card = client.get(f"{desk}/stream/card", params={"name": worst["card"]}).json()
    assert [each["verdict"] for each in card["payments"] if each["id"] == worst["id"]] == ["dismissed"]
    again = client.post(f"{desk}/stream/labels", json={"id": worst["id"], "fraud": True})
    assert again.status_code == 422
    assert "open alert" in again.json()["error"]


def test_a_file_is_opened_and_warmed_up_on_its_first_part(client: TestClient, desk: str):
    files = {"events": (TODAY.name, TODAY.read_bytes())}
    told = client.post(f"{desk}/stream?warm=0.5", files=files).json()
    assert (told["history"], told["state"]["count"]) == (50, 50)
    assert told["names"] == {"events": TODAY.name}
    assert told["sample"] is False


@pytest.mark.parametrize(
    ("path", "asked", "says"),
    [
        ("labels", {"id": 7, "fraud": True}, "a verdict names an alert"),
        ("labels", [1], "JSON object"),
        ("labels", {"ids": "7"}, "there is no key"),
        ("policy", {"alerts": 0}, "at least 1"),
        ("policy", {"costs": {"reviews": 3}}, "there is no cost"),
        ("policy", {"costs": {"review": "many"}}, "is a number"),
        ("policy", {"costs": {"found": 2}}, "share found"),
    ],
)
def test_a_wrong_wish_is_refused_in_a_sentence(client: TestClient, played: str, path: str, asked: Any, says: str):
    answer = client.post(f"{played}/stream/{path}", json=asked)
    assert answer.status_code == 422
    assert says in answer.json()["error"]


def test_a_file_that_is_none_is_refused_without_its_place(client: TestClient, desk: str):
    answer = client.post(f"{desk}/stream", files={"events": ("cards.csv", b"a,b\n1,2\n")})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("cards.csv has no column")
    for view, name in (("market", "prices"), ("compliance", "payments"), ("notes", "filing")):
        answer = client.post(f"{desk}/{view}", files={name: ("none.csv", b"a,b\nc,d\n")})
        assert answer.status_code == 422, view
        assert "/tmp" not in answer.json()["error"]
        assert "colonnade-desk" not in answer.json()["error"]


def test_the_fan_is_that_of_predict(client: TestClient, desk: str, short_prices: Path):
    told = client.post(f"{desk}/market", files={"prices": ("short.csv", short_prices.read_bytes())}).json()
    answer = client.get(f"{desk}/market/result.json").json()
    for each in told["horizons"]:
        mine = answer["forecast"][str(each["days"])]
        outer = each["spans"][-1]
        assert (each["value"], each["har"]) == (mine["volatility"]["value"], mine["har"])
        assert (outer["low"], outer["high"]) == (mine["volatility"]["low"], mine["volatility"]["high"])
        widths = [span["high"] - span["low"] for span in each["spans"]]
        assert widths == sorted(widths)
    table = {each["model"]: [cell["qlike"] for cell in each["cells"]] for each in told["table"]}
    assert table["garch"] == [answer["walk_forward"][days]["garch"] for days in ("1", "5")]
    assert told["past"][-1]["date"] == told["as_of"] == answer["as_of"]
    known = [each for each in told["past"] if each["low"] is not None]
    assert np.mean([each["low"] <= each["day"] <= each["high"] for each in known]) > 0.7
    made = client.post(f"{desk}/market/evaluation").json()
    assert made["rows"][0]["qlike"] == pytest.approx(table["colonnade"][0])
    low, high = made["rows"][0]["qlike_span"]
    assert low < made["rows"][0]["qlike"] < high


def test_an_alerts_edges_are_its_evidence(client: TestClient, reviewed: str, pipelines: Any):
    desk = reviewed
    queue = client.get(f"{desk}/compliance").json()["queue"]
    alerts = pipelines[3].predict(**tasks.compliance.sample()).answer.alerts
    assert [each["number"] for each in queue] == [each.number for each in alerts]
    first_of_each_rule = {each.rule: each for each in reversed(alerts)}
    assert len(first_of_each_rule) > 10
    for alert in first_of_each_rule.values():
        told = client.get(f"{desk}/compliance/alerts/{alert.number}").json()
        cited = [line for lines in alert.evidence.values() for line in lines]
        assert {each["key"] for each in told["edges"]} == set(cited)
        assert len(cited) <= 20
        ends = {node["id"] for node in told["nodes"]}
        assert all({edge["source"], edge["target"]} <= ends for edge in told["edges"])
        paid = [edge["row"]["time"] for edge in told["edges"] if edge["kind"] == "transfers"]
        assert paid == sorted(paid)
        assert all(0 <= place < len(told["edges"]) for claim in told["draft"] for place in claim["edges"])
        assert [clause["id"] for clause in told["clauses"]] == [clause["id"] for clause in alert.clauses]
    assert client.get(f"{desk}/compliance/alerts/999").status_code == 422


def test_a_dates_claim_cites_the_payments_of_that_day(client: TestClient, reviewed: str):
    desk = reviewed
    queue = client.get(f"{desk}/compliance").json()["queue"]
    number = next(each["number"] for each in queue if each["rule"] == "MULE")
    told = client.get(f"{desk}/compliance/alerts/{number}").json()
    when = next(each for each in told["draft"] if each["kind"] == "when")
    facts = [part for part in when["parts"] if "cites" in part]
    assert facts
    for fact in facts:
        assert fact["edges"]
        assert {told["edges"][place]["row"]["time"][:10] for place in fact["edges"]} == {fact["text"]}


def test_every_citation_of_a_note_is_a_place_of_the_filing(client: TestClient, desk: str):
    told = client.post(f"{desk}/notes/sample").json()
    cells = {cell["key"] for table in told["tables"] for line in table["lines"] for cell in line["cells"]}
    places = cells | {each["key"] for each in told["paragraphs"]}
    claims = [claim for group in told["groups"] for claim in group["claims"]]
    assert len(claims) == told["checked"] > 15
    for claim in claims:
        assert claim["cites"]
        assert set(claim["cites"]) <= places
        assert "".join(part["text"] for part in claim["parts"]) == claim["sentence"]
    formulas = [claim["formula"] for claim in claims if claim["kind"] == "change"]
    assert "(69,400 - 64,170) / 64,170 = 8.15 %" in formulas
    texts = {each["key"]: each["text"] for each in told["paragraphs"]}
    quoted = [claim for claim in claims if claim["words"]]
    assert quoted
    for claim in quoted:
        assert any(claim["words"][0] in texts.get(key, "") for key in claim["cites"])


def test_views_are_told_again_with_report_and_json(client: TestClient, desk: str):
    assert client.get(desk).json()["open"] == []
    first = client.post(f"{desk}/notes/sample").json()
    assert client.get(desk).json()["open"] == ["notes"]
    assert client.get(f"{desk}/notes").json() == first
    assert "Colonnade report" in client.get(f"{desk}/notes/report").text
    result = client.get(f"{desk}/notes/result.json").json()
    assert "basis" not in result
    assert next(each["path"] for each in result["inputs"]) == "filing.html"
    assert client.get(f"{desk}/market").status_code == 410
    assert client.get(f"{desk}/stream").status_code == 410
    assert client.get(f"{desk}/nothing").status_code == 422


def test_sessions_do_not_see_each_other(client: TestClient):
    one, two = (f"/desks/{client.post('/desks').json()['id']}" for _ in range(2))
    for each in (one, two):
        files = {"events": (TODAY.name, TODAY.read_bytes()), "history": (BEFORE.name, BEFORE.read_bytes())}
        assert client.post(f"{each}/stream", files=files).json()["history"] > 2000
    client.get(f"{one}/stream/events?rate=5000&after=0")
    worst = client.get(f"{one}/stream").json()["state"]["queue"][0]["id"]
    client.post(f"{one}/stream/labels", json={"id": worst, "fraud": True})
    other = client.get(f"{two}/stream").json()["state"]
    assert (other["position"], other["labels"]["by_hand"]) == (0, 0)


def test_a_session_expires_and_the_oldest_makes_room():
    now = [0.0]
    desks = Desks(most=2, kept=100.0, clock=lambda: now[0])
    first = desks.open()
    folder = desks.get(first).folder
    now[0] = 50.0
    second = desks.open()
    third = desks.open()
    assert not folder.exists()
    desks.get(second)
    now[0] = 149.0
    desks.get(third)
    now[0] = 160.0
    with pytest.raises(ValueError, match="minutes without use"):
        desks.get(second)
    kept = desks.get(third).folder
    desks.close_all()
    assert not kept.exists()


def test_files_of_a_view_go_with_it_and_refused_ones_at_once(pipelines: list[Pipeline]):
    desks = Desks()
    with TestClient(application(pipelines, desks=desks, upload_limit=5000)) as client:
        key = client.post("/desks").json()["id"]
        folder = desks.get(key).folder
        for _ in range(2):
            assert client.post(f"/desks/{key}/notes/sample").status_code == 201
        assert len(list(folder.iterdir())) == 1
        refused = client.post(f"/desks/{key}/notes", files={"filing": ("none.txt", b"no table")})
        assert refused.status_code == 422
        assert len(list(folder.iterdir())) == 1
        large = client.post(f"/desks/{key}/notes", files={"filing": ("large.html", b"x" * 6000)})
        assert large.status_code == 413
        assert "larger than" in large.json()["error"]
        assert len(list(folder.iterdir())) == 1
        assert client.delete(f"/desks/{key}").status_code == 204
        assert not folder.exists()
        assert client.get(f"/desks/{key}").status_code == 410
