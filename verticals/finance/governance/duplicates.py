"""Texts of one side that are nearly texts of the other: found by what their shingles share, and proven to be found.

A judged text that is nearly one that was learnt from says nothing of texts to come. It knows nothing of labels.
Source of shingles: Broder 1997.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from ....core.random import numpy_generator
from ....core.types import Array
from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Rows
from .dossier import Chapter, expect
from .written import count, share

CHAPTER = "leaks"
NEAR = 0.75  # cosine of the counts of shingles
PLANTED, SHOWN, ROWS = 60, 8, 512
Shingles = Literal["letters", "words"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearest:
    """For each judged text, the learnt text that is nearest, and how near (0 where there is none)."""

    place: Array
    likeness: Float[Array, " text"]

    @property
    def twins(self) -> Array:
        """The places of judged texts that are nearly learnt ones."""
        return np.flatnonzero(self.likeness >= NEAR)


def nearest(learnt: Sequence[str], judged: Sequence[str], *, shingles: Shingles = "letters") -> Nearest:
    """The nearest learnt text of each judged one: shingles of three letters, or of three words."""
    known, asked = _shingled(learnt, shingles), _shingled(judged, shingles)
    place, likeness = np.zeros(len(judged), int), np.zeros(len(judged))
    for start in range(0, len(judged), ROWS):
        found = (asked[start : start + ROWS] @ known.T).toarray()
        place[start : start + ROWS] = found.argmax(axis=1)
        likeness[start : start + ROWS] = found.max(axis=1)
    return Nearest(place=place, likeness=likeness)


def apart(
    learnt: Sequence[str],
    judged: Sequence[str],
    *,
    left_out: int,
    what: str,
    shingles: Shingles,
    seed: int,
) -> Chapter:
    """The chapter: `judged` is what is left after `left_out` twins were taken out; planted twins must be found."""
    found = nearest(learnt, judged, shingles=shingles)
    planted, caught = _planted(learnt, judged, shingles, numpy_generator(seed, "planted twins"))
    return Chapter(
        heading="Nothing of the judged side was learnt from",
        facts={
            "learnt": len(learnt), "judged": len(judged), "left_out_as_twins": left_out, "near": NEAR,
            "likeness": {str(q): float(np.quantile(found.likeness, q)) for q in (0.5, 0.9, 0.99, 1.0)},
            "planted": planted, "planted_found": caught,
        },
        claims=(
            Claim(
                template="{out} judged " + what + " were nearly learnt ones and were left out; of those judged, {left}"
                " are; {caught} of {planted} planted on purpose were found.",
                facts={
                    "out": _whole(lambda: left_out), "left": _whole(lambda: len(found.twins)),
                    "caught": _whole(lambda: caught), "planted": _whole(lambda: planted),
                },
            ),
        ),
        evidence={"twins": Evidence(kind="measurement", shows=f"every judged one of the {what} beside every learnt")},
        tables=(_likest(learnt, judged, found),),
        notes=(
            f"Two are nearly the same where the cosine of their shingles (three {shingles} each) is {NEAR:g} or more. A"
            " planted one is a judged text with one small change, put among the learnt.",
        ),
        expects=(
            expect(CHAPTER, f"No judged one of the {what} is nearly a learnt one", f"{len(judged):,} against"
                   f" {len(learnt):,}", not len(found.twins), f"{len(found.twins)} are; {left_out} were left out"),
            expect(CHAPTER, "The test above can fail", f"{planted} nearly equal ones planted among the learnt",
                   caught >= 0.95 * planted, f"{caught} found"),
        ),
    )  # fmt: skip


def _planted(
    learnt: Sequence[str], judged: Sequence[str], shingles: Shingles, random: np.random.Generator
) -> tuple[int, int]:
    """How many judged texts were put among the learnt with a small change, and how many of them were found."""
    chosen = random.permutation(len(judged))[:PLANTED]
    twins = [altered(judged[place], random) for place in chosen]
    again = nearest([*learnt, *twins], [judged[place] for place in chosen], shingles=shingles)
    return len(chosen), len(again.twins)


def _whole(measure: Callable[[], int]) -> Fact:
    return Fact(value=float(measure()), evidence="twins", digits=0, measure=lambda: float(measure()))


def altered(text: str, random: np.random.Generator) -> str:
    """A text with one small change: a letter lost, two letters turned, another case, a polite word more."""
    changes: tuple[Callable[[], str], ...] = (
        text.upper, lambda: f"{text} please", lambda: _lost(text, random), lambda: _turned(text, random),
        lambda: text.rstrip(".?!") + "!",
    )  # fmt: skip
    return changes[int(random.integers(len(changes)))]()


def _lost(text: str, random: np.random.Generator) -> str:
    place = int(random.integers(len(text)))
    return text[:place] + text[place + 1 :]


def _turned(text: str, random: np.random.Generator) -> str:
    place = int(random.integers(max(1, len(text) - 1)))
    return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]


def _shingled(texts: Sequence[str], shingles: Shingles) -> Any:
    """Sparse rows of length 1."""
    from sklearn.feature_extraction.text import HashingVectorizer

    kind = {"analyzer": "char_wb"} if shingles == "letters" else {"analyzer": "word", "token_pattern": r"[^\s]+"}
    return HashingVectorizer(n_features=2**18, ngram_range=(3, 3), alternate_sign=False, **kind).transform(texts)


def _likest(learnt: Sequence[str], judged: Sequence[str], found: Nearest) -> Rows:
    order = np.argsort(-found.likeness, kind="stable")[:SHOWN]
    rows = tuple(
        (judged[row][:90], learnt[found.place[row]][:90], share(float(found.likeness[row]), 0)) for row in order
    )
    return Rows(
        header=("judged", "nearest that was learnt", "alike"), rows=rows,
        caption=f"The nearest of {count(len(judged))}, after twins were left out.",
    )  # fmt: skip
