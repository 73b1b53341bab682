"""What is judged: filings with answered questions, parted by document; those nearly alike are left out of the judged.

It knows nothing of reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .....core import digest
from .....core.errors import FormatError
from .....core.progress import say, track
from .....core.random import numpy_generator
from .....core.types import Array
from ...notes.evaluation import Marked, mark
from ...notes.questions import read_tatqa
from ...notes.read import read_filing
from ...notes.records import Answer, Filing
from ...notes.scorer import Scorer, answered
from ...notes.training import Asked
from ...tasks import SAMPLES
from ..duplicates import nearest
from ..lineage import Origin, read_from
from .simulated import filings, text_of

MADE, LEAST = 48, 10  # made-up filings; documents on either side
Documents: TypeAlias = Sequence[tuple[Filing, list[Asked]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Documents of both sides; `twins` were left out of the judged; `more` are filings without questions."""

    origin: Origin
    learnt: Documents
    judged: Documents
    twins: int
    scorer: Scorer
    card: Mapping[str, Any]
    more: tuple[Filing, ...]
    seed: int

    @cached_property
    def asked(self) -> list[tuple[int, Filing, Asked]]:
        """Every judged question with its document."""
        return [(n, filing, each) for n, (filing, questions) in enumerate(self.judged) for each in questions]

    @cached_property
    def groups(self) -> Array:
        """The document of each judged question: what is redrawn."""
        return np.array([number for number, _, _ in self.asked])

    @cached_property
    def marks(self) -> list[Marked]:
        return self.marked(self.scorer, "answering")

    @cached_property
    def answers(self) -> list[Answer | None]:
        """Of the judged questions."""
        return [answered(each.question, filing, self.scorer) for _, filing, each in self.asked]

    @property
    def filings(self) -> tuple[Filing, ...]:
        """Those judged, and those without questions."""
        return (*self.more, *(filing for filing, _ in self.judged))

    def marked(self, scorer: Scorer, label: str) -> list[Marked]:
        """Every judged question answered by a scorer and held against its answer."""
        return [
            mark(number, filing, each, scorer) for number, filing, each in track(self.asked, label, len(self.asked))
        ]


def case_of(scorer: Scorer, card: Mapping[str, Any], data: Path | None, *, seed: int) -> Case:
    """Read or make the documents, part them, and leave out twins.

    Raises:
        InputError: no such documents, or too few on either side.
    """
    random = numpy_generator(seed, "documents")
    documents: Documents = filings(random, MADE) if data is None else read_tatqa(data)
    order = numpy_generator(seed, "parted").permutation(len(documents))
    learnt, judged = ([documents[row] for row in sorted(rows)] for rows in np.array_split(order, 2))
    say(f"{len(learnt)} documents learnt from, {len(judged)} to judge: looking for twins")
    texts = [[text_of(filing) for filing, _ in side] for side in (learnt, judged)]
    twins = set(nearest(texts[0], texts[1], shingles="words").twins.tolist()) if learnt and judged else set()
    kept = [each for row, each in enumerate(judged) if row not in twins]
    if min(len(learnt), len(kept)) < LEAST:
        raise FormatError(
            f"{len(learnt)} documents to learn from and {len(kept)} to judge are left, once {len(twins)} that are"
            f" nearly alike are left out: at least {LEAST} on either side are needed"
        )
    return Case(
        origin=_simulated(documents, seed) if data is None else read_from(data, f"{len(documents)} documents"),
        learnt=learnt, judged=kept, twins=len(twins), scorer=scorer, card=card,
        more=(read_filing(SAMPLES / "filing.html"),) if data is None else (), seed=seed,
    )  # fmt: skip


def _simulated(documents: Documents, seed: int) -> Origin:
    about = (
        f"SIMULATED DATA: no --data was given, so everything here was run on {len(documents)} made-up filings with"
        " questions and on the sample that ships. It shows that the tests run and what they find there; give --data"
        " with JSON in the layout of TAT-QA for filings of companies."
    )
    whole = "\n".join(text_of(filing) for filing, _ in documents)
    return Origin(
        name=f"made-up filings, seed {seed}", simulated=True, about=about, sha256=digest.of_value(whole)
    )  # fmt: skip
