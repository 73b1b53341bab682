"""The state of a dialogue, turn by turn: the topic, corrections, changes of topic. Pure: a state and a turn give a
state.

What a turn is about comes in as a reading (intent and confidence); how it was read is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .records import Mentioned, Slot, State
from .slots import mentioned

CORRECTION = re.compile(
    r"\b(?:sorry|actually|i meant|i mean|correction|no,|not|n['’]t|wrong|rather|instead|make that)(?=\W|$)",
    re.IGNORECASE,
)
SURE = 0.85
FEW = 7  # words: a turn this short that names a value adds to the topic


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a turn by itself was read as; None where it is out of scope or not sure enough to change the topic."""

    intent: str | None
    confidence: float


def advance(state: State, text: str, reading: Reading) -> State:
    """The state after a customer's turn."""
    turn, found = state.turns + 1, mentioned(text)
    topic = state.topic if adds(state, text, reading.confidence) else (reading.intent or state.topic)
    topics = state.topics
    if topic is not None and topic != state.topic:
        topics = (*topics, (turn, topic))
    return State(turns=turn, topic=topic, topics=topics, slots=filled(state.slots, found, turn))


def listened(state: State) -> State:
    """The state after the assistant's turn: it names nothing of the customer's."""
    return State(turns=state.turns + 1, topic=state.topic, topics=state.topics, slots=state.slots)


def adds(state: State, text: str, confidence: float) -> bool:
    """Whether a turn gives details of the topic instead of asking something new: a few words with a value, a
    correction, or several values in a turn that by itself is not surely about anything (`confidence`)."""
    found = {each.slot for each in mentioned(text)}
    if state.topic is None or not found:
        return False
    if len(found) >= 2 and "?" not in text and confidence < SURE:
        return True
    words = len(re.findall(r"\w+", text))
    return words <= FEW or (CORRECTION.search(text) is not None and "?" not in text)


def filled(known: Mapping[str, Slot], found: Sequence[Mentioned], turn: int) -> dict[str, Slot]:
    """The newest values of each slot; what they replace is kept beside them, and a denied value is taken out."""
    slots = dict(known)
    for name in dict.fromkeys(each.slot for each in found):
        said = [each for each in found if each.slot == name and not each.denied]
        denied = {each.value for each in found if each.slot == name and each.denied}
        before = slots.get(name)
        if said:
            values = tuple(dict.fromkeys(each.value for each in said))
            gone = tuple(value for value in before.values if value not in values) if before else ()
            old = (*before.replaced, *gone) if before else ()
            slots[name] = Slot(values=values, turn=turn, start=said[0].start, end=said[-1].end, replaced=old)
        elif before and denied & set(before.values):
            del slots[name]
    return slots
