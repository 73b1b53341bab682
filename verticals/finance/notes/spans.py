"""Words of the text that may answer a question: sentences that share its words, and the stretches inside them.

A stretch begins where a clause, a verb of being or a preposition lets one begin, and ends where a clause does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .records import Filing
from .words import mass, rarity, telling, words

SENTENCES = 4  # best ones that are cut
SPAN_COUNT = 24
_SENTENCE = re.compile(r"(?<=[.;!?])\s+(?=[A-Z(“\"])|(?<=:)\s+(?=[A-Z])")
_TOKEN = re.compile(r"\S+")
_AFTER = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "as",
        "of",
        "to",
        "for",
        "by",
        "in",
        "at",
        "on",
        "with",
        "include",
        "includes",
        "included",
        "including",
        "the",
        "a",
        "an",
        "that",
        "which",
        "because",
        "due",
        "from",
        "reflects",
        "represents",
        "primarily",
        "mainly",
        "generally",
        "approximately",
        "has",
        "have",
        "had",
        "being",
        "using",
        "under",
        "between",
        "include,",
        "following",
        "than",
        "will",
        "may",
    ]
)
_BEFORE = frozenset(
    [
        "and",
        "or",
        "but",
        "which",
        "that",
        "who",
        "while",
        "where",
        "in",
        "for",
        "as",
        "with",
        "from",
        "at",
        "due",
        "by",
        "to,",
        "during",
        "on",
        "of",
        "compared",
    ]
)
_ASKED = ("why", "who", "when", "where", "how", "what", "which")
_REASON = ("due", "because", "driven", "primarily", "result", "attributable", "reflecting", "offset")


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Words of a paragraph, `text[start:end]`, with what the scorer reads of them."""

    paragraph: int
    text: str
    start: int
    end: int
    facts: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence of a paragraph, and how well it fits a question."""

    paragraph: int
    start: int
    text: str
    fit: float


def sentences_of(question: str, filing: Filing) -> tuple[Sentence, ...]:
    """Every sentence of the text, best first: the weight of the question's words that it has."""
    rare = rarity(tuple(each.text for each in filing.paragraphs))
    asked = set(telling(question))
    whole = max(mass(asked, rare), 1e-9)
    found = []
    for paragraph in filing.paragraphs:
        around = mass(asked & set(telling(paragraph.text)), rare) / whole
        start = 0
        for part in _SENTENCE.split(paragraph.text):
            start = paragraph.text.index(part, start)
            own = set(telling(part))
            fit = mass(asked & own, rare) / whole + 0.25 * around - 0.002 * len(own)
            found.append(Sentence(paragraph=paragraph.order, start=start, text=part, fit=fit))
            start += len(part)
    return tuple(sorted(found, key=lambda each: -each.fit))


def spans_of(question: str, filing: Filing) -> tuple[Span, ...]:
    """Stretches of the best sentences."""
    asked = words(question)
    kind = next((place for place, word in enumerate(_ASKED) if word in asked[:6]), len(_ASKED))
    best = sentences_of(question, filing)[:SENTENCES]
    return tuple(span for rank, each in enumerate(best) for span in _cut(each, rank, set(asked), kind, best[0].fit))


def span_features(span: Span) -> Float[Array, " feature"]:
    return np.array(span.facts, np.float32)


def _cut(sentence: Sentence, rank: int, asked: set[str], kind: int, top: float) -> Iterator[Span]:
    tokens = list(_TOKEN.finditer(sentence.text))
    plain = [re.sub(r"[^\w%$]", "", each.group()).lower() for each in tokens]
    stems = [set(words(each.group())) for each in tokens]
    shared = [bool(stem & asked) for stem in stems]
    starts = [at for at in range(len(tokens)) if _begins(plain, tokens, at)][:24]
    ends = [at for at in range(len(tokens)) if _ends(plain, tokens, at)]
    for first in starts:
        for last in [each for each in ends if first <= each < first + 45][:9]:
            left, right = tokens[first].start(), tokens[last].end()
            text = sentence.text[left:right].rstrip(",;:")
            inside, outside = shared[first : last + 1], [*shared[:first], *shared[last + 1 :]]
            facts = _facts(sentence, rank, top, (first, last), plain, (inside, outside), kind)
            yield Span(
                paragraph=sentence.paragraph, text=text.rstrip(".") if last < len(tokens) - 1 else text,
                start=sentence.start + left, end=sentence.start + left + len(text), facts=facts,
            )  # fmt: skip


def _begins(plain: Sequence[str], tokens: Sequence[re.Match[str]], at: int) -> bool:
    return at == 0 or plain[at - 1] in _AFTER or tokens[at - 1].group()[-1] in ",;:)" or plain[at][:1].isdigit() or (
        tokens[at].group()[0] in "$“\"€£("
    )  # fmt: skip


def _ends(plain: Sequence[str], tokens: Sequence[re.Match[str]], at: int) -> bool:
    if at == len(tokens) - 1 or tokens[at].group()[-1] in ",;:.)":
        return True
    return plain[at + 1] in _BEFORE or (
        plain[at][-1:].isdigit() and plain[at + 1] not in ("million", "billion", "thousand")
    )


def _facts(
    sentence: Sentence, rank: int, top: float, place: tuple[int, int], plain: Sequence[str],
    shared: tuple[Sequence[bool], Sequence[bool]], kind: int,
) -> tuple[float, ...]:  # fmt: skip
    first, last = place
    inside, outside = shared
    length = last - first + 1
    before = plain[first - 1] if first else ""
    number = any(each[:1].isdigit() or each[:1] == "$" for each in plain[first : last + 1])
    starts = plain[first]
    why, quantity, who = kind == 0, kind == 4, kind in (1, 2, 3)
    near = float(any(outside[max(0, first - 3) : first]))
    reason = float(starts in _REASON or before in _REASON)
    kinds = (why * reason, why * np.log1p(length), quantity * float(number), quantity * np.log1p(length),
             who * np.log1p(length), float(kind > 4) * np.log1p(length))  # fmt: skip
    return (
        sentence.fit, top - sentence.fit, float(rank == 0), np.log1p(length), float(length <= 2),
        sum(inside) / length, sum(outside) / max(len(outside), 1), near,
        float(before in ("is", "are", "was", "were", "be", "been")), float(before in ("of", "for", "in", "at", "to")),
        float(before in ("the", "a", "an")), float(first == 0), float(last == len(plain) - 1),
        float(starts in ("the", "a", "an", "our", "its")), float(starts in _AFTER), float(number), reason,
        float(first == 0 and last == len(plain) - 1), *map(float, kinds),
    )  # fmt: skip
