"""What a dialogue with a bank's customer holds, and what the assistant answers. It knows nothing of models or files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ....core.errors import FormatError

Speaker: TypeAlias = Literal["customer", "assistant"]
Decision: TypeAlias = Literal["answer", "ask", "hand over", "out of scope"]
TURNS = 200  # more is no dialogue, and each turn is read by the model
LETTERS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What one side said."""

    speaker: Speaker
    text: str

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise FormatError("a turn of a dialogue holds words, got an empty text")
        if len(self.text) > LETTERS:
            raise FormatError(
                f"a turn has at most {LETTERS} letters, got {len(self.text)}: send what the customer asks"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Mentioned:
    """A value that a text names: `text[start:end]`, and whether the words around it deny it ("not 50")."""

    slot: str
    value: str
    start: int
    end: int
    denied: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """What is known of one thing: the values last said, the turn that said them, and the values they replaced."""

    values: tuple[str, ...]
    turn: int
    start: int
    end: int
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Where a dialogue stands: the topic, those before it (each with the turn it began), and what was said of it."""

    turns: int = 0
    topic: str | None = None
    topics: tuple[tuple[int, str], ...] = ()
    slots: Mapping[str, Slot] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An intent that cannot be ruled out, with its probability."""

    intent: str
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """A sentence of a help page, and the line of the file that it stands on."""

    article: str
    line: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Assistance:
    """The answer: what the customer wants, what is said, and on which pages it rests.

    `reply` holds sentences of the help pages only, or one of the fixed sentences that ask, refuse or hand over.
    `summary` is what a person who takes over reads first.
    """

    intent: str | None
    confidence: float
    candidates: tuple[Candidate, ...]
    decision: Decision
    reply: str
    citations: tuple[Citation, ...]
    state: State
    summary: tuple[str, ...]
