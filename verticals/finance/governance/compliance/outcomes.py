"""The chapter on outcomes: the ranker on alerts not seen, beside baselines and a challenger of twelve rules.

Challenger and baselines are fitted on the part learnt from; the checkpoint is as it was given, and the rules that find
alerts are judged apart from the ranker that orders them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say
from .....core.random import numpy_generator
from .....core.trust.ranking import Compared, Ranking, compare
from .....core.trust.rulelist import RuleList, fit_rules
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...compliance.metrics import average_precision, found, reduction
from ...compliance.ranking.counters import NAMES
from ...compliance.ranking.training import Schedule, fit_trees
from ...compliance.typologies.catalogue import RULES
from ..comparison import CHAPTER, compared_table, none_better, rules_table
from ..dossier import Chapter, expect
from ..written import count, number, share, span
from .case import KEPT, Case

OURS, CHALLENGER = "the checkpoint", "challenger: twelve rules"
REFITTED = "boosting on the same counters, refitted here"
PLAIN, AMOUNT = "rules without a ranker (each rule's share of cases)", "the amount alone, boosted"
ROUNDS = 60  # of the baselines' boosting
SHUFFLES = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What was measured, for the chapters that build on it."""

    compared: Mapping[str, Compared]
    saved: float
    chapter: Chapter


def outcomes(case: Case) -> Outcomes:
    """Ranking with intervals over holders, baselines, challenger, what ranking saves, recall and precision by rule."""
    say("outcomes: fitting challenger and baselines")
    judged, right = case.judged, case.right[case.judged]
    rules = challenger(case, case.right[case.learnt])
    scores = {
        OURS: case.score[judged], CHALLENGER: rules.values(case.rows[judged]), **_baselines(case),
        "the largest sum first": case.worth[judged],
    }  # fmt: skip
    compared = compare(scores, right, groups=case.holder[judged], against=OURS, seed=case.seed)
    saved = {name: reduction(score, right) for name, score in scores.items()}
    shuffled = _shuffled(case, right)
    by_rule, cases = _by_rule(case), _cases(case)
    chapter = Chapter(
        heading="Outcomes, baselines and a challenger",
        facts={
            "judged": len(judged), "right": int(right.sum()), "reduction_at_95": saved, "cases_found": cases,
            "ranking": {name: asdict(each) for name, each in compared.items()}, "by_rule": by_rule,
            "rules_on_shuffled_labels_roc_auc": shuffled, "challenger": [asdict(rule) for rule in rules.rules],
        },
        claims=(_claim(case, compared),),
        evidence={"ranking": Evidence(kind="measurement", shows="scores of the judged alerts, ranked again")},
        tables=(
            compared_table(compared, ours=OURS, metrics={"average_precision": "average precision", "roc_auc": "AUC"},
                           caption="The judged alerts; intervals redraw holders. Below zero: worse."),
            _saved_table(saved), _rule_table(by_rule),
            rules_table(rules, rules.which(case.rows[judged]), right, event="right", cases="alerts"),
        ),
        notes=(
            "The rules find, the ranker orders: a case that no rule sees is in no row of the first table. A case is"
            " found where some alert points at it by subject and payments.",
        ),
        expects=_expects(case, compared, saved, rules, shuffled, cases),
    )  # fmt: skip
    return Outcomes(compared=compared, saved=saved[OURS], chapter=chapter)


def challenger(case: Case, right: Array) -> RuleList:
    """Twelve rules on the counters of the part learnt from."""
    least = max(5, min(25, len(case.learnt) // 12))
    return fit_rules(case.rows[case.learnt], np.asarray(right, bool), NAMES, least=least, seed=case.seed)


def _shuffled(case: Case, right: Array) -> float:
    """The area under the curve of rules that learnt from shuffled labels, on average: one half, if nothing leaks."""
    random, known = numpy_generator(case.seed, "shuffled"), case.right[case.learnt]
    blind = [challenger(case, random.permutation(known)).values(case.rows[case.judged]) for _ in range(SHUFFLES)]
    return float(np.mean([Ranking.of(each, right).measure()["roc_auc"] for each in blind]))


def _baselines(case: Case) -> dict[str, Array]:
    learnt, judged, right = case.learnt, case.judged, case.right[case.learnt]
    schedule = Schedule(rounds=ROUNDS, seed=case.seed)
    worth = np.log1p(case.worth)[:, None]
    places = [place for place, name in enumerate(NAMES) if name.startswith("rule_")]
    which = case.rows[:, places].argmax(axis=1)
    hits = np.bincount(which[learnt], weights=right, minlength=len(places))
    shares = (hits + 0.5) / (np.bincount(which[learnt], minlength=len(places)) + 1)
    return {
        REFITTED: fit_trees(case.rows[learnt], right, schedule).raw(case.rows[judged]),
        PLAIN: shares[which[judged]],
        AMOUNT: fit_trees(worth[learnt], right, schedule).raw(worth[judged]),
    }


def _by_rule(case: Case) -> dict[str, dict[str, float]]:
    """Of each rule, over all of the data: planted cases of its kind that it finds itself, alerts, and right ones."""
    names = np.array([firing.rule for _, firing in case.firings])
    table = {}
    for rule in RULES:
        pairs = [found(seen.source.truth, seen.firings, seen.source.book, rule=rule.id) for seen in case.seen]
        own = names == rule.id
        heard, planted = (sum(each[side] for each in pairs) for side in (0, 1))
        table[rule.id] = {
            "cases": planted, "found": heard, "recall": heard / planted if planted else float("nan"),
            "alerts": int(own.sum()), "precision": float(case.right[own].mean()) if own.any() else float("nan"),
        }  # fmt: skip
    return table


def _cases(case: Case) -> dict[str, float]:
    """Planted cases that some rule finds, and those that also stand above the threshold."""
    planted = sum(len(seen.source.truth.planted()) for seen in case.seen)
    heard, kept, start = set[tuple[int, str]](), set[tuple[int, str]](), 0
    for place, seen in enumerate(case.seen):
        for row, cases in enumerate(seen.cases):
            heard |= {(place, each) for each in cases}
            if case.score[start + row] >= case.threshold:
                kept |= {(place, each) for each in cases}
        start += len(seen.cases)
    return {"planted": planted, "found": len(heard), "above_threshold": len(kept), "threshold": case.threshold}


def _claim(case: Case, compared: Mapping[str, Compared]) -> Claim:
    """Measured again by scikit-learn on the same alerts."""
    ours = compared[OURS].metrics["average_precision"]
    score, right = case.score[case.judged], case.right[case.judged]

    def fact(value: float) -> Fact:
        return Fact(value=value, evidence="ranking", digits=3, measure=lambda: value)

    return Claim(
        template="Average precision of the ranker is {value}, between {low} and {high} with holders redrawn; alerts at"
        " random would have {share}.",
        facts={
            "value": Fact(value=ours.value, evidence="ranking", digits=3,
                          measure=lambda: average_precision(score, right)),
            "low": fact(ours.low), "high": fact(ours.high),
            "share": Fact(value=float(right.mean()), evidence="ranking", digits=3, measure=lambda: float(right.mean())),
        },
    )  # fmt: skip


def _saved_table(saved: Mapping[str, float]) -> Rows:
    rows = tuple((name, share(value)) for name, value in saved.items())
    caption = f"Alerts that stand below the lowest place that keeps {KEPT:.0%} of the right ones."
    return Rows(header=("order of the queue", "alerts below"), rows=rows, caption=caption)


def _rule_table(by_rule: Mapping[str, Mapping[str, float]]) -> Rows:
    rows = tuple(
        (name, count(each["cases"]), share(each["recall"], 0), count(each["alerts"]), share(each["precision"], 0))
        for name, each in by_rule.items()
    )
    return Rows(
        header=("rule", "cases of it", "found by it", "alerts", "of those, right"), rows=rows,
        caption="The rule engine alone, on all of the data: no ranker, nothing learnt.",
    )  # fmt: skip


def _expects(
    case: Case,
    compared: Mapping[str, Compared],
    saved: Mapping[str, float],
    rules: RuleList,
    shuffled: float,
    cases: Mapping[str, float],
) -> tuple[Expectation, ...]:
    ours, against = compared[OURS].metrics["average_precision"], compared[CHALLENGER].less["average_precision"]
    return (
        expect(CHAPTER, "Outcomes stand beside baselines, with intervals", f"{len(compared)} orders, holders redrawn",
               True, f"average precision {span(ours)}"),
        none_better(compared, ours=OURS, metric="average_precision", but=(CHALLENGER,)),
        expect(CHAPTER, "A challenger of at most 12 rules is worse beyond chance", f"a list of {len(rules.rules)} rules"
               " on the same counters", against.high < 0,
               f"its average precision less the checkpoint's: {span(against, sign=True)}"),
        expect(CHAPTER, "Nothing can be learnt from shuffled labels", f"labels shuffled {SHUFFLES} times",
               abs(shuffled - 0.5) < 0.1, f"AUC {shuffled:.3f} on average"),
        expect(CHAPTER, "Ranking saves more alerts than rules alone", f"alerts below the place that keeps {KEPT:.0%}",
               saved[OURS] > max(saved[PLAIN], saved["the largest sum first"]),
               f"{share(saved[OURS])}; rules alone {share(saved[PLAIN])}, by sum"
               f" {share(saved['the largest sum first'])}"),
        expect(CHAPTER, "The rules find the cases (at least 75 %)", "planted cases that some alert points at",
               cases["found"] >= 0.75 * cases["planted"],
               f"{count(cases['found'])} of {count(cases['planted'])};"
               f" {count(cases['above_threshold'])} above the score {number(cases['threshold'])}"),
    )  # fmt: skip
