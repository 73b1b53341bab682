"""How well questions on filings are answered, what is cited, and how many changed sentences are caught."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....core.errors import InputError
from ....core.progress import track
from ....core.random import numpy_generator
from ....core.result import Evaluation
from ....core.trust.intervals import bootstrap
from ....core.types import Array
from .check import faults
from .figures import figure_of, figures_in
from .findings import findings_of
from .grammar import claim_of
from .grounding import ground
from .metric import score
from .planting import KINDS, plant
from .records import Answer, Cell, Filing
from .scorer import Scorer, answered
from .spans import sentences_of
from .training import Asked

COMPUTED = ("arithmetic", "count")
Documents = Sequence[tuple[Filing, Sequence[Asked]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """One question's marks. The citation marks are None where there is no gold to hold them against."""

    document: int
    kind: str
    source: str
    exact: float
    f1: float
    base: tuple[float, float]
    precision: float | None = None
    recall: float | None = None


def evaluate(scorer: Scorer, documents: Documents, *, task: str, data: str, seed: int) -> Evaluation:
    """Exact match, F1, citations and contradictions over documents; intervals redraw documents.

    Raises:
        InputError: too few documents.
    """
    if len(documents) < 2:
        raise InputError(f"{data} holds {len(documents)} document with questions, at least 2 are needed")
    marks = [
        mark(number, filing, asked, scorer)
        for number, (filing, questions) in enumerate(track(documents, "answering", len(documents)))
        for asked in questions
    ]
    metrics = numbers(marks)
    groups = np.array([each.document for each in marks])
    spans = {
        "exact_match": bootstrap(_mean, np.array([each.exact for each in marks]), groups=groups, seed=seed),
        "f1": bootstrap(_mean, np.array([each.f1 for each in marks]), groups=groups, seed=seed),
    }
    metrics |= retrieval(documents) | planted([filing for filing, _ in documents], seed=seed)
    base = np.array([each.base for each in marks]).mean(axis=0)
    return Evaluation(
        task=task,
        data=data,
        n=len(marks),
        metrics=metrics,
        intervals={name: (span.low, span.high) for name, span in spans.items()},
        baselines={"best row and column, no program": {"exact_match": float(base[0]), "f1": float(base[1])}},
        subsets={"filing+questions": {"exact_match": metrics["exact_match"], "f1": metrics["f1"]}},
        worst_subset="filing+questions",
        notes=("intervals redraw documents", "exact match and F1 are TAT-QA's, with the scale"),
    )


def mark(number: int, filing: Filing, asked: Asked, scorer: Scorer) -> Marked:
    """One question answered and held against its published answer."""
    answer = answered(asked.question, filing, scorer)
    exact, f1 = marks_of(answer, asked)
    precision, recall = citations(answer, asked, filing)
    return Marked(
        document=number, kind=asked.kind, source=asked.source, exact=exact, f1=f1,
        base=marks_of(baseline(asked, filing), asked), precision=precision, recall=recall,
    )  # fmt: skip


def marks_of(answer: Answer | None, asked: Asked) -> tuple[float, float]:
    if answer is None:
        return 0.0, 0.0
    return score(answer.values, answer.scale, asked.values, asked.scale, kind=asked.kind)


def baseline(asked: Asked, filing: Filing) -> Answer:
    """The cell of the best row and column, or for "why", "how" and the like the best sentence: nothing learnt."""
    grounded = ground(asked.question, filing)
    if re.match(r"(?:why|how (?!much|many)|who|where)", asked.question.lower()) and filing.paragraphs:
        best = sentences_of(asked.question, filing)[0]
        return Answer(question=asked.question, values=(best.text,), scale="", operation="text", derivation="")
    cells = [cell for cell in grounded.grid.cells if cell.row == grounded.order[0]]
    cell = max(cells, key=lambda each: grounded.columns[each.column][0] + 0.1 * grounded.columns[each.column][3])
    return Answer(
        question=asked.question,
        values=(cell.text,),
        scale=cell.scale,
        operation="cell",
        derivation="",
        cells=(cell.key,),
    )


def citations(answer: Answer | None, asked: Asked, filing: Filing) -> tuple[float | None, float | None]:
    """Of a computed answer: how many of the cited cells are operands of the published derivation, and the other way."""
    if asked.kind != "arithmetic" or "table" not in asked.source:
        return None, None
    gold = operands(asked)
    if not gold:
        return None, None
    cells = [filing.cell(key) for key in answer.cells] if answer else []
    own = [abs(cell.value) for cell in cells if cell is not None]
    hits, left = 0, list(gold)
    for value in own:
        match = next((each for each in left if abs(each - value) < 1e-6), None)
        if match is not None:
            left.remove(match)
            hits += 1
    return (hits / len(own) if own else 0.0), hits / len(gold)


def operands(asked: Asked) -> list[float]:
    """The numbers of a derivation, each once, without the divisor of an average."""
    text = re.sub(r"[\])]\s*/\s*\d\s*$", ")", asked.derivation)
    return list(dict.fromkeys(abs(each.value) for each in figures_in(text) if figure_of(str(each.value)) is not None))


def numbers(marks: Sequence[Marked]) -> dict[str, float]:
    """Means over all, by kind of question, and of citations."""
    found = {
        "exact_match": _mean(np.array([each.exact for each in marks])),
        "f1": _mean(np.array([each.f1 for each in marks])),
    }
    for kind in sorted({each.kind for each in marks}):
        own = [each for each in marks if each.kind == kind]
        name = kind.replace("-", "_")
        found[f"exact_match_{name}"] = _mean(np.array([each.exact for each in own]))
        found[f"f1_{name}"] = _mean(np.array([each.f1 for each in own]))
    computed = [each.exact for each in marks if each.kind in COMPUTED]
    if computed:
        found["numeric_exactness"] = _mean(np.array(computed))
    for name in ("precision", "recall"):
        known = [value for each in marks if (value := getattr(each, name)) is not None]
        if known:
            found[f"citation_{name}"] = _mean(np.array(known))
    return found


def retrieval(documents: Documents) -> dict[str, float]:
    """Evidence recall: relevant paragraphs among the best 3 and 5; rows of the operands among the best 3."""
    paragraphs: dict[int, list[float]] = {3: [], 5: []}
    rows = []
    for filing, questions in documents:
        for asked in questions:
            if asked.paragraphs and filing.paragraphs:
                order = list(dict.fromkeys(each.paragraph for each in sentences_of(asked.question, filing)))
                for count, found in paragraphs.items():
                    found.append(len(set(order[:count]) & set(asked.paragraphs)) / len(set(asked.paragraphs)))
            if asked.kind == "arithmetic" and "table" in asked.source:
                grounded = ground(asked.question, filing)
                best = [cell for cell in grounded.grid.cells if cell.row in grounded.order[:3]]
                gold = [value for value in operands(asked) if _has(grounded.grid.cells, value)]
                rows += [sum(_has(best, value) for value in gold) / len(gold)] if gold else []
    told = {f"paragraph_recall_{count}": _mean(np.array(each)) for count, each in paragraphs.items() if each}
    return told | ({"cell_recall_3_rows": _mean(np.array(rows))} if rows else {})


def _has(cells: Sequence[Cell], value: float) -> bool:
    return any(abs(abs(cell.value) - value) < 1e-6 for cell in cells)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """Sentences of notes held against their filings: how many there are and hold; by kind of change, planted and
    caught."""

    said: int
    held: int
    changes: Mapping[str, tuple[int, int]]

    @property
    def planted(self) -> int:
        return sum(planted for planted, _ in self.changes.values())

    @property
    def caught(self) -> int:
        return sum(caught for _, caught in self.changes.values())


def tried(filings: Sequence[Filing], *, seed: int) -> Tried:
    """Every sentence of every note, as it is and with one thing changed."""
    generator = numpy_generator(seed, "planted contradictions")
    said, held, changes = 0, 0, dict.fromkeys(KINDS, (0, 0))
    for filing in filings:
        findings = findings_of(filing)
        for finding in findings:
            said += 1
            held += not faults(claim_of(finding, filing).sentence(), filing)
            for kind, other in plant(finding, filing, findings, generator):
                changed, caught = changes[kind]
                changes[kind] = changed + 1, caught + bool(faults(other, filing))
    return Tried(said=said, held=held, changes=changes)


def planted(filings: Sequence[Filing], *, seed: int) -> dict[str, float]:
    """How many sentences hold as they are, and how many changes are caught."""
    found = tried(filings, seed=seed)
    if not found.said:
        return {}
    return {
        "claims": float(found.said),
        "unsupported_claim_rate": 1 - found.held / found.said,
        "contradictions_planted": float(found.planted),
        "contradictions_caught": found.caught / found.planted if found.planted else 1.0,
    }


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else 0.0
