"""The chapter on outcomes: the checkpoint on payments not seen, beside baselines and a challenger of twelve rules.

Challenger and baselines are fitted on the part learnt from; the checkpoint is as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from sklearn.metrics import average_precision_score

from .....core.governance import Expectation
from .....core.progress import say
from .....core.random import numpy_generator
from .....core.trust.ranking import Compared, Ranking, compare
from .....core.trust.rulelist import RuleList, fit_rules
from .....core.types import Array
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...fraud.aggregates import DELAY, handbook
from ...fraud.boosting import LEAST, Boosting, fit_trees
from ...fraud.metrics import known_cards, summary
from ...fraud.recipes import learnable
from ...fraud.records import DAY
from ...fraud.stream import NAMES
from ..comparison import CHAPTER, compared_table, none_better, rules_table
from ..dossier import Chapter, expect
from ..written import count, number, share, span
from .case import FLAT, Case

OURS, CHALLENGER = "the checkpoint", "challenger: twelve rules"
SUPPORT = 100  # payments a rule must have been learnt from
REFITTED = "boosting on the same features, refitted here"


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What was measured, for the chapters that build on it: comparisons by name, and the challenger."""

    compared: Mapping[str, Compared]
    challenger: RuleList
    metrics: Mapping[str, float]
    chapter: Chapter


def outcomes(case: Case) -> Outcomes:
    """Metrics with intervals over days, baselines, challenger, the policy in force, cards not seen before."""
    say("outcomes: fitting challenger and baselines")
    rows, weights = case.thinned()
    events, labels = case.payments
    assert labels is not None
    fraud = labels.fraud[rows]
    rules = challenger(case)
    scores = {
        OURS: case.score[rows],
        CHALLENGER: rules.values(_columns(case, case.features[rows])),
        **_baselines(case, rows),
        "the amount alone": events.amount[rows],
    }
    found = compare(
        scores, fraud, groups=events.time[rows] // DAY, weights=weights, against=OURS, seed=case.seed
    )  # fmt: skip
    known = known_cards(events.card, events.time, labels.fraud, labels.known_at)[case.judged]
    now = events[case.judged]
    metrics = summary(case.score[case.judged], case.fraud, time=now.time, card=now.card, amount=now.amount, known=known)
    shuffled = _shuffled(case, rows, fraud, weights)
    policy, newcomers = _policy(case), _newcomers(case)
    chapter = Chapter(
        heading="Outcomes, baselines and a challenger",
        facts={
            "judged": len(case.judged), "frauds": int(case.fraud.sum()), "metrics": metrics, "policy": policy,
            "cards_not_seen_before": newcomers, "rules_on_shuffled_labels_roc_auc": shuffled,
            "ranking": {name: asdict(each) for name, each in found.items()},
            "challenger": [asdict(rule) for rule in rules.rules],
        },
        claims=(_claim(case, found),),
        evidence={"ranking": Evidence(kind="measurement", shows="scores of the judged part, ranked again")},
        tables=(
            compared_table(found, ours=OURS, metrics={"average_precision": "average precision", "roc_auc": "AUC"},
                           caption="The judged part, all on the same payments. Below zero: worse."),
            _policy_table(policy, metrics, newcomers),
            rules_table(rules, rules.which(_columns(case, case.features[case.judged])), case.fraud, event="fraud",
                        cases="payments"),
        ),
        notes=(
            f"Intervals redraw days (95 %). {_weighing(case, rows)}",
            "The challenger has no access to anything but the rows above; it is printed whole.",
            *_left_out(case),
        ),
        expects=_expects(found, rules, shuffled, newcomers),
    )  # fmt: skip
    return Outcomes(compared=found, challenger=rules, metrics=metrics, chapter=chapter)


def challenger(case: Case, *, shuffled: bool = False) -> RuleList:
    """At most twelve rules on the features that the checkpoint reads; with labels shuffled, as a control."""
    random, lessons = numpy_generator(case.seed, "challenger"), case.lessons
    others = np.flatnonzero(~lessons.fraud)
    kept = others if len(others) <= FLAT else random.choice(others, FLAT, replace=False)
    rows = np.sort(np.concatenate([np.flatnonzero(lessons.fraud), kept]))
    fraud = lessons.fraud[rows]
    weights = np.where(fraud, 1.0, len(others) / len(kept))
    if shuffled:
        order = random.permutation(len(rows))
        fraud, weights = fraud[order], weights[order]
    names = tuple(name.replace("_", " ") for name in _names(case))
    least = max(5, min(SUPPORT, int(lessons.fraud.sum()) // 4))
    return fit_rules(_columns(case, lessons.rows[rows]), fraud, names, weights=weights, least=least, seed=case.seed)


def _columns(case: Case, features: Array) -> Array:
    """What challenger and refitted boosting read: the checkpoint's features, but for those that the data never have."""
    return features[:, [NAMES.index(name) for name in _names(case)]]


def _names(case: Case) -> tuple[str, ...]:
    columns = [NAMES.index(name) for name in case.model.names]
    there = np.any(np.isfinite(case.lessons.rows[:, columns]), axis=0).tolist()
    return tuple(name for name, known in zip(case.model.names, there, strict=True) if known)


def _baselines(case: Case, rows: Array) -> dict[str, Array]:
    """Boosting on the checkpoint's own features, on raw fields, and on the handbook's windows where these are fair."""
    events, labels = case.payments
    assert labels is not None
    config, known = Boosting(rounds=100), learnable(case.payments, case.middle)
    found = {
        REFITTED: fit_trees(
            _columns(case, case.lessons.rows).astype(np.float64), case.lessons.fraud, config, seed=case.seed
        ).raw(_columns(case, case.features[rows]).astype(np.float64))
    }
    tables = {"boosting on raw fields": np.column_stack([events.amount, events.time % DAY, events.time // DAY % 7])}
    if _weekly(case):
        tables = {"boosting on the handbook's windows": handbook(events, labels), **tables}
    for name, table in tables.items():
        found[name] = fit_trees(table[known], labels.fraud[known], config, seed=case.seed).raw(table[rows])
    return found


def _weekly(case: Case) -> bool:
    """Whether labels come within the delay that the handbook's windows assume; else these would read ahead."""
    events, labels = case.payments
    assert labels is not None
    known = np.isfinite(labels.known_at)
    return bool(np.quantile((labels.known_at - events.time)[known], 0.99) <= DELAY * DAY + 1)


def _left_out(case: Case) -> tuple[str, ...]:
    if _weekly(case):
        return ()
    return (f"The handbook's windows are left out: they take labels after {DELAY} days, and here many come later.",)


def _shuffled(case: Case, rows: Array, fraud: Array, weights: Array) -> float:
    """The area under the curve of rules that learnt from shuffled labels: one half, if nothing leaks."""
    rules = challenger(case, shuffled=True)
    return Ranking.of(rules.values(_columns(case, case.features[rows])), fraud).measure(weights)["roc_auc"]


def _policy(case: Case) -> dict[str, float]:
    """What the policy on the checkpoint would have done in the judged part."""
    stopped, fraud, amount = case.stopped[case.judged], case.fraud, case.payments.events.amount[case.judged]
    days = len(np.unique(case.days))
    return {
        "stopped_a_day": float(stopped.sum() / days),
        "stopped": float(stopped.mean()),
        "precision": float(fraud[stopped].mean()) if stopped.any() else float("nan"),
        "recall": float(stopped[fraud].mean()),
        "false_positive_rate": float(stopped[~fraud].mean()),
        "value_stopped": float(amount[stopped & fraud].sum() / max(amount[fraud].sum(), 1e-9)),
    }


def _newcomers(case: Case) -> dict[str, float]:
    """Cards that the part learnt from has never seen, where there are enough frauds on them."""
    cards = case.payments.events.card
    new = ~np.isin(cards[case.judged], np.unique(cards[case.payments.events.time < case.middle]))
    fraud = case.fraud[new]
    found = {"payments": float(new.sum()), "frauds": float(fraud.sum())}
    if fraud.sum() < LEAST or fraud.all():
        return found
    return found | Ranking.of(case.score[case.judged][new], fraud).measure()


def _claim(case: Case, found: Mapping[str, Compared]) -> Claim:
    """Measured again by scikit-learn on the same rows."""
    ours = found[OURS].metrics["average_precision"]
    rows, weights = case.thinned()
    assert case.payments.labels is not None
    fraud, score = case.payments.labels.fraud[rows], case.score[rows]

    def again() -> float:
        return float(average_precision_score(fraud, score, sample_weight=weights))

    def fact(value: float) -> Fact:
        return Fact(value=value, evidence="ranking", digits=3, measure=lambda: value)

    return Claim(
        template="Average precision of the checkpoint is {value}, between {low} and {high} with days redrawn; a ranking"
        " at random would have {share}.",
        facts={
            "value": Fact(value=ours.value, evidence="ranking", digits=3, measure=again),
            "low": fact(ours.low),
            "high": fact(ours.high),
            "share": Fact(
                value=float(case.fraud.mean()), evidence="ranking", digits=4, measure=lambda: float(np.mean(case.fraud))
            ),
        },
    )


def _policy_table(policy: Mapping[str, float], metrics: Mapping[str, float], newcomers: Mapping[str, float]) -> Rows:
    rows = [
        ("payments stopped a day (reviewed or declined)", number(policy["stopped_a_day"], 1)),
        ("share of payments stopped", share(policy["stopped"], 2)),
        ("of those, frauds (precision)", share(policy["precision"])),
        ("frauds stopped (recall)", share(policy["recall"])),
        ("fraud by value stopped", share(policy["value_stopped"])),
        ("honest payments stopped (false-positive rate)", share(policy["false_positive_rate"], 2)),
        ("card precision@100, of what is possible",
         f"{number(metrics['card_precision_100'])} of {number(metrics['card_precision_100_possible'])}"),
    ]  # fmt: skip
    if "average_precision" in newcomers:
        rows.append(
            (f"average precision on cards not seen before ({count(newcomers['frauds'])} frauds)",
             number(newcomers["average_precision"]))
        )  # fmt: skip
    return Rows(header=("under the policy on the checkpoint", ""), rows=tuple(rows))


def _weighing(case: Case, rows: Array) -> str:
    if len(rows) == len(case.judged):
        return "Every judged payment is in them."
    return (
        f"Ranked on every fraud and {FLAT:,} honest payments at random, each standing for"
        f" {(~case.fraud).sum() / FLAT:.1f}; the policy and card precision on all {len(case.judged):,}."
    )


def _expects(
    found: Mapping[str, Compared], rules: RuleList, shuffled: float, newcomers: Mapping[str, float]
) -> tuple[Expectation, ...]:
    against = found[CHALLENGER].less["average_precision"]
    return (
        expect(CHAPTER, "Outcomes stand beside baselines, with intervals", f"{len(found)} scores, days redrawn", True,
               f"average precision {span(found[OURS].metrics['average_precision'])}"),
        none_better(found, ours=OURS, metric="average_precision"),
        expect(CHAPTER, "A challenger of at most 12 rules is worse beyond chance", f"a list of {len(rules.rules)} rules"
               " on the same features", against.high < 0,
               f"its average precision less the checkpoint's: {span(against, sign=True)}"),
        expect(CHAPTER, "Nothing can be learnt from shuffled labels", "the challenger on shuffled labels",
               abs(shuffled - 0.5) < 0.1, f"AUC {shuffled:.3f}"),
        expect(CHAPTER, "Entities not seen before are judged apart", "cards first seen in the judged part",
               True if "average_precision" in newcomers else None,
               f"average precision {newcomers['average_precision']:.3f} on {newcomers['frauds']:.0f} frauds"
               if "average_precision" in newcomers
               else f"{newcomers['frauds']:.0f} frauds on such cards are too few"),
    )  # fmt: skip
