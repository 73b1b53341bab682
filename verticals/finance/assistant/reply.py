"""What the assistant says, and when a person takes over. Only sentences of help pages, and the few written here.

It decides by probabilities, the pages and the dialogue; it knows nothing of how a text was read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .articles import Articles
from .records import Candidate, Citation, Decision, Slot, State, Turn

SURE = 0.5  # below this the customer is asked which of the candidates is meant
MOST = 3  # candidates to ask about
AGAIN = 3  # times a topic comes back before a person takes over
PERSON = re.compile(
    r"\b(?:human|real person|a person|agent|advisor|adviser|representative|someone from (?:support|the bank)|operator|"
    r"complain|complaint|lawyer|ombudsman)\b",
    re.IGNORECASE,
)
OUTSIDE = "I can only help with the cards, payments and accounts of this bank. What is your question about them?"
ASKED = "I want to be sure that I understand: which of these do you mean?"
NO_PAGES = "I have no help page that answers this, so a person takes over."
TAKES_OVER = "A person takes over, with a summary of what you said."


@dataclass(frozen=True, kw_only=True)
class Said:
    """A decision, its words and what they rest on."""

    decision: Decision
    reply: str
    citations: tuple[Citation, ...] = ()


def reply_to(
    message: str, *, candidates: Sequence[Candidate], outside: bool, articles: Articles | None, state: State
) -> Said:
    """What is said to a message; `outside`: it is like nothing the assistant was taught."""
    if PERSON.search(message):
        return Said(decision="hand over", reply=TAKES_OVER)
    if outside:
        return Said(decision="out of scope", reply=OUTSIDE)
    best = candidates[0]
    pages = articles or {}
    if best.probability < SURE and len(candidates) > 1:
        titles = [pages[each.intent].title if each.intent in pages else each.intent for each in candidates[:MOST]]
        return Said(decision="ask", reply=" ".join([ASKED, *(f"({title})" for title in titles)]))
    page = pages.get(best.intent)
    if page is None:
        return Said(decision="hand over", reply=NO_PAGES)
    cited = tuple(Citation(article=page.topic, line=line, sentence=sentence) for line, sentence in page.lines)
    words = " ".join(each.sentence for each in cited)
    times = sum(topic == best.intent for _, topic in state.topics)
    if page.person or times >= AGAIN:
        return Said(decision="hand over", reply=f"{words} {TAKES_OVER}", citations=cited)
    return Said(decision="answer", reply=words, citations=cited)


def summary_of(state: State, turns: Sequence[Turn], articles: Articles | None) -> tuple[str, ...]:
    """What a person reads first: topics in order and values, each with its turn."""
    found = [f"turn {turn}: asks about {named(topic, articles)}" for turn, topic in state.topics]
    found += [f"turn {slot.turn}: {told(name, slot)}" for name, slot in state.slots.items()]
    return (*found, f"{len(turns)} turns so far")


def told(name: str, slot: Slot) -> str:
    """A slot in words, with what it replaced."""
    before = f" (before: {', '.join(slot.replaced)})" if slot.replaced else ""
    return f"{name} {', '.join(slot.values)}{before}"


def named(topic: str, articles: Articles | None) -> str:
    """A topic in the words of its page."""
    if articles and topic in articles:
        return articles[topic].title
    return topic.replace("_", " ")
