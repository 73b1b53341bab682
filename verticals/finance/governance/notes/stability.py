"""The chapter on stability: shifts of confidence and of what is asked and read, from the learnt side to the judged."""

from __future__ import annotations

import numpy as np

from .....core.progress import track
from .....core.trust.stability import Shift, shift_of
from .....core.types import Array
from ...notes.figures import figures_in, years_in
from ...notes.scorer import answered
from ..dossier import Chapter
from ..drawings import shifts_figure
from ..shifts import moved_between, plain_shift, shifts_expected, shifts_table
from .case import Case, Documents

NAMES = ("words asked", "years asked", "numbers asked", "cells", "rows", "paragraphs", "tables without a scale")
MOST = 500  # questions of the learnt side


def stability(case: Case) -> tuple[Shift, Chapter]:
    """The judged documents against those learnt from; whole documents are dealt."""
    before, groups = _read(case.learnt)
    now, own = _read(case.judged)
    before, groups = before[:MOST], groups[:MOST]
    pairs = [(filing, each) for filing, questions in case.learnt for each in questions][:MOST]
    confident = [
        _confidence(answered(each.question, filing, case.scorer))
        for filing, each in track(pairs, "stability", len(pairs))
    ]
    dealt = (groups, len(case.learnt) + own)
    score = shift_of(np.array(confident), np.array([_confidence(each) for each in case.answers]), groups=dealt,
                     seed=case.seed)  # fmt: skip
    shifts = moved_between(before, now, NAMES, dealt, seed=case.seed)
    return score, Chapter(
        heading="Stability and drift",
        facts={"confidence": plain_shift(score), "inputs": {name: plain_shift(each) for name, each in shifts.items()}},
        figures=(shifts_figure({"confidence": score, **shifts}),),
        tables=(shifts_table(("confidence", score), shifts, dealt="documents", of=("inputs", "questions")),),
        notes=(
            "The index compares ten bins laid on the learnt side. Chance deals whole documents to both sides, since the"
            " questions of one document read the same tables.",
        ),
        expects=shifts_expected(score, shifts, what="inputs", dealt="documents"),
    )  # fmt: skip


def _confidence(answer: object) -> float:
    return float(getattr(answer, "confidence", 0.0))


def _read(documents: Documents) -> tuple[Array, Array]:
    """`[question, name]` in the order of `NAMES`, and the document of each."""
    rows, groups = [], []
    for number, (filing, questions) in enumerate(documents):
        cells = sum(len(grid.cells) for grid in filing.tables)
        lines = sum(len(grid.lines) for grid in filing.tables)
        bare = sum(not grid.scale for grid in filing.tables)
        for each in questions:
            text = each.question
            rows.append((len(text.split()), len(years_in(text)), len(figures_in(text)), cells, lines,
                         len(filing.paragraphs), bare))  # fmt: skip
            groups.append(number)
    return np.array(rows, float), np.array(groups)
