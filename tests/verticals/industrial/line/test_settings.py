from __future__ import annotations

import json
from pathlib import Path

import pytest

from colonnade.core.errors import ColonnadeError
from colonnade.verticals.industrial.line.options import OPTIONS
from colonnade.verticals.industrial.line.settings import DEFAULTS, LineSettings, read_settings

SENSES = ("scan", "image", "sound")


def settings(**words) -> LineSettings:
    return read_settings({name.replace("_", "-"): value for name, value in words.items()}, Path("out"), SENSES)


def test_every_default_is_that_of_a_word_that_there_is():
    assert set(DEFAULTS) <= {option.name for option in OPTIONS}
    given = settings(watch="in")
    plain = LineSettings(out=Path("out"), watch=Path("in"))
    assert given == plain


def test_words_become_settings():
    found = settings(stream="tcp://localhost:9000", alarm="2/5", senses="image, sound", deadline="1.5", limit="7")
    assert found.stream is not None
    assert (found.stream.hostname, found.stream.port) == ("localhost", 9000)
    assert (found.alarm.m, found.alarm.n, found.senses, found.deadline, found.limit) == (
        2,
        5,
        ("image", "sound"),
        1.5,
        7,
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({}, "name one of --watch, --replay and --stream, got none"),
        ({"watch": "in", "replay": "in"}, "got 2"),
        ({"watch": "in", "wait": "soon"}, "--wait takes a number, got 'soon'"),
        ({"watch": "in", "wait": "nan"}, "--wait is 0 or more"),
        ({"watch": "in", "queue": "0"}, "--queue is 1 or more"),
        ({"watch": "in", "queue": "1.5"}, "--queue takes a whole number"),
        ({"watch": "in", "alarm": "3"}, "--alarm takes m/n"),
        ({"watch": "in", "alarm": "5/3"}, "1 <= m <= n"),
        ({"watch": "in", "when-full": "blok"}, "did you mean 'block'"),
        ({"watch": "in", "senses": "scan,smell"}, "there is no sense 'smell'"),
        ({"watch": "in", "mqtt": "http://host"}, "--mqtt takes mqtt://HOST:PORT"),
        ({"watch": "in", "mqtt": "mqtt://host:99999"}, "no number up to 65535"),
        ({"watch": "in", "opcua": "opc.tcp://"}, "--opcua needs a host"),
        ({"stream": "ftp://host:1"}, "--stream takes tcp://HOST:PORT or http://HOST:PORT"),
        ({"stream": "tcp://host"}, "needs a host and a port"),
    ],
)
def test_words_that_are_off_are_a_sentence(words, says):
    with pytest.raises(ColonnadeError) as error:
        settings(**words)
    assert says in str(error.value)
    assert json.dumps(str(error.value)).count("\\n") == 0
