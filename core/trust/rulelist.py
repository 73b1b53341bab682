"""A rule list that a person can read in a minute: at most twelve rules, each a few conditions and the mean that held.

The challenger of a model. It is grown as a tree with as many leaves, best split first (scikit-learn), and written as
one rule a leaf, so that exactly one applies to any row; it answers without scikit-learn. Missing values go where they
went when it was grown. It knows nothing of what the features mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from jaxtyping import Bool, Float, Int

from ..errors import FormatError
from ..types import Array

MOST = 12
DEPTH = 4  # conditions that a reader can hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A feature above `low` and not above `high`, or missing where `missing` says so; `misses` if it ever was."""

    name: str
    column: int
    low: float
    high: float
    missing: bool
    misses: bool

    def holds(self, rows: Float[Array, "row feature"]) -> Bool[Array, " row"]:
        values = rows[:, self.column].astype(np.float32)
        inside = (values > self.low) & (values <= self.high)
        return np.where(np.isnan(values), self.missing, inside)

    def sentence(self, written: Callable[[str, float], str]) -> str:
        """ "amount over 220", "age over 3 and at most 7, or not known"."""
        parts = [f"over {written(self.name, self.low)}"] if self.low > -inf else []
        parts += [f"at most {written(self.name, self.high)}"] if self.high < inf else []
        return f"{self.name} {' and '.join(parts)}{' or not known' if self.missing and self.misses else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Where every condition holds, the mean was `value` over `count` rows."""

    conditions: tuple[Condition, ...]
    value: float
    count: int

    def sentence(self, written: Callable[[str, float], str]) -> str:
        return " and ".join(each.sentence(written) for each in self.conditions) or "any other case"


@dataclass(frozen=True, kw_only=True)
class RuleList:
    """Rules by falling value; one and only one holds for any row."""

    rules: tuple[Rule, ...]

    def values(self, rows: Float[Array, "row feature"]) -> Float[Array, " row"]:
        """The value of the rule that holds."""
        return np.array([rule.value for rule in self.rules])[self.which(rows)]

    def which(self, rows: Float[Array, "row feature"]) -> Int[Array, " row"]:
        """The place of the rule that holds."""
        found = np.zeros(len(rows), int)
        for place, rule in enumerate(self.rules):
            held = np.ones(len(rows), bool)
            for condition in rule.conditions:
                held &= condition.holds(rows)
            found[held] = place
        return found


def fit_rules(
    rows: Float[Array, "row feature"],
    target: Array,
    names: Sequence[str],
    *,
    weights: Float[Array, " row"] | None = None,
    most: int = MOST,
    least: int = 50,
    seed: int = 0,
) -> RuleList:
    """At most `most` rules with at least `least` rows each; `target` is a truth value or a number.

    Weighted rows count as many. A truth value's rate has one row in two added to either side, so that it is never 0.

    Raises:
        FormatError: rows, target and names do not fit each other, or there are too few rows.
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    rows = np.asarray(rows, np.float32)
    if rows.ndim != 2 or len(target) != len(rows) or len(names) != rows.shape[1] or len(rows) < 2 * least:
        raise FormatError(
            f"rules take a target a row, a name a feature and {2 * least} rows, got {rows.shape}, {len(target)}"
            f" and {len(names)} names"
        )
    happened = np.asarray(target).dtype == bool
    kind = DecisionTreeClassifier if happened else DecisionTreeRegressor
    settings = {"criterion": "entropy"} if happened else {}
    tree = kind(max_leaf_nodes=most, max_depth=DEPTH, min_samples_leaf=least, random_state=seed, **settings)
    tree.fit(rows, target, sample_weight=weights)
    weighed = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)
    leaf = tree.apply(rows)
    made = []
    for place, conditions in _leaves(tree.tree_, tuple(names), np.asarray(np.isnan(rows).any(axis=0))):
        inside = leaf == place
        count, total = float(weighed[inside].sum()), float((weighed[inside] * target[inside]).sum())
        value = (total + 0.5) / (count + 1) if happened else total / count
        made.append(Rule(conditions=conditions, value=value, count=round(count)))
    return RuleList(rules=tuple(sorted(made, key=lambda rule: -rule.value)))


def _leaves(tree: object, names: tuple[str, ...], misses: Array) -> list[tuple[int, tuple[Condition, ...]]]:
    """Each leaf of scikit-learn's arrays, with one condition for each feature on its path."""
    left, right, feature, threshold = (
        getattr(tree, name) for name in ("children_left", "children_right", "feature", "threshold")
    )
    missing_left = getattr(tree, "missing_go_to_left", np.zeros(len(left), bool))
    found, waiting = [], [(0, {})]  # type: ignore[var-annotated]
    while waiting:
        node, path = waiting.pop()
        if left[node] < 0:
            conditions = tuple(
                Condition(name=names[at], column=at, low=low, high=high, missing=missing, misses=bool(misses[at]))
                for at, (low, high, missing) in path.items()
            )
            found.append((node, conditions))
            continue
        at, cut, goes_left = int(feature[node]), float(threshold[node]), bool(missing_left[node])
        low, high, missing = path.get(at, (-inf, inf, True))
        waiting.append((right[node], path | {at: (max(low, cut), high, missing and not goes_left)}))
        waiting.append((left[node], path | {at: (low, min(high, cut), missing and goes_left)}))
    return found
