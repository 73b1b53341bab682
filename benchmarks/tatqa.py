"""Questions on filings, answered by programs over cells and spans of text; citations; contradictions that are caught.

    python -m benchmarks.tatqa TATQA [--folds 5]

TATQA is the folder with `tatqa_dataset_dev.json` of Zhu et al. (2021). The training part is not used: the development
part is split by document into folds, and every question is answered by a scorer that was fitted to the documents of
the other folds. Nothing was chosen on the folds but what the code says (ridge, features), which is stated below.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.results import table, write
from colonnade.core.errors import ColonnadeError
from colonnade.core.progress import track
from colonnade.core.random import numpy_generator
from colonnade.core.trust.intervals import bootstrap
from colonnade.verticals.finance.notes.evaluation import Documents, Marked, mark, numbers, planted, retrieval
from colonnade.verticals.finance.notes.questions import read_tatqa
from colonnade.verticals.finance.notes.training import Lesson, fit, lesson_of

KINDS = ("span", "multi-span", "arithmetic", "count")


def folds_of(documents: int, count: int) -> np.ndarray:
    """The fold of each document."""
    order = numpy_generator(0, "tatqa folds").permutation(documents)
    folds = np.zeros(documents, int)
    folds[order] = np.arange(documents) % count
    return folds


def crossed(documents: Documents, count: int) -> list[Marked]:
    """Every question's marks by a scorer that has not seen its document."""
    lessons: list[list[Lesson]] = [
        [lesson_of(asked, filing) for asked in questions]
        for filing, questions in track(documents, "running programs", len(documents))
    ]
    folds, marks = folds_of(len(documents), count), []
    for fold in range(count):
        scorer = fit([each for number in np.flatnonzero(folds != fold) for each in lessons[number]])
        for number in track(np.flatnonzero(folds == fold), f"fold {fold + 1}", int((folds == fold).sum())):
            filing, questions = documents[number]
            marks += [mark(int(number), filing, asked, scorer) for asked in questions]
    return marks


def span_of(marks: list[Marked], name: str) -> str:
    """A mean with its interval over redrawn documents."""
    values = np.array([getattr(each, name) for each in marks], float)
    groups = np.array([each.document for each in marks])
    span = bootstrap(lambda each: float(each.mean()), values, groups=groups)
    return f"{span.value:.3f} [{span.low:.3f}, {span.high:.3f}]"


def report(marks: list[Marked], documents: Documents) -> str:
    """The section of RESULTS.md."""
    rows = []
    for name, own in [("all", marks), *((kind, [each for each in marks if each.kind == kind]) for kind in KINDS)]:
        base = np.array([each.base for each in own]).mean(axis=0)
        rows.append(
            (name, str(len(own)), span_of(own, "exact"), span_of(own, "f1"), f"{base[0]:.3f}", f"{base[1]:.3f}")
        )
    sources = sorted({each.source for each in marks})
    by_source = [
        (name, str(len(own)), span_of(own, "exact"), span_of(own, "f1"))
        for name in sources if (own := [each for each in marks if each.source == name])
    ]  # fmt: skip
    found = numbers(marks) | retrieval(documents) | planted([filing for filing, _ in documents], seed=0)
    other = [
        "numeric_exactness", "citation_precision", "citation_recall", "paragraph_recall_3", "paragraph_recall_5",
        "cell_recall_3_rows", "claims", "unsupported_claim_rate", "contradictions_planted", "contradictions_caught",
    ]  # fmt: skip
    lines = [(name.replace("_", " "), f"{found[name]:.4g}") for name in other if name in found]
    return "\n\n".join(
        [
            f"{len(marks)} questions on {len(documents)} documents of the development part, folds by document; "
            "intervals redraw documents. Exact match and F1 after the published definition, scale included. Baseline: "
            "the cell of the row and column that fit best (the best sentence for why, who, where, how), nothing "
            "trained. Published on the test part by models that learnt from the whole training part (so on other "
            "questions than these): TAGOP 58.0 F1, the best before it 46.9, people 90.8 (Zhu et al. 2021).",
            table(("answer", "n", "EM", "F1", "baseline EM", "baseline F1"), rows),
            table(("answer from", "n", "EM", "F1"), by_source),
            table(("evidence, claims and contradictions", "value"), lines),
            "Citations are marked on computed answers: the cited cells against the operands of the published "
            "derivation. Contradictions: every sentence of every note with a digit, a year, a sign, a unit or its row "
            "changed, read back and held against the filing.",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tatqa")
    parser.add_argument("data", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    given = parser.parse_args()
    try:
        documents = read_tatqa(given.data)
        text = report(crossed(documents, given.folds), documents)
    except ColonnadeError as error:
        print(f"tatqa: {error}", file=sys.stderr)
        return 2
    print(text)
    write("Notes: TAT-QA", command="python -m benchmarks.tatqa TATQA", text=text, packages=("numpy", "scipy"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
