"""Words of a text to nodes of a graph: the longest name or synonym wins, and what is denied is marked as denied.

Names match by whole words, whatever their case, hyphens and plural s. Negation follows NegEx (Chapman et al. 2001): a
cue denies what follows in its clause ("no nodule, mass or effusion"), some deny what stands before ("is absent").
It decides nothing about meaning beyond that and knows no field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from .graph import KnowledgeGraph, Node

BEFORE = (
    "no", "not", "without", "denies", "denied", "negative for", "free of", "clear of", "absence of", "absent",
    "no evidence of",
    "no sign of", "no signs of", "ruled out", "rules out", "neither", "nor", "never", "lack of", "resolution of",
)  # fmt: skip
AFTER = (
    "is absent", "are absent", "not seen", "not present", "not identified", "not visualized", "is ruled out",
    "are ruled out", "was ruled out", "has resolved", "have resolved", "is excluded", "are excluded", "is not seen",
    "are not seen",
)  # fmt: skip
PRETENDED = (
    "no change", "no interval change", "no significant change", "no increase", "no significant interval change",
    "not only", "without change", "not excluded", "cannot exclude", "not ruled out", "cannot be excluded", "no longer",
    "cannot rule out", "not necessarily",
)  # fmt: skip
ENDS = (
    "but", "however", "although", "though", "except", "apart from", "aside from", "other than", "there is", "there are",
    "which", "secondary to", "with", "shows", "demonstrates", "is seen", "are seen", "is noted", "are noted",
)  # fmt: skip
_WORD = re.compile(r"\w+")
_CLAUSE = re.compile(r"[;:!?\n]|\.(?=\s|$)")
Words = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """Where a text speaks of nodes: `text[start:end]`, their ids (several where a name has several), and whether it is
    denied; `cue` is the span of the words that deny it."""

    start: int
    end: int
    ids: tuple[str, ...]
    negated: bool
    cue: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    start: int
    end: int


@final
class Linker:
    """Names and synonyms of a graph's nodes (of some kinds), looked up in texts."""

    def __init__(self, graph: KnowledgeGraph, *, kinds: Collection[str] | None = None) -> None:
        for kind in kinds or ():
            graph.schema.node_kind(kind)
        self.names: dict[Words, list[str]] = {}
        for node in graph.nodes():
            if kinds is None or node.kind in kinds:
                for words in _names(node):
                    self.names.setdefault(words, []).append(node.id)
        self.longest = max(map(len, self.names), default=0)

    def link(self, text: str) -> tuple[Mention, ...]:
        """What the text mentions, in its order; no mention lies within another."""
        return tuple(mention for clause in _clauses(text) for mention in self._linked(clause))

    def _linked(self, tokens: Sequence[_Token]) -> Iterator[Mention]:
        cues = tuple(_cues(tokens))
        place = 0
        while place < len(tokens):
            length = next((n for n in range(min(self.longest, len(tokens) - place), 0, -1)
                           if _words(tokens[place:place + n]) in self.names), 0)  # fmt: skip
            if not length:
                place += 1
                continue
            cue = next((span for span, scope in cues if scope.start <= place and place + length <= scope.stop), None)
            yield Mention(
                start=tokens[place].start,
                end=tokens[place + length - 1].end,
                ids=tuple(self.names[_words(tokens[place : place + length])]),
                negated=cue is not None,
                cue=cue,
            )
            place += length


def normal(word: str) -> str:
    """A word as it is compared: case and compatibility forms folded, a plural s dropped ("nodules" is "nodule")."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    plural = len(folded) > 3 and folded.endswith("s") and not folded.endswith(("ss", "us", "is"))
    return folded[:-1] if plural else folded


def _names(node: Node) -> set[Words]:
    return {words for each in (node.name, *node.synonyms) if (words := tuple(map(normal, _WORD.findall(each))))}


def _clauses(text: str) -> Iterator[list[_Token]]:
    start = 0
    for end in (*(each.start() for each in _CLAUSE.finditer(text)), len(text)):
        yield [_Token(normal(each.group()), each.start(), each.end()) for each in _WORD.finditer(text, start, end)]
        start = end


def _words(tokens: Iterable[_Token]) -> Words:
    return tuple(each.word for each in tokens)


def _phrases(phrases: Iterable[str]) -> tuple[Words, ...]:
    return tuple(tuple(map(normal, each.split())) for each in phrases)


_BEFORE, _AFTER, _PRETENDED, _ENDS = map(_phrases, (BEFORE, AFTER, PRETENDED, ENDS))


def _cues(tokens: Sequence[_Token]) -> Iterator[tuple[tuple[int, int], range]]:
    """The span of each cue in the text, and the places of the tokens that it denies."""
    feigned = {place for at, length in _found(tokens, _PRETENDED) for place in range(at, at + length)}
    ends = sorted(at for at, _ in _found(tokens, _ENDS))
    for at, length in _found(tokens, _AFTER):
        if at not in feigned:
            first = max((end + 1 for end in ends if end < at), default=0)
            yield (tokens[at].start, tokens[at + length - 1].end), range(first, at)
    for at, length in _found(tokens, _BEFORE):
        if at not in feigned:
            last = min((end for end in ends if end >= at + length), default=len(tokens))
            yield (tokens[at].start, tokens[at + length - 1].end), range(at + length, last)


def _found(tokens: Sequence[_Token], phrases: Sequence[Words]) -> Iterator[tuple[int, int]]:
    for at in range(len(tokens)):
        for phrase in phrases:
            if _words(tokens[at : at + len(phrase)]) == phrase:
                yield at, len(phrase)
