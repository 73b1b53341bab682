"""Which program a question means: a linear reading of its words for the operation, of the programs for the arguments.

Both give probabilities; a program's confidence is their product. It knows nothing of how programs are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .candidates import candidates
from .features import BUCKETS, COUNT, buckets_of, features_of
from .grounding import Grounded, ground
from .programs import OPERATIONS, Operation, Program, execute
from .records import Answer, Filing
from .spans import Span, span_features, spans_of

TRIED = 3  # operations whose programs are looked at


@dataclass(frozen=True, kw_only=True, eq=False)
class Scorer:
    """Weights: of operations `[operation, bucket]` and biases; of a program's numbers `[operation, feature]`; of a
    span's `[feature]`. The last operation is text."""

    operations: Array
    bias: Array
    programs: Array
    spans: Array

    def __post_init__(self) -> None:
        wanted = {"operations": (len(OPERATIONS), BUCKETS), "programs": (len(OPERATIONS) - 1, COUNT)}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, this program reads {shape}")

    def chances(self, ground: Grounded) -> Float[Array, " operation"]:
        """The probability of each operation."""
        scores = self.operations[:, buckets_of(ground.question, ground)].astype(np.float32).sum(axis=1) + self.bias
        return _softmax(scores)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A program with its probability among all that were tried."""

    program: Program
    confidence: float


def ranked(question: str, filing: Filing, scorer: Scorer, *, operation: Operation | None = None) -> tuple[Ranked, ...]:
    """Programs for a question, the likeliest of each operation first; an operation may be given."""
    grounded = ground(question, filing)
    chances = dict(zip(OPERATIONS, scorer.chances(grounded).tolist(), strict=True))
    wanted = sorted(chances, key=lambda each: -chances[each])[:TRIED] if operation is None else [operation]
    found = []
    for each in wanted:
        best = _text(question, filing, scorer) if each == "text" else _program(grounded, scorer, each)
        if best is not None:
            found.append(Ranked(program=best.program, confidence=chances[each] * best.confidence))
    return tuple(sorted(found, key=lambda one: -(chances[one.program.operation] + 0.25 * one.confidence)))


def answered(question: str, filing: Filing, scorer: Scorer) -> Answer | None:
    """The answer of the likeliest program that can be executed."""
    from .programs import answer_of

    for each in ranked(question, filing, scorer):
        answer = answer_of(question, each.program, each.confidence)
        if answer is not None:
            return answer
    return None


def _program(grounded: Grounded, scorer: Scorer, operation: Operation) -> Ranked | None:
    tried = [each for each in candidates(grounded, operation) if execute(each) is not None]
    if not tried:
        return None
    rows = np.stack([features_of(each, grounded) for each in tried])
    chances = _softmax(rows @ scorer.programs[OPERATIONS.index(operation)].astype(np.float32))
    best = int(chances.argmax())
    return Ranked(program=tried[best], confidence=float(chances[best]))


def _text(question: str, filing: Filing, scorer: Scorer) -> Ranked | None:
    spans = spans_of(question, filing)
    if not spans:
        return None
    chances = _softmax(np.stack([span_features(each) for each in spans]) @ scorer.spans.astype(np.float32))
    best = int(chances.argmax())
    return Ranked(program=text_program(spans[best]), confidence=float(chances[best]))


def text_program(span: Span) -> Program:
    return Program(operation="text", texts=(span.text,), paragraphs=(span.paragraph,), note="words of the filing")


def _softmax(scores: Float[Array, " row"]) -> Float[Array, " row"]:
    raised = np.exp(scores - scores.max())
    return raised / raised.sum()


def tensors_of(scorer: Scorer) -> Mapping[str, Array]:
    return {name: getattr(scorer, name) for name in ("operations", "bias", "programs", "spans")}
