"""The chapter on answers: without the cited page there is no answer, and no word of one is from elsewhere.

The control takes away a page that is not cited. Replies are made as the pipeline makes them, for a first message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .....core.governance import Expectation
from .....core.random import numpy_generator
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...assistant.articles import Article, Articles
from ...assistant.model import familiarity
from ...assistant.records import Candidate, State
from ...assistant.reply import TAKES_OVER, Said, reply_to
from ..dossier import Chapter, expect
from ..written import count, share
from .case import Case

CHAPTER = "evidence"
MOST = 400  # messages


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One message that pages answer: gone without the cited page, same without another, changed where a line is."""

    gone: bool
    same: bool
    follows: bool
    own: bool


def answers(case: Case) -> Chapter:
    """On judged messages: the cited page taken away, another taken away, a cited line changed."""
    tried, decisions = _tried(case)
    counts = {name: sum(getattr(each, name) for each in tried) for name in ("gone", "same", "follows", "own")}
    strange, cited = len(case.judged.outside), _outside(case)
    again = lambda: float(sum(each.gone for each in _tried(case)[0]))  # noqa: E731
    whole = lambda: float(len(tried))  # noqa: E731
    return Chapter(
        heading="Answers rest on pages",
        facts={
            "answered_from_pages": len(tried), "gone_without_the_page": counts["gone"],
            "same_without_another": counts["same"], "follows_a_changed_line": counts["follows"],
            "words_of_pages_only": counts["own"], "decisions": decisions, "cited_for_messages_of_no_intent": cited,
        },
        claims=(
            Claim(
                template="Of {all} answers from pages, {gone} are gone once the cited page is taken away.",
                facts={
                    "all": Fact(value=whole(), evidence="tried", digits=0, measure=whole),
                    "gone": Fact(value=float(counts["gone"]), evidence="tried", digits=0, measure=again),
                },
            ),
        ),
        evidence={"tried": Evidence(kind="rule", shows="replies made again with other pages")},
        tables=_tables(len(tried), counts, decisions),
        expects=(*_expects(len(tried), counts), _few(strange, cited)),
    )  # fmt: skip


def _tables(tried: int, counts: Mapping[str, int], decisions: Mapping[str, int]) -> tuple[Rows, Rows]:
    return (
        Rows(header=("on judged messages", ""), rows=(
            ("answered from pages (or handed over with a cited page)", count(tried)),
            ("the answer is gone without the cited page", _part(counts["gone"], tried)),
            ("control: it stays without a page that is not cited", _part(counts["same"], tried)),
            ("it follows a cited line that is changed", _part(counts["follows"], tried)),
            ("every word is of the cited lines", _part(counts["own"], tried)),
        )),
        Rows(header=("decision", "messages"), rows=tuple((n, count(c)) for n, c in decisions.items())),
    )  # fmt: skip


def _expects(tried: int, counts: Mapping[str, int]) -> Iterator[Expectation]:
    for name, expects, ran in (
        ("gone", "Removing the cited page removes the answer", "the page taken away"),
        ("same", "Removing another page changes nothing", "a page that is not cited taken away"),
        ("follows", "An answer says what its page says now", "a cited line changed"),
        ("own", "No word of an answer is from elsewhere", "words beside the cited lines"),
    ):
        met = counts[name] == tried if tried else None
        yield expect(CHAPTER, expects, ran, met, f"{counts[name]} of {tried} answers")


def _few(strange: int, cited: int) -> Expectation:
    return expect(
        CHAPTER, "Few messages of no intent are answered from pages (at most a quarter)", f"{strange} such messages",
        cited <= 0.25 * strange if strange else None,
        f"{cited} of {strange}" if strange else "the data have no message of the category out_of_scope",
    )  # fmt: skip


def replies(case: Case, texts: tuple[str, ...], logits: np.ndarray, pages: Articles) -> list[Said]:
    """What is said to each as a first message."""
    reach, names = case.reader.reach, case.reader.settings.intents
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances, known = raised / raised.sum(axis=1, keepdims=True), familiarity(logits) >= reach.known
    found = []
    for text, row, inside in zip(texts, chances, known, strict=True):
        order = np.argsort(-row, kind="stable")
        candidates = tuple(
            Candidate(intent=names[at], probability=float(row[at]))
            for place, at in enumerate(order) if place == 0 or 1 - row[at] <= reach.set_threshold
        )  # fmt: skip
        found.append(reply_to(text, candidates=candidates, outside=not inside, articles=pages, state=State()))
    return found


def _tried(case: Case) -> tuple[list[Tried], dict[str, int]]:
    texts, logits, pages = case.judged.texts[:MOST], case.logits[:MOST], case.articles
    said = replies(case, texts, logits, pages)
    decisions: dict[str, int] = {}
    for each in said:
        decisions[each.decision] = decisions.get(each.decision, 0) + 1
    random, tried = numpy_generator(case.seed, "pages"), []
    for row, each in enumerate(said):
        if not each.citations:
            continue
        topic = each.citations[0].article
        others = sorted(set(pages) - {topic})
        spare = others[int(random.integers(len(others)))] if others else ""

        def again(changed: Articles, row: int = row) -> Said:
            return replies(case, texts[row : row + 1], logits[row : row + 1], changed)[0]

        bare, other = again(_without(pages, topic)), again(_without(pages, spare))
        turned = again({**pages, topic: _changed(pages[topic])})
        lines = [sentence for _, sentence in pages[topic].lines]
        tried.append(Tried(
            gone=not bare.citations and not any(line in bare.reply for line in lines),
            same=other == each,
            follows=turned.citations != each.citations and CHANGED in turned.reply,
            own=each.reply.removesuffix(f" {TAKES_OVER}") == " ".join(lines),
        ))  # fmt: skip
    return tried, dict(sorted(decisions.items()))


CHANGED = "This line was changed for the test."


def _changed(page: Article) -> Article:
    (number, _), *rest = page.lines
    return replace(page, lines=((number, CHANGED), *rest))


def _without(pages: Articles, topic: str) -> Mapping[str, Article]:
    return {name: page for name, page in pages.items() if name != topic}


def _outside(case: Case) -> int:
    strange = case.judged.outside
    if not strange:
        return 0
    said = replies(case, strange, case.reader.logits(strange), case.articles)
    return sum(bool(each.citations) for each in said)


def _part(one: int, whole: int) -> str:
    return share(one / whole) if whole else "–"
