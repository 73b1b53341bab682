"""The chapters on data: files, documents, questions, sides; and that nothing of the judged side was learnt from."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from .....knowledge.reports import Rows
from ..dossier import Chapter, expect
from ..duplicates import apart
from ..lineage import CHAPTER, digests_stand, files_table, held_back
from ..written import count
from .case import Case
from .simulated import text_of


def lineage(case: Case) -> Chapter:
    """Where filings come from, and how they are parted."""
    sides = {"learnt from": case.learnt, "judged": case.judged}
    rows = tuple(
        (name, count(len(each)), count(sum(len(asked) for _, asked in each)),
         count(sum(len(filing.tables) for filing, _ in each)), count(sum(len(f.paragraphs) for f, _ in each)))
        for name, each in sides.items()
    )  # fmt: skip
    kinds = Counter(each.kind for _, _, each in case.asked)
    files = (files_table(case.origin.files),) if case.origin.files else ()
    names = {filing.name for filing, _ in case.learnt} & {filing.name for filing, _ in case.judged}
    return Chapter(
        heading="Data lineage",
        facts={
            "origin": asdict(case.origin), "documents": {name: len(each) for name, each in sides.items()},
            "questions_judged": dict(kinds), "left_out_as_twins": case.twins, "filings_without_questions":
            [each.name for each in case.more],
        },
        tables=(
            *files,
            Rows(header=("side", "documents", "questions", "tables", "paragraphs"), rows=rows,
                 caption="Documents are parted whole, at random."),
            Rows(header=("kind of question judged", ""), rows=tuple((n, count(c)) for n, c in kinds.most_common())),
        ),
        notes=(case.origin.about, f"SHA-256 of the data as a whole: {case.origin.sha256}"),
        expects=(
            digests_stand(case.origin),
            held_back(case.origin, case.card, "The judged documents are"),
            expect(CHAPTER, "No document is on both sides", "names of both sides", not names, f"{len(names)} are"),
        ),
    )  # fmt: skip


def leaks(case: Case) -> Chapter:
    """No judged document is nearly one that was learnt from."""
    learnt, judged = ([text_of(filing) for filing, _ in side] for side in (case.learnt, case.judged))
    return apart(learnt, judged, left_out=case.twins, what="documents", shingles="words", seed=case.seed)
