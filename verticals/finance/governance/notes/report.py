"""The whole dossier of a notes checkpoint: chapters in order, on the user's filings or on made-up ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .....core.governance import Governance
from .....core.trust.stability import Shift
from .....knowledge.reports import Key
from ...notes.scorer import Scorer, answered
from ..calibration import calibration
from ..dossier import Chapter
from ..fairness import refuse_groups, without_groups
from ..heading import signed
from ..identity import Part, identity
from ..latency import latency, timed
from ..limits import Watch, limits
from ..written import number, share
from .case import Case, case_of
from .claims import claims
from .controls import controls
from .lineage import leaks, lineage
from .outcomes import OURS, Outcomes, outcomes
from .stability import stability

TASK = "finance/notes"
NOBODY = "filings are of companies, not of persons: there are no groups to compare"
CALLS, SLOWEST = 60, 250.0  # questions timed; ms: a convention


def govern(
    scorer: Scorer,
    card: Mapping[str, Any],
    *,
    checkpoint: Mapping[str, Any],
    data: Path | None,
    groups: Sequence[str],
    seed: int,
) -> Governance:
    """Everything, measured.

    Raises:
        InputError: groups, which filings do not have; documents that cannot be read, or too few of them.
    """
    refuse_groups(TASK, groups, "filings")
    case = case_of(scorer, card, data, seed=seed)
    first = identity(TASK, model=checkpoint, card=card, parts=_parts(checkpoint), folder="verticals/finance/notes",
                     seed=seed)  # fmt: skip
    said = outcomes(case)
    shift, moved = stability(case)
    sure = np.array([0.0 if each is None else each.confidence for each in case.answers])
    exact = np.array([each.exact == 1 for each in case.marks])
    chapters = [
        first, lineage(case), leaks(case), said.chapter, controls(case),
        calibration(np.clip(sure, 0, 1), exact, case.groups, event="exact answers", seed=seed), moved,
        without_groups(NOBODY), claims(case), _latency(case),
    ]  # fmt: skip
    lines = [each for chapter in chapters for each in chapter.expects]
    chapters.append(limits(TASK, _watches(case, said, shift, sure), lines))
    return signed(TASK, chapters, checkpoint=checkpoint, origin=case.origin, keys=_keys(case, said), seed=seed)


def _keys(case: Case, said: Outcomes) -> tuple[Key, ...]:
    ours = said.compared[OURS].metrics["exact_match"]
    return (
        Key(label="Exact match", value=f"{ours.value:.3f}", note=f"between {ours.low:.3f} and {ours.high:.3f}"),
        Key(label="Judged", value=f"{len(case.asked):,}", note=f"questions on {len(case.judged)} documents"),
    )


def _parts(checkpoint: Mapping[str, Any]) -> tuple[Part, ...]:
    digest, place = str(checkpoint.get("sha256", "not saved")), "verticals/finance/notes"
    return (
        Part(name="reader of tables", kind="rules set by people", module=f"{place}/tables.py", reads="a filing",
             answers="cells with row, period, scale", digest="code"),
        Part(name="findings and sentences", kind="rules set by people", module=f"{place}/findings.py, grammar.py",
             reads="cells", answers="five forms of sentence, each recomputed", digest="code"),
        Part(name="checker", kind="rules set by people", module=f"{place}/check.py", reads="a sentence, a filing",
             answers="what of it the filing does not carry", digest="code"),
        Part(name="programs", kind="rules set by people", module=f"{place}/programs.py", reads="cells",
             answers="a value by arithmetic", digest="code"),
        Part(name="scorer of questions", kind="learned model", module=f"{place}/scorer.py", reads="a question, programs"
             " over cells", answers="which program is meant", digest=digest),
    )  # fmt: skip


def _latency(case: Case) -> Chapter:
    asked = case.asked[:CALLS]
    return latency(timed(lambda each: answered(each[2].question, each[1], case.scorer), asked),
                   what="One question on a filing that is read", limit=SLOWEST)  # fmt: skip


def _watches(case: Case, said: Outcomes, shift: Shift, sure: np.ndarray) -> tuple[Watch, ...]:
    floor, mean = said.compared[OURS].metrics["exact_match"].low, float(sure.mean())
    unanswered = sum(each is None for each in case.answers) / len(case.answers)
    return (
        Watch(what="claims that a reader finds wrong", often="at each note", threshold="any",
              computed="the rate here is that of chapter 9", then="hold notes back; the form or reader is at fault"),
        Watch(what="answers without a program", often="weekly", threshold=f"above {share(max(0.05, 2 * unanswered))}",
              computed=f"measured here {share(unanswered)}, twice that or 5 %", then="read the questions"),
        Watch(what="mean confidence", often="weekly", threshold=f"below {number(mean - 0.1, 2)}",
              computed=f"measured here {number(mean, 2)}, less a tenth", then="check a sample by hand"),
        Watch(what="index of confidence (PSI)", often="monthly",
              threshold=f"above .25 and above chance ({number(shift.critical_by_group)})",
              computed="the null of chapter 7, documents dealt", then="label a sample; fit again"),
        Watch(what="exact match on 100 checked answers", often="quarterly", threshold=f"below {number(floor)}",
              computed="lower end of the 95 % interval", then="fit again; show answers as suggestions only"),
        Watch(what="planted contradictions caught", often="at each change of a form", threshold="below 99 %",
              computed="expectation of chapter 9", then="the change is not released"),
    )  # fmt: skip
