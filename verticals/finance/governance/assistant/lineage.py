"""The chapters on data: files, intents, sides; and that nothing of the judged side was learnt from."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from .....knowledge.reports import Rows
from ..dossier import Chapter, expect
from ..duplicates import apart
from ..lineage import CHAPTER, digests_stand, files_table, held_back
from ..written import count
from .case import Case

SHOWN = 10


def lineage(case: Case) -> Chapter:
    """Where messages come from, and how they are parted."""
    sides = {"learnt from": case.learnt, "judged": case.judged}
    counts = Counter(case.judged.intents)
    rows = tuple(
        (name, count(len(each.texts)), count(len(set(each.intents))), count(len(each.outside)))
        for name, each in sides.items()
    )
    unseen = sorted(set(case.judged.intents) - set(case.learnt.intents))
    files = (files_table(case.origin.files),) if case.origin.files else ()
    return Chapter(
        heading="Data lineage",
        facts={
            "origin": asdict(case.origin), "learnt": len(case.learnt.texts), "judged": len(case.judged.texts),
            "out_of_scope": len(case.judged.outside), "intents_of_the_model": len(case.reader.settings.intents),
            "intents_judged": dict(counts), "pages": len(case.articles), "left_out_as_twins": case.twins,
        },
        tables=(
            *files,
            Rows(header=("side", "messages", "intents", "of no intent"), rows=rows,
                 caption="What baselines learnt from, and what everything is judged on."),
            Rows(header=("intent", "judged"), rows=tuple((n, count(c)) for n, c in counts.most_common(SHOWN)),
                 caption=f"The most frequent of {len(counts)} intents judged."),
        ),
        notes=(case.origin.about, f"SHA-256 of the data as a whole: {case.origin.sha256}",
               f"{len(case.articles)} help pages, {len(set(case.articles) - set(case.reader.settings.intents))} of them"
               " for no intent that the model knows"),
        expects=(
            digests_stand(case.origin),
            held_back(case.origin, case.card, "The judged messages are"),
            expect(CHAPTER, "Every intent judged was also learnt from by the baselines", "intents of both sides",
                   not unseen, f"not learnt: {', '.join(unseen[:4])}" if unseen else f"all {len(counts)}"),
        ),
    )  # fmt: skip


def leaks(case: Case) -> Chapter:
    """No judged message is nearly one that was learnt from."""
    return apart(case.learnt.texts, case.judged.texts, left_out=case.twins, what="messages", shingles="letters",
                 seed=case.seed)  # fmt: skip
