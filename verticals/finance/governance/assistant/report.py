"""The whole dossier of an assistant's checkpoint: chapters in order, on the user's messages or on made-up ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .....core.governance import Governance
from .....core.trust.stability import Shift
from .....knowledge.reports import Key
from ...assistant.model import Reader
from ..calibration import calibration
from ..dossier import Chapter
from ..fairness import refuse_groups, without_groups
from ..heading import signed
from ..identity import Part, identity
from ..latency import latency, timed
from ..limits import Watch, limits
from ..written import number, share
from .answers import answers, replies
from .case import Case, case_of
from .controls import controls
from .lineage import leaks, lineage
from .outcomes import OURS, Outcomes, outcomes
from .stability import stability

TASK = "finance/assistant"
NOBODY = "messages carry no column of persons, and the assistant asks for none: there are no groups to compare"
CALLS, SLOWEST = 60, 100.0  # messages timed; ms: a convention, a tenth of what a person notices


def govern(
    reader: Reader,
    card: Mapping[str, Any],
    *,
    checkpoint: Mapping[str, Any],
    data: Path | None,
    groups: Sequence[str],
    seed: int,
) -> Governance:
    """Everything, measured.

    Raises:
        InputError: groups, which messages do not have; messages that cannot be read, or too few of them.
    """
    refuse_groups(TASK, groups, "messages")
    case = case_of(reader, card, data, seed=seed)
    first = identity(
        TASK, model=checkpoint, card=card, parts=_parts(reader, checkpoint), folder="verticals/finance/assistant",
        seed=seed,
    )  # fmt: skip
    said = outcomes(case)
    shift, moved = stability(case)
    best = case.chances.max(axis=1)
    chapters = [
        first, lineage(case), leaks(case), said.chapter, controls(case),
        calibration(best, case.right, case.groups, event="right readings", seed=seed), moved, without_groups(NOBODY),
        answers(case), _latency(case),
    ]  # fmt: skip
    lines = [each for chapter in chapters for each in chapter.expects]
    chapters.append(limits(TASK, _watches(case, said, shift), lines))
    return signed(TASK, chapters, checkpoint=checkpoint, origin=case.origin, keys=_keys(case, said), seed=seed)


def _keys(case: Case, said: Outcomes) -> tuple[Key, ...]:
    ours = said.compared[OURS].metrics["accuracy"]
    return (
        Key(label="Accuracy", value=f"{ours.value:.3f}", note=f"between {ours.low:.3f} and {ours.high:.3f}"),
        Key(label="Judged", value=f"{len(case.labels):,}", note=f"messages, {case.twins} near-twins left out"),
    )


def _parts(reader: Reader, checkpoint: Mapping[str, Any]) -> tuple[Part, ...]:
    digest, place = str(checkpoint.get("sha256", "not saved")), "verticals/finance/assistant"
    count = len(reader.settings.intents)
    return (
        Part(name="intents", kind="learned model", module=f"{place}/model.py", reads="words, letter groups, the"
             " sentence vector", answers=f"scores of {count} intents", digest=digest),
        Part(name="sentence encoder", kind="learned model", module=f"{place}/sentences.py", reads="a message",
             answers="384 numbers (MiniLM, not ours)", digest="a package of its own"),
        Part(name="calibration and refusal", kind="statistical estimate", module=f"{place}/training.py: reaches",
             reads="scores of messages held back", answers="temperature, sets, what is out of scope", digest=digest),
        Part(name="dialogue", kind="rules set by people", module=f"{place}/dialogue.py, slots.py", reads="turns",
             answers="topic and values", digest="code"),
        Part(name="reply and hand-over", kind="rules set by people", module=f"{place}/reply.py", reads="candidates and"
             " pages", answers="lines of pages, a question, a hand-over", digest="code"),
    )  # fmt: skip


def _latency(case: Case) -> Chapter:
    texts = case.judged.texts[:CALLS]
    case.reader.logits(texts[:2])

    def answer(text: str) -> object:
        return replies(case, (text,), case.reader.logits([text]), case.articles)

    return latency(timed(answer, texts), what="One message: reading and reply", limit=SLOWEST)


def _watches(case: Case, said: Outcomes, shift: Shift) -> tuple[Watch, ...]:
    rejected, sure = said.metrics["rejected"], float(np.mean(case.chances.max(axis=1)))
    floor = said.compared[OURS].metrics["accuracy"].low
    return (
        Watch(what="share turned away", often="daily", threshold=f"above {share(2 * max(rejected, 0.05))}",
              computed="twice what was measured here, 5 % at least", then="read the messages: a new topic?"),
        Watch(what="mean confidence", often="daily", threshold=f"below {number(sure - 0.1, 2)}",
              computed=f"measured here {number(sure, 2)}, less a tenth", then="compare with labelled messages"),
        Watch(what="index of confidence (PSI)", often="weekly",
              threshold=f"above .25 and above chance ({number(shift.critical)} for these counts)",
              computed="the null of chapter 7", then="label a sample; fit again"),
        Watch(what="accuracy on a labelled sample of 200", often="monthly", threshold=f"below {number(floor)}",
              computed="lower end of the 95 % interval", then="fit again; hand over more"),
        Watch(what="answers whose customer came back", often="weekly", threshold="any page with five in a week",
              computed="convention", then="rewrite the page"),
        Watch(what="pages without an intent, intents without a page", often="at each change of pages",
              threshold="any", computed="the warning of the task", then="add, or let a person answer"),
    )  # fmt: skip
