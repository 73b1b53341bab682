"""The chapter on stability: shifts of confidence, familiarity and length from the learnt side to the judged one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from .....core.trust.stability import Shift, shift_of
from .....core.types import Array
from ...assistant.model import familiarity
from ...assistant.slots import mentioned
from ..dossier import Chapter
from ..drawings import shifts_figure
from ..shifts import moved_between, plain_shift, shifts_expected, shifts_table
from .case import Case

NAMES = ("familiarity", "candidates", "letters", "words", "values named", "questions")


def stability(case: Case) -> tuple[Shift, Chapter]:
    """The judged side against the learnt one; without groups, since a message stands for itself."""
    sides = [(case.reference, case.before), (case.judged.texts, case.logits)]
    confidence = [softmax(logits, axis=1).max(axis=1) for _, logits in sides]
    groups = (np.arange(len(case.reference)), len(case.reference) + case.groups)
    score = shift_of(confidence[0], confidence[1], groups=groups, seed=case.seed)
    tables = [_columns(case, texts, logits) for texts, logits in sides]
    shifts = moved_between(tables[0], tables[1], NAMES, groups, seed=case.seed)
    return score, Chapter(
        heading="Stability and drift",
        facts={"confidence": plain_shift(score), "inputs": {name: plain_shift(each) for name, each in shifts.items()}},
        figures=(shifts_figure({"confidence": score, **shifts}),),
        tables=(shifts_table(("confidence", score), shifts, dealt="groups", of=("inputs", "messages")),),
        notes=(
            "The index compares ten bins laid on the learnt side. Chance is that of independent messages, and of what"
            " belongs together dealt whole to both sides. A checkpoint is surer of what it learnt from: where it was"
            " fitted on the learnt side, its confidence shifts for that alone.",
        ),
        expects=shifts_expected(score, shifts, what="inputs", dealt="groups"),
    )  # fmt: skip


def _columns(case: Case, texts: Sequence[str], logits: Array) -> Array:
    """`[message, name]` in the order of `NAMES`."""
    inside = 1 - softmax(logits, axis=1) <= case.reader.reach.set_threshold
    rows = [(len(text), len(text.split()), len(mentioned(text)), text.count("?")) for text in texts]
    return np.column_stack([familiarity(logits), inside.sum(axis=1), np.array(rows, float)])
