"""The chapter on reason codes: does a code name what raised the score, and does it stay when nothing much changes?"""

from __future__ import annotations

import numpy as np

from .....core.random import numpy_generator
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...fraud.evaluation import JITTER, stability
from ...fraud.reasons import members
from ..dossier import Chapter, expect
from ..written import count, number, share
from .case import Case

CHAPTER = "reason codes"
SAMPLE = 300
STABLE = 0.9


def reasons(case: Case) -> Chapter:
    """On stopped payments at random: neutralise each code's group, all of them, and a group that was not named."""
    rows = _sample(case)
    values = case.rows(rows)
    codes, single, together, others = _drops(case, values)
    held = stability(case.model, values, seed=case.seed)
    fell, all_codes = np.concatenate(single), sum(len(each) for each in single)
    lowered = int((fell > 0).sum())
    again = lambda: float((np.concatenate(_drops(case, values)[1]) > 0).sum())  # noqa: E731
    whole = lambda value: Fact(value=float(value), evidence="codes", digits=0, measure=lambda: float(value))  # noqa: E731
    facts = {
        "payments": len(rows), "codes": all_codes, "lowered": lowered, "mean_drop_given": float(fell.mean()),
        "mean_drop_not_given": float(np.mean(others)), "all_codes_lower": float((together > 0).mean()),
        "stable_top_3": held, "jitter": JITTER, "by_code": codes,
    }  # fmt: skip
    table = Rows(
        header=("on stopped payments", ""),
        rows=(
            ("codes given", count(all_codes)),
            ("the score falls without the code's group", share(lowered / max(all_codes, 1))),
            ("the score falls without all groups named", share(float((together > 0).mean()))),
            ("mean fall of the logit: groups named, one at a time", number(float(fell.mean()), 2)),
            ("mean fall of the logit: groups not named", number(float(np.mean(others)), 2)),
            (f"three weightiest codes stay when every feature moves by {100 * JITTER:g} %", share(held)),
        ),
        caption=f"{count(len(rows))} payments at random among those stopped.",
    )
    by_code = Rows(
        header=("code", "times given"), rows=tuple((name, count(each)) for name, each in codes.items())
    )  # fmt: skip
    return Chapter(
        heading="Reason codes: faithful and stable",
        facts=facts,
        claims=(
            Claim(
                template="Of {codes} codes given, taking back what the code names lowered the score in {lowered}.",
                facts={
                    "codes": whole(all_codes),
                    "lowered": Fact(value=float(lowered), evidence="codes", digits=0, measure=again),
                },
            ),
        ),
        evidence={"codes": Evidence(kind="measurement", shows="the score again with one group as it usually is")},
        tables=(table, by_code),
        notes=("A code is given only where its group raises the score, so the first line must hold; those not named are"
               " the control.",),
        expects=(
            expect(CHAPTER, "Neutralising a code's group lowers the score", f"{len(rows)} stopped payments",
                   lowered == all_codes and all_codes > 0, f"{lowered:,} of {all_codes:,} codes"),
            expect(CHAPTER, "Groups named matter more than groups not named", "mean fall of the logit",
                   bool(fell.mean() > np.mean(others)), f"{fell.mean():.2f} against {np.mean(others):.2f}"),
            expect(CHAPTER, f"Top three codes stay under {100 * JITTER:g} % jitter in {100 * STABLE:.0f} %",
                   f"{len(rows)} payments, every feature jittered", held >= STABLE, share(held)),
        ),
    )  # fmt: skip


def _sample(case: Case) -> Array:
    """Stopped payments of the judged part; the highest scores where too few are stopped."""
    stopped = case.since[case.stopped[case.since]]
    if len(stopped) < SAMPLE // 10:
        return case.since[np.argsort(-case.score[case.since], kind="stable")[:SAMPLE]]
    random = numpy_generator(case.seed, "reasons")
    return np.sort(random.choice(stopped, min(SAMPLE, len(stopped)), replace=False))


def _drops(case: Case, values: Array) -> tuple[dict[str, int], list[Array], Array, Array]:
    """By payment: the fall for each code given; for all together; and the mean fall for groups not named."""
    model, groups = case.model, members(case.model.names)
    counts: dict[str, int] = {}
    single, together, others = [], [], []
    for row in values:
        given = [reason.code for reason in model.reasons(row)]
        for code in given:
            counts[code] = counts.get(code, 0) + 1
        named = np.concatenate([groups[code] for code in given]) if given else np.zeros(0, int)
        batch = np.repeat(row[None], len(groups) + 2, axis=0)
        batch[1, named] = model.usual[named]
        for place, columns in enumerate(groups.values(), start=2):
            batch[place, columns] = model.usual[columns]
        logits = model.logits(batch)
        fall = dict(zip(groups, logits[0] - logits[2:], strict=True))
        single.append(np.array([fall[code] for code in given]))
        together.append(logits[0] - logits[1])
        others += [each for name, each in fall.items() if name not in given and len(groups[name])]
    return dict(sorted(counts.items(), key=lambda item: -item[1])), single, np.array(together), np.array(others)
