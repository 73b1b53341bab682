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
from .sequence import TOKEN, Residual, Track
from .stream import Event, Stream
from .suspicion import Suspicion
from .watch import FRAUD, Watch
from .windows import WINDOWS

FORMAT = 2
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
    found["waiting"] = _text([event.id for event, _ in stream.waiting])
    found["coming"] = _text([list(each) for each in stream.coming])
    return found | _signs(stream)


def unpack(arrays: Mapping[str, Array], sequence: Residual | None = None) -> Stream:
    """The stream that `pack` described.

    Raises:
        CheckpointError: it is of another format, or not whole.
    """
    try:
        return _unpack(arrays, sequence)
    except (LookupError, ValueError, TypeError) as error:
        raise CheckpointError(f"the snapshot is not whole or of another version: {error}") from error


def _unpack(arrays: Mapping[str, Array], sequence: Residual | None) -> Stream:
    head = dict(zip(HEAD, arrays["head"].tolist(), strict=True))
    if head["format"] != FORMAT:
        raise CheckpointError(f"the snapshot has format {head['format']:.0f}, this program reads {FORMAT}")
    stream = Stream(sequence)
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
    stream.coming = [(known_at, order, id, fraud) for known_at, order, id, fraud in _said(arrays["coming"])]
    _signs_from(stream, arrays)
    for id in _said(arrays["waiting"]):
        if (event := stream.open[id]) is not None:
            stream.wait(event)
    return stream


def _signs(stream: Stream) -> dict[str, Array]:
    """What is counted of signs, what is watched and suspected, and the accounts."""
    holder, watches = stream.holder, stream.watches.values()
    return {
        "signs": _text([[sign, *counts] for sign, counts in stream.signs.counts.items()]),
        "marks": _text([[id, *signs] for id, signs in stream.marks.items()]),
        "usual": _text([[place, *known] for place, known in stream.usual.places.items()]),
        "delays": np.array(stream.delays.counts, np.int64),
        "high": np.array(stream.high, np.float64),
        "holder": _text([holder.known, holder.struck, list(holder.counts.items()), list(holder.accounts.items())]),
        "watch.names": _text(list(stream.watches)),
        "watch.payments": np.array([len(watch.times) for watch in watches], np.int32),
        "watch.summed": np.array([watch.summed for watch in watches], np.float64),
        "watch.times": _joined((watch.times for watch in watches), DOUBLE),
        "watch.known": np.frombuffer(b"".join(watch.known for watch in watches), np.uint8),
        "watch.said": _joined((watch.said for watch in watches), SINGLE),
        "card.tracked": _text(list(stream.tracks)),
        "card.tracks": np.array([len(track.times) for track in stream.tracks.values()], np.int32),
        "card.track_times": _joined((track.times for track in stream.tracks.values()), DOUBLE),
        "card.track_numbers": _joined((track.numbers for track in stream.tracks.values()), SINGLE),
        "card.suspects": _text(list(stream.suspicions)),
        "card.suspicions": np.array([[each.at, *each.spells] for each in stream.suspicions.values()], np.float64),
    }


def _signs_from(stream: Stream, arrays: Mapping[str, Array]) -> None:
    stream.signs.counts = {sign: (known, frauds) for sign, known, frauds in _said(arrays["signs"])}
    stream.marks = {id: (amount, device) for id, amount, device in _said(arrays["marks"])}
    stream.usual.places = {place: (payments, counts) for place, payments, counts in _said(arrays["usual"])}
    stream.delays.restore(arrays["delays"].tolist())
    stream.high = arrays["high"].tolist()
    known, struck, counts, accounts = _said(arrays["holder"])
    for card, account in accounts:
        stream.holder.meet(card, account)
    stream.holder.known, stream.holder.struck = known, struck
    stream.holder.counts = {sign: (known, frauds) for sign, (known, frauds) in counts}
    ends = np.cumsum([0, *arrays["watch.payments"].tolist()])
    for row, name in enumerate(_said(arrays["watch.names"])):
        own, watch = slice(*ends[row : row + 2]), Watch()
        watch.times = array(DOUBLE, arrays["watch.times"][own].tobytes())
        watch.known = bytearray(arrays["watch.known"][own].tobytes())
        watch.said = array(SINGLE, arrays["watch.said"][own].tobytes())
        watch.frauds, watch.summed = watch.known.count(FRAUD), float(arrays["watch.summed"][row])
        stream.watches[name] = watch
    ends = np.cumsum([0, *arrays["card.tracks"].tolist()])
    for row, name in enumerate(_said(arrays["card.tracked"])):
        own, numbers = slice(*ends[row : row + 2]), slice(*(len(TOKEN) * ends[row : row + 2]))
        track = stream.tracks[name] = Track()
        track.times = array(DOUBLE, arrays["card.track_times"][own].tobytes())
        track.numbers = array(SINGLE, arrays["card.track_numbers"][numbers].tobytes())
    for name, (at, *spells) in zip(_said(arrays["card.suspects"]), arrays["card.suspicions"].tolist(), strict=True):
        suspicion = stream.suspicions[name] = Suspicion()
        suspicion.at, suspicion.spells = at, spells


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
