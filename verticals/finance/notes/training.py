"""How the scorer is fitted to questions with answers: which programs come to the answer is found by running them all.

Conditional likelihoods (of the operation; of the programs that come to the answer, among those tried), each with a
small ridge, by L-BFGS. It knows nothing of files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.errors import FormatError
from ....core.progress import track
from ....core.types import Array
from .candidates import candidates
from .features import BUCKETS, COUNT, buckets_of, features_of
from .figures import figure_of
from .grounding import Grounded, ground
from .metric import score
from .programs import OPERATIONS, Operation, execute
from .records import Filing
from .scorer import Scorer
from .spans import SPAN_COUNT, span_features, spans_of

RIDGE = 0.5  # on the weights of programs and spans, as a share of one question
RIDGE_WORDS = 0.02
LEAST = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question with its answer as TAT-QA publishes it."""

    question: str
    values: tuple[str, ...]
    scale: str
    kind: str
    derivation: str = ""
    source: str = ""
    paragraphs: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What one question teaches: its words, its operation, and the programs (or spans) with those that are right."""

    buckets: Array
    operation: Operation | None
    rows: Float[Array, "program feature"] | None = None
    right: Float[Array, " program"] | None = None


def operation_of(asked: Asked, grounded: Grounded) -> Operation | None:
    """The operation that the published answer says, or None where it is none of ours."""
    if asked.kind == "count":
        return "count"
    if asked.kind == "arithmetic":
        return _computed(asked)
    texts = {_bare(cell.text) for cell in grounded.grid.cells}
    values = [_bare(value) for value in asked.values]
    if "table" in asked.source or not asked.source:
        periods = {_bare(each) for cell in grounded.grid.cells for each in (cell.period, cell.header)}
        if all(value in periods for value in values):
            return "periods"
        if all(value in texts for value in values):
            return "cell" if len(values) == 1 else "cells"
        labels = {_bare(each) for each in grounded.grid.labels.values()}
        if all(value in labels for value in values):
            return "labels"
    return "text"


def _computed(asked: Asked) -> Operation | None:
    form = re.sub(r"[\d.,]+", "N", re.sub(r"[^\d.,+*/()\[\]-]", "", asked.derivation))
    form = re.sub(r"(?<=[-+/(\[])-N", "N", re.sub(r"\(-?N\)", "N", form)).lstrip("-")
    if asked.scale == "percent" and re.search(r"N\)?/|/\(?N", form) and ("-" in form):
        return "change"
    if re.fullmatch(r"[\[(]*N(?:\+\(?N\)?)+[\])]*/N", form):
        return "average"
    if re.fullmatch(r"[\[(]*N(?:\+\(?N\)?)+[\])]*", form):
        return "sum"
    if re.fullmatch(r"\(?N/N\)?(?:\*N)?", form):
        return "ratio"
    if re.fullmatch(r"[\[(]*N-\(?-?N\)?[\])]*", form):
        return "difference"
    return None


def lesson_of(asked: Asked, filing: Filing) -> Lesson:
    """The programs of the published operation, and which of them come to the published answer."""
    grounded = ground(asked.question, filing)
    operation = operation_of(asked, grounded)
    buckets = buckets_of(asked.question, grounded)
    if operation is None:
        return Lesson(buckets=buckets, operation=None)
    if operation == "text":
        spans = spans_of(asked.question, filing)
        gold = (" ".join(asked.values),) if len(asked.values) > 1 else asked.values
        worth = np.array([score((each.text,), "", gold, "", kind="span")[1] for each in spans])
        if not len(worth) or worth.max() < 0.4:
            return Lesson(buckets=buckets, operation=operation)
        right = np.where(worth >= worth.max() - 1e-6, 1.0, np.where(worth >= 0.8, 0.3, 0.0))
        return Lesson(buckets=buckets, operation=operation, rows=np.stack([*map(span_features, spans)]), right=right)
    tried = list(candidates(grounded, operation))
    right = np.array([_comes(each, asked) for each in tried], float)
    if not right.any():
        return Lesson(buckets=buckets, operation=operation)
    rows = np.stack([features_of(each, grounded) for each in tried])
    return Lesson(buckets=buckets, operation=operation, rows=rows, right=right)


def _comes(program: object, asked: Asked) -> bool:
    from .programs import Program

    assert isinstance(program, Program)
    done = execute(program)
    if done is None or len(done.values) != len(asked.values):
        return False
    if done.number is not None:  # the scale is the table's business; here the number decides
        gold = figure_of(asked.values[0])
        return gold is not None and abs(abs(done.number) - abs(gold.value)) < 0.006 and (
            (done.number >= 0) == (gold.value >= 0)
        )  # fmt: skip
    return sorted(map(_bare, done.values)) == sorted(map(_bare, asked.values))


def fit(lessons: Sequence[Lesson], *, start: Scorer | None = None) -> Scorer:
    """The weights of least loss; with a `start`, pulled towards its weights rather than towards zero.

    That is what a probe is for a linear model: little data move it little. Source: Xuhong et al., Explicit inductive
    bias for transfer learning (L2-SP), 2018.

    Raises:
        FormatError: too few questions to learn from.
    """
    known = [each for each in lessons if each.operation is not None]
    if len(known) < LEAST:
        raise FormatError(f"{len(known)} questions with an operation are too few to learn from: give {LEAST} or more")
    operations, bias = _operations(known, start)
    programs = np.zeros((len(OPERATIONS) - 1, COUNT), np.float32)
    everything = np.zeros(COUNT)
    if start is None:
        everything = _listwise([each for each in known if each.operation != "text"], everything)
    for place, name in enumerate(OPERATIONS[:-1]):
        pull = everything if start is None else start.programs[place]
        programs[place] = _listwise([each for each in known if each.operation == name], pull)
    pull = np.zeros(SPAN_COUNT) if start is None else start.spans
    spans = _listwise([each for each in known if each.operation == "text"], pull)
    return Scorer(
        operations=operations.astype(np.float16),
        bias=bias.astype(np.float32),
        programs=programs,
        spans=spans.astype(np.float32),
    )


def _operations(lessons: Sequence[Lesson], start: Scorer | None = None) -> tuple[Array, Array]:
    """Multinomial logistic regression on hashed words, its ridge around zero or around a `start`."""
    from scipy.sparse import csr_matrix

    index = np.concatenate([each.buckets for each in lessons])
    pointers = np.cumsum([0, *(len(each.buckets) for each in lessons)])
    rows = csr_matrix((np.ones(len(index), np.float32), index, pointers), shape=(len(lessons), BUCKETS))
    labels = np.array([OPERATIONS.index(each.operation) for each in lessons if each.operation])
    truth = np.eye(len(OPERATIONS))[labels]
    size = len(OPERATIONS) * BUCKETS
    middle = np.zeros((len(OPERATIONS), BUCKETS)) if start is None else start.operations.astype(np.float64)
    begin = np.concatenate([middle.ravel(), np.zeros(len(OPERATIONS)) if start is None else start.bias])

    def loss(flat: Array) -> tuple[float, Array]:
        weight, bias = flat[:size].reshape(len(OPERATIONS), BUCKETS), flat[size:]
        scores = np.asarray(rows @ weight.T) + bias
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances = raised / raised.sum(axis=1, keepdims=True)
        error = (chances - truth) / len(lessons)
        value = -np.log(chances[np.arange(len(labels)), labels] + 1e-12).mean()
        ridge = RIDGE_WORDS / 10 * (weight - middle)
        gradient = np.asarray(rows.T @ error).T + ridge
        value = float(value + 0.5 * (ridge * (weight - middle)).sum())
        return value, np.concatenate([gradient.ravel(), error.sum(axis=0)])

    found = _minimum(loss, begin, 120)
    return found[:size].reshape(len(OPERATIONS), BUCKETS), found[size:]


def _listwise(lessons: Sequence[Lesson], start: Float[Array, " feature"]) -> Float[Array, " feature"]:
    """Weights under which the right programs of each list are likely; pulled towards `start`."""
    lists = [each for each in lessons if each.rows is not None and each.right is not None]
    if not lists:
        return start.astype(np.float32)
    rows = np.concatenate([each.rows for each in lists if each.rows is not None]).astype(np.float64)
    right = np.concatenate([each.right for each in lists if each.right is not None])
    begins = np.cumsum([0, *(len(each.right) for each in lists if each.right is not None)])[:-1]
    which = np.repeat(np.arange(len(lists)), np.diff([*begins, len(right)]))

    def loss(weight: Array) -> tuple[float, Array]:
        scores = rows @ weight
        raised = np.exp(scores - np.maximum.reduceat(scores, begins)[which])
        whole, good = np.add.reduceat(raised, begins), np.add.reduceat(raised * right, begins)
        pull = RIDGE * (weight - start)
        value = float(np.log(whole / np.maximum(good, 1e-12)).sum() + 0.5 * pull @ (weight - start))
        error = raised / whole[which] - raised * right / np.maximum(good, 1e-12)[which]
        return value, rows.T @ error + pull

    return _minimum(loss, np.asarray(start, np.float64), 200)


def _minimum(loss: Callable[[Array], tuple[float, Array]], start: Array, steps: int) -> Array:
    from scipy.optimize import minimize

    found: Array = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x
    return found


def lessons_of(asked: Sequence[tuple[Asked, Filing]]) -> list[Lesson]:
    return [lesson_of(question, filing) for question, filing in track(asked, "running programs", len(asked))]


def _bare(text: str) -> str:
    return re.sub(r"[\s$€£,]+", "", text.lower()).rstrip(".:")
