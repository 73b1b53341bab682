"""The whole state of a stream as plain arrays, and back: what a snapshot on disk holds. No pickle.

A card takes at most two kilobytes: 12 bytes for each of its latest payments, its devices and 24 numbers.
It knows nothing of when a snapshot is taken.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ....core.errors import CheckpointError
from ....core.types import Array
from .card import Card
from .party import Party
from .stream import Event, Stream
from .windows import WINDOWS

FORMAT = 1
HEAD = ("format", "now", "known", "frauds", "labels")
COUNTS = frozenset(("payments", "known", "frauds", "cleans", "run", "cards"))  # whole numbers among the scalars
CARD = tuple(name for name in Card.__slots__ if name not in ("ring", "devices", "device_times"))
PARTY = tuple(Party.__slots__)
WHOLE, SINGLE, DOUBLE = "I", "f", "d"  # type codes of the arrays


def pack(stream: Stream) -> dict[str, Array]:
    """Every array by name."""
    found = {"head": np.array([FORMAT, stream.now, stream.known, stream.frauds, stream.labels], np.float64)}
    found |= _cards(stream.cards)
    terminals = [party for _, party in stream.terminals.values()]
    devices = [party for _, party in stream.devices.values()]
    for kind, names, parties in (
        ("terminal", stream.terminals, terminals), ("device", stream.devices, devices),
        ("text", stream.texts, list(stream.texts.values())),
    ):  # fmt: skip
        found[f"{kind}.names"] = _text(list(names))
        found[f"{kind}.scalars"] = _scalars(parties, PARTY)
    found["words"] = _text([[word, *counts] for word, counts in stream.words.counts.items()])
    found["open"] = _text([[id, event and list(event)] for id, event in stream.open.items()])
    found["order"] = _text([list(each) for each in stream.order])
    found["waiting"] = _text([event.id for event in stream.waiting])
    found["coming"] = _text([list(each) for each in stream.coming])
    return found


def unpack(arrays: Mapping[str, Array]) -> Stream:
    """The stream that `pack` described.

    Raises:
        CheckpointError: it is of another format, or not whole.
    """
    try:
        return _unpack(arrays)
    except (LookupError, ValueError, TypeError) as error:
        raise CheckpointError(f"the snapshot is not whole or of another version: {error}") from error


def _unpack(arrays: Mapping[str, Array]) -> Stream:
    head = dict(zip(HEAD, arrays["head"].tolist(), strict=True))
    if head["format"] != FORMAT:
        raise CheckpointError(f"the snapshot has format {head['format']:.0f}, this program reads {FORMAT}")
    stream = Stream()
    stream.now, stream.known = head["now"], int(head["known"])
    stream.frauds, stream.labels = int(head["frauds"]), int(head["labels"])
    stream.cards = _cards_from(arrays)
    for kind, numbered in (("terminal", stream.terminals), ("device", stream.devices)):
        for number, (name, party) in enumerate(_parties(arrays, kind), start=1):
            numbered[name] = (number, party)
    stream.texts = dict(_parties(arrays, "text"))
    stream.words.counts = {word: (known, frauds) for word, known, frauds in _said(arrays["words"])}
    stream.open = {id: None if event is None else Event(*event) for id, event in _said(arrays["open"])}
    stream.order.extend((time, id) for time, id in _said(arrays["order"]))
    stream.waiting = [event for id in _said(arrays["waiting"]) if (event := stream.open[id]) is not None]
    stream.coming = [(known_at, order, id, fraud) for known_at, order, id, fraud in _said(arrays["coming"])]
    return stream


def _cards(cards: Mapping[str, Card]) -> dict[str, Array]:
    rings = [card.ring for card in cards.values()]
    return {
        "card.names": _text(list(cards)),
        "card.scalars": _scalars(cards.values(), CARD),
        "card.payments": np.array([len(ring) for ring in rings], np.int32),
        "card.seconds": _joined((ring.seconds for ring in rings), WHOLE),
        "card.amounts": _joined((ring.amounts for ring in rings), SINGLE),
        "card.places": _joined((ring.places for ring in rings), WHOLE),
        "card.starts": np.array([ring.starts for ring in rings], np.uint8).reshape(-1, len(WINDOWS)),
        "card.sums": np.array([ring.sums for ring in rings], np.float64).reshape(-1, len(WINDOWS)),
        "card.devices": np.array([len(card.devices) for card in cards.values()], np.uint8),
        "card.device_numbers": _joined((card.devices for card in cards.values()), WHOLE),
        "card.device_times": _joined((card.device_times for card in cards.values()), DOUBLE),
    }


def _cards_from(arrays: Mapping[str, Array]) -> dict[str, Card]:
    payments, devices = (np.cumsum([0, *arrays[f"card.{name}"].tolist()]) for name in ("payments", "devices"))
    starts, sums = arrays["card.starts"].tolist(), arrays["card.sums"].tolist()
    found = {}
    for row, (name, card) in enumerate(_objects(_said(arrays["card.names"]), arrays["card.scalars"], CARD, Card)):
        ring, own, used = card.ring, slice(*payments[row : row + 2]), slice(*devices[row : row + 2])
        ring.seconds = array(WHOLE, arrays["card.seconds"][own].tobytes())
        ring.amounts = array(SINGLE, arrays["card.amounts"][own].tobytes())
        ring.places = array(WHOLE, arrays["card.places"][own].tobytes())
        ring.ordered = array(SINGLE, np.sort(arrays["card.amounts"][own]).tobytes())
        ring.starts, ring.sums = starts[row], sums[row]
        card.devices = array(WHOLE, arrays["card.device_numbers"][used].tobytes())
        card.device_times = array(DOUBLE, arrays["card.device_times"][used].tobytes())
        found[name] = card
    return found


def _parties(arrays: Mapping[str, Array], kind: str) -> Iterable[tuple[str, Party]]:
    return _objects(_said(arrays[f"{kind}.names"]), arrays[f"{kind}.scalars"], PARTY, Party)


def _objects(names: list[str], scalars: Array, fields: tuple[str, ...], kind: type) -> Iterable[tuple[str, Any]]:
    for name, values in zip(names, scalars.tolist(), strict=True):
        made = kind()
        for field, value in zip(fields, values, strict=True):
            setattr(made, field, int(value) if field in COUNTS else value)
        yield name, made


def _scalars(objects: Iterable[Any], fields: tuple[str, ...]) -> Array:
    rows = [[getattr(each, field) for field in fields] for each in objects]
    return np.array(rows, np.float64).reshape(-1, len(fields))


def _joined(arrays: Iterable[array[Any]], code: str) -> Array:
    kinds = {WHOLE: np.uint32, SINGLE: np.float32, DOUBLE: np.float64}
    return np.frombuffer(b"".join(each.tobytes() for each in arrays), kinds[code])


def _text(values: list[Any]) -> Array:
    return np.frombuffer(json.dumps(values).encode("utf-8", "surrogatepass"), np.uint8)


def _said(values: Array) -> list[Any]:
    found: list[Any] = json.loads(values.tobytes().decode("utf-8", "surrogatepass"))
    return found
