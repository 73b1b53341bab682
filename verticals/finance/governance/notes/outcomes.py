"""The chapter on outcomes: answers of the checkpoint beside baselines and its own recipe, on the same questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say
from .....core.random import numpy_generator
from .....core.trust.ranking import Compared
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...notes.evaluation import Marked, numbers, retrieval
from ...notes.scorer import Scorer
from ...notes.training import Asked, fit, lessons_of
from ..comparison import CHAPTER, compared_table, none_better, paired_means
from ..dossier import Chapter, expect
from ..written import number, share, span
from .case import Case

OURS, AGAIN = "the checkpoint", "its recipe, fitted here on the learnt side"
BEST, SHUFFLED = "best row and column, no program", "control: fitted on answers of other questions"
WORDS = {
    "f1": "F1", "numeric_exactness": "exact, of computed answers", 
    "citation_precision": "cited cells that are operands",
    "citation_recall": "operands that are cited", "paragraph_recall_3": "relevant paragraphs among the best three",
    "cell_recall_3_rows": "operands in the best three rows",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What was measured, for the chapters that build on it."""

    compared: Mapping[str, Compared]
    metrics: Mapping[str, float]
    chapter: Chapter


def outcomes(case: Case) -> Outcomes:
    """Exact match with intervals over documents, baselines, the recipe again, answers of other questions."""
    say("outcomes: answering, and fitting the recipe again")
    marks = {OURS: _exact(case.marks), BEST: np.array([each.base[0] for each in case.marks])}
    asked = [(each, filing) for filing, questions in case.learnt for each in questions]
    marks[AGAIN] = _exact(case.marked(fit(lessons_of(asked)), "answering, fitted here"))
    marks[SHUFFLED] = _exact(case.marked(_blind(case, [each for each, _ in asked]), "answering, shuffled"))
    compared = paired_means(marks, groups=case.groups, against=OURS, metric="exact_match", seed=case.seed)
    metrics = numbers(case.marks) | retrieval(case.judged)
    exact = compared[OURS].metrics["exact_match"]
    return Outcomes(compared=compared, metrics=metrics, chapter=Chapter(
        heading="Outcomes and baselines",
        facts={"metrics": metrics, "exact_match": {name: asdict(each) for name, each in compared.items()}},
        claims=(
            Claim(
                template="The checkpoint answers {value} of the judged questions exactly as published.",
                facts={"value": Fact(value=100 * exact.value, evidence="marks", unit="%",
                                     measure=lambda: 100 * float(np.mean(_exact(case.marks))))},
            ),
        ),
        evidence={"marks": Evidence(kind="measurement", shows="the judged questions, answered again")},
        tables=(
            compared_table(compared, ours=OURS, metrics={"exact_match": "exact match"},
                           caption=f"{len(case.asked):,} questions on {len(case.judged)} documents; intervals redraw"
                           " documents. Exact match is TAT-QA's, with the scale."),
            Rows(header=("of the checkpoint", ""), rows=tuple(
                (words, number(metrics[name])) for name, words in WORDS.items() if name in metrics
            )),
        ),
        expects=_expects(compared, metrics),
    ))  # fmt: skip


def _exact(marks: list[Marked]) -> Array:
    return np.array([each.exact for each in marks])


def _blind(case: Case, asked: list[Asked]) -> Scorer:
    """The recipe on learnt questions each of which was given the answer of another."""
    order = numpy_generator(case.seed, "answers of others").permutation(len(asked))
    given = iter(replace(asked[other], question=own.question) for own, other in zip(asked, order.tolist(), strict=True))
    pairs = [(next(given), filing) for filing, questions in case.learnt for _ in questions]
    return fit(lessons_of(pairs))


def _expects(compared: Mapping[str, Compared], metrics: Mapping[str, float]) -> tuple[Expectation, ...]:
    against, blind, again = (compared[name].less["exact_match"] for name in (BEST, SHUFFLED, AGAIN))
    cited = "citation_recall" in metrics
    return (
        expect(CHAPTER, "Outcomes stand beside baselines, with intervals", f"{len(compared)} sets of answers, documents"
               " redrawn", True, f"exact match {span(compared[OURS].metrics['exact_match'])}"),
        none_better(compared, ours=OURS, metric="exact_match", but=(AGAIN, SHUFFLED)),
        expect(CHAPTER, "The best row and column alone is worse beyond chance", "paired differences", against.high < 0,
               span(against, sign=True)),
        expect(CHAPTER, "Its recipe, fitted here, is not better beyond chance", "paired differences", not again.low > 0,
               span(again, sign=True)),
        expect(CHAPTER, "Answers of other questions teach less", "the recipe on shuffled answers", blind.high < 0,
               f"exact match less the checkpoint's: {span(blind, sign=True)}"),
        expect(CHAPTER, "Computed answers cite their operands (80 %)", "cells cited, published derivations",
               min(metrics["citation_precision"], metrics["citation_recall"]) >= 0.8 if cited else None,
               f"precision {share(metrics['citation_precision'])}, recall {share(metrics['citation_recall'])}"
               if cited else "no question has a derivation from a table"),
        expect(CHAPTER, "A challenger of at most 12 rules", "nothing", None,
               "an answer is a program over cells, no share of one outcome: the challenger in its stead is the best row"
               " and column"),
    )  # fmt: skip
