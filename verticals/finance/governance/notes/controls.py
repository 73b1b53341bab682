"""The chapter on ablations: the scorer without each of its parts, and questions asked of another filing.

A part whose absence costs nothing adds nothing but numbers.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from .....core.progress import track
from .....knowledge.reports import Rows
from ...notes.evaluation import marks_of
from ...notes.scorer import Scorer, answered
from ..comparison import paired_means
from ..dossier import Chapter, expect
from ..written import span
from .case import Case

CHAPTER = "controls"
WHOLE, OTHER = "as it is", "the question asked of another filing"
MOST = 400  # questions


def controls(case: Case) -> Chapter:
    """Exact match without each part, and on the next document's tables; less that as it is."""
    asked, groups = case.asked[:MOST], case.groups[:MOST]
    marks = {WHOLE: np.array([each.exact for each in case.marks[:MOST]])}
    for name, scorer in _parts(case.scorer).items():
        marks[name] = np.array([
            marks_of(answered(each.question, filing, scorer), each)[0]
            for _, filing, each in track(asked, f"controls, {name}", len(asked))
        ])  # fmt: skip
    following = [case.judged[(number + 1) % len(case.judged)][0] for number, _, _ in asked]
    marks[OTHER] = np.array([
        marks_of(answered(each.question, filing, case.scorer), each)[0]
        for (_, _, each), filing in zip(asked, following, strict=True)
    ])  # fmt: skip
    found = paired_means(marks, groups=groups, against=WHOLE, metric="exact_match", seed=case.seed)
    less = {name: each.less["exact_match"] for name, each in found.items() if name != WHOLE}
    harmful = [name for name, each in less.items() if each.low > 0]
    rows = tuple((name, span(found[name].metrics["exact_match"]), span(each, sign=True)) for name, each in less.items())
    return Chapter(
        heading="Ablations and shuffled controls",
        facts={"questions": len(asked), "less": {name: asdict(each) for name, each in less.items()}},
        tables=(
            Rows(header=("", "exact match", "less that as it is"), rows=rows,
                 caption=f"{len(asked):,} questions. Below zero: what was taken away is worth something."),
        ),
        notes=("The rules that read a table and lay out programs are in all of them: only learnt weights are taken"
               " away, and are not fitted again.",),
        expects=(
            expect(CHAPTER, "No learnt part does harm beyond chance", f"{len(less) - 1} parts taken away",
                   not harmful, f"better without: {', '.join(harmful)}" if harmful else "none is better without"),
            expect(CHAPTER, "The filing decides, not what is usual", "the same questions on the next filing",
                   less[OTHER].high < 0, span(less[OTHER], sign=True)),
        ),
    )  # fmt: skip


def _parts(scorer: Scorer) -> dict[str, Scorer]:
    return {
        "without the operations' words": replace(
            scorer, operations=np.zeros_like(scorer.operations), bias=np.zeros_like(scorer.bias)
        ),
        "without the programs' weights": replace(scorer, programs=np.zeros_like(scorer.programs)),
        "without the spans' weights": replace(scorer, spans=np.zeros_like(scorer.spans)),
    }  # fmt: skip
