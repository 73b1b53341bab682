"""The whole dossier of a fraud checkpoint: chapters in order, on the user's payments or on simulated ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .....core.governance import Governance
from .....core.progress import say
from .....core.types import Array
from .....knowledge.reports import Key
from ...fraud.model import FraudModel
from ...fraud.stream import Stream, events_of
from ..calibration import calibration
from ..dossier import Chapter
from ..fairness import fairness
from ..heading import signed
from ..identity import Part, identity
from ..latency import Times, latency, timed
from ..limits import limits
from ..written import share
from .case import Case, Decide, case_of, payments_of
from .controls import controls
from .groups import columns_beside
from .lineage import lineage
from .monitoring import watches
from .outcomes import OURS, Outcomes, outcomes
from .pointintime import point_in_time, sampled
from .reasons import reasons
from .stability import stability

TASK = "finance/fraud"
TIMED = 2000
ANSWER = "One payment on a warm state: features, score, probability"
FASTEST, MEDIAN = 5.0, 1.0  # ms of processor time: the goals of the task


def govern(
    model: FraudModel,
    card: Mapping[str, Any],
    *,
    checkpoint: Mapping[str, Any],
    policy: str,
    decide: Decide,
    data: Path | None,
    groups: Sequence[str],
    seed: int,
) -> Governance:
    """Everything, measured.

    Raises:
        InputError: payments that cannot be read, have no labels or too few frauds, or lack a column of groups.
    """
    origin, payments = payments_of(data, seed)
    columns = columns_beside(data, payments, tuple(groups))
    case = case_of(origin, payments, model, card, decide=decide, groups=columns, seed=seed)
    first = identity(
        TASK, model=checkpoint, card=card, parts=_parts(model, checkpoint, policy), folder="verticals/finance/fraud",
        seed=seed,
    )  # fmt: skip
    said = outcomes(case)
    moved = stability(case)
    chapters = [
        first, lineage(case), point_in_time(case), said.chapter, controls(case),
        calibration(case.score[case.judged], case.fraud, case.days, event="frauds", seed=seed), moved.chapter,
        _fairness(case), reasons(case), latency(_timed(case), what=ANSWER, limit=FASTEST, median=MEDIAN),
    ]  # fmt: skip
    lines = [each for chapter in chapters for each in chapter.expects]
    chapters.append(limits(TASK, watches(case, said.compared[OURS]), lines))
    return signed(
        TASK, chapters, checkpoint=checkpoint, origin=case.origin, keys=_keys(case, said), seed=case.seed
    )  # fmt: skip


def _keys(case: Case, said: Outcomes) -> tuple[Key, ...]:
    ours = said.compared[OURS].metrics["average_precision"]
    return (
        Key(label="Average precision", value=f"{ours.value:.3f}",
            note=f"between {ours.low:.3f} and {ours.high:.3f}; fraud is {share(float(case.fraud.mean()), 2)} of the"
            " payments"),
        Key(label="Judged", value=f"{len(case.judged):,}", note=f"payments, {int(case.fraud.sum()):,} frauds"),
    )  # fmt: skip


def _parts(model: FraudModel, checkpoint: Mapping[str, Any], policy: str) -> tuple[Part, ...]:
    digest = str(checkpoint.get("sha256", "not saved"))
    place = "verticals/finance/fraud"
    return (
        Part(name="score", kind="learned model", module=f"{place}/model.py", reads=f"{len(model.names)} features of the"
             " stream", answers="logit of fraud", digest=digest),
        Part(name="calibration", kind="statistical estimate", module=f"{place}/scoring.py: Calibration",
             reads="the logit", answers="probability with bounds", digest=digest),
        Part(name="features", kind="rules set by people", module=f"{place}/stream.py", reads="payments and labels",
             answers="counts, means and shares as of before each payment", digest="code"),
        Part(name="decision", kind="rules set by people", module=f"{place}/scoring.py: Costs, Budget",
             reads="probability and amount", answers=f"approve, review or decline ({policy})", digest="configuration"),
        Part(name="reason codes", kind="rules set by people", module=f"{place}/reasons.py", reads="the score with and"
             " without a group of features", answers="at most four codes", digest="code"),
        Part(name="challenger", kind="baseline", module="core/trust/rulelist.py", reads="the same features",
             answers="the share of fraud of one of twelve rules", digest="fitted for this page"),
    )  # fmt: skip


def _fairness(case: Case) -> Chapter:
    rows = case.judged
    columns = {name: values[rows] for name, values in case.groups.items()}
    return fairness(
        case.stopped[rows], case.fraud, columns, clusters=case.payments.events.card[rows],
        words=("stopped", "fraud"), seed=case.seed,
    )  # fmt: skip


def _timed(case: Case) -> Times:
    """The last payments of a part of the stream, one at a time, on the state that the others left."""
    rows = sampled(case)
    assert case.payments.labels is not None
    events, labels = case.payments.events[rows], case.payments.labels[rows]
    say("latency: one payment at a time")
    stream, model = Stream(case.model.sequence), case.model
    for card, account in (events.account or {}).items():
        stream.meet(card, account)
    for id, fraud, at in zip(events.id.tolist(), labels.fraud.tolist(), labels.known_at.tolist(), strict=True):
        if at < events.time[-1]:
            stream.label(id, fraud, at)
    arriving, warm = list(events_of(events)), max(len(events) - TIMED, len(events) // 2)
    for event in arriving[:warm]:
        stream.update(event)

    def score(event: Any) -> Array:
        row = np.array([stream.update(event)], np.float32)
        return model.calibration.probabilities(model.logits(model.rows(row)))

    return timed(score, arriving[warm:])
