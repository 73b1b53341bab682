from __future__ import annotations

import io
import json
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from colonnade.core.errors import FileError
from colonnade.verticals.industrial.line.streams import Socket, Standard, Web


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def running(line, source):
    thread = threading.Thread(target=line.run, args=(source,), daemon=True)
    thread.start()

    def stop():
        line.stop("the test")
        thread.join(60)
        assert not thread.is_alive()

    return stop


def named(put, unit, **scores):
    return json.dumps({"unit": unit, **{sense: str(put(unit, sense, score=each)) for sense, each in scores.items()}})


def test_units_named_on_standard_input_are_judged_until_it_ends(made, put, results, monkeypatch, capsys):
    words = [named(put, "a", image=0.1, sound=0.1), "not json", named(put, "b", image=5.0), named(put, "c", sound=0.1)]
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": io.BytesIO("\n".join(words).encode())}))
    line = made(stream="-")
    told = line.run(Standard(line.journal))
    assert [(each["unit"], each["decision"], each["missing"]) for each in results()] == [
        ("a", "pass", []),
        ("b", "reject", ["sound"]),
        ("c", "pass", ["image"]),
    ]
    assert told["source"]["errors"] == 1
    assert "a unit is named by a JSON object" in capsys.readouterr().err


def test_a_socket_answers_each_line_and_knows_a_unit_that_is_sent_again(made, put, results):
    line = made(stream="tcp://127.0.0.1:0")
    source = Socket(line.journal, urlsplit("tcp://127.0.0.1:0"))
    stop = running(line, source)
    with socket.create_connection(("127.0.0.1", source.port), 10) as client, client.makefile("rw") as talk:

        def say(text):
            talk.write(text + "\n")
            talk.flush()
            return json.loads(talk.readline())

        first = named(put, "a", image=0.1, sound=0.1)
        assert say(first) == {"unit": "a", "accepted": 1}
        until(results)
        until(lambda: not source.open)
        assert say(first) == {"unit": "a", "judged": 1}
        assert "did you mean 'image'" in say('{"unit": "b", "imag": "b.png"}')["error"]
        assert "No such file" in say('{"unit": "b", "image": "nowhere.png"}')["error"]
        assert "without slashes" in say('{"unit": "../b", "image": "b.png"}')["error"]
    stop()
    assert len(results()) == 1


def test_a_full_line_refuses_and_forgets_the_promise(made, put, results, inspector):
    go = threading.Event()
    inspector.before = lambda record: go.wait(10)
    line = made(stream="http://127.0.0.1:0", queue="1", when_full="refuse")
    source = Web(line.journal, urlsplit("http://127.0.0.1:0"), line.state)
    stop = running(line, source)
    url = f"http://127.0.0.1:{source.port}/units"

    def post(body):
        try:
            with urllib.request.urlopen(url, body.encode(), 10) as reply:
                return reply.status, json.load(reply)["replies"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["replies"]

    assert post(named(put, "a", image=0.1))[0] == 200
    until(lambda: line.busy == "a")
    assert post(named(put, "b", image=0.1))[0] == 200
    code, (reply,) = post(named(put, "c", image=0.1))
    assert code == 503
    assert "the line is full" in reply["refused"]
    assert post("{}")[0] == 400
    with urllib.request.urlopen(url, timeout=10) as reply:
        assert json.load(reply)["queue"]["refused"] == 1
    go.set()
    until(lambda: len(results()) == 2)
    stop()
    assert line.journal.waiting() == []


def test_units_that_were_taken_survive_a_stop(made, put, results, inspector):
    line = made(stream="tcp://127.0.0.1:0")
    source = Socket(line.journal, urlsplit("tcp://127.0.0.1:0"))
    for unit in "abc":
        source.answer(named(put, unit, image=0.1).encode(), lambda unit: True)
    source.server.server_close()
    again = made(stream="tcp://127.0.0.1:0")
    source = Socket(again.journal, urlsplit("tcp://127.0.0.1:0"))
    stop = running(again, source)
    until(lambda: len(results()) == 3)
    stop()
    assert [each["unit"] for each in results()] == ["a", "b", "c"]


def test_an_address_that_is_taken_is_a_sentence(made):
    line = made(stream="tcp://127.0.0.1:0")
    source = Socket(line.journal, urlsplit("tcp://127.0.0.1:0"))
    with pytest.raises(FileError, match="cannot listen at tcp"):
        Socket(line.journal, urlsplit(f"tcp://127.0.0.1:{source.port}"))
    source.server.server_close()
