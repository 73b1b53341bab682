"""Boosted trees as plain tensors: scikit-learn's gradient boosting flattened, and a predictor that equals it.

All trees of all rows go down a level at once, so that one row costs about as much as its deepest tree has levels.
It knows nothing of how trees are fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np
from jaxtyping import Float, Int32

from .errors import FormatError
from .types import Array

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

LARGEST = np.finfo(np.float64).max
CHUNK = 512  # rows at a time: their nodes stay in the cache


@dataclass(frozen=True, kw_only=True, eq=False)
class Trees:
    """The nodes of all trees one after another; a leaf is its own child. The answer: leaves and `base` summed.

    `feature` counts twice over the features: below their number a missing value goes left, above it goes right.
    `children` holds right and left of each node, side by side.
    """

    roots: Int32[Array, " tree"]
    feature: Int32[Array, " node"]
    threshold: Float[Array, " node"]
    children: Int32[Array, " twice_node"]
    value: Float[Array, " node"]
    base: float
    features: int
    depth: int

    @classmethod
    def of(cls, *models: HistGradientBoostingClassifier | HistGradientBoostingRegressor) -> Self:
        """The mean of fitted models of two classes, or of a number; their features are numbers only."""
        trees = [predictors[0].nodes for model in models for predictors in model._predictors]
        roots = np.cumsum([0, *(len(tree) for tree in trees)])
        nodes, count = np.concatenate(trees), int(models[0].n_features_in_)
        if nodes["is_categorical"].any():
            raise FormatError("only trees that split on numbers can be flattened: fit without categorical features")
        leaf = nodes["is_leaf"].astype(bool)
        offset = np.repeat(roots[:-1], [len(tree) for tree in trees])
        own = np.arange(len(nodes))
        right = np.where(leaf, own, nodes["right"] + offset)
        left = np.where(leaf, own, nodes["left"] + offset)
        feature = nodes["feature_idx"] + np.where(nodes["missing_go_to_left"].astype(bool), 0, count)
        return cls(
            roots=roots[:-1].astype(np.int32),
            feature=np.where(leaf, 0, feature).astype(np.int32),
            threshold=np.clip(np.where(leaf, 0.0, nodes["num_threshold"]), -LARGEST, LARGEST),
            children=np.column_stack([right, left]).ravel().astype(np.int32),
            value=np.where(leaf, nodes["value"], 0.0) / len(models),
            base=float(np.mean([np.ravel(model._baseline_prediction)[0] for model in models])),
            features=count,
            depth=max(int(tree["depth"].max()) for tree in trees),
        )

    def raw(self, rows: Float[Array, "row feature"]) -> Float[Array, " row"]:
        """The logit of each row, or its number; NaN is a missing value."""
        rows = np.asarray(rows, np.float64)
        if len(rows) <= CHUNK:
            return self._raw(rows)
        return np.concatenate([self._raw(rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK)])

    def _raw(self, rows: Array) -> Array:
        count = len(rows)
        twice = np.concatenate([rows, rows], axis=1)  # missing values: below every threshold, above every threshold
        missing = np.isnan(rows)
        if missing.any():
            twice[:, : self.features][missing] = -np.inf
            twice[:, self.features :][missing] = np.inf
        flat, start = twice.ravel(), np.arange(count, dtype=np.int32)[:, None] * (2 * self.features)
        node = np.broadcast_to(self.roots, (count, len(self.roots)))
        for _ in range(self.depth):
            left = flat.take(self.feature.take(node) + start) <= self.threshold.take(node)
            node = self.children.take(2 * node + left)
        total: Array = self.value.take(node).sum(axis=1)
        return total + self.base

    def tensors(self) -> dict[str, Array]:
        """Everything, by name, for safetensors."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> Self:
        """What `tensors` gave.

        Raises:
            FormatError: a node points outside of the trees, or a feature outside of the row.
        """
        base, features, depth = (tensors[name].item() for name in ("base", "features", "depth"))
        found = {name: tensors[name] for name in ("roots", "feature", "threshold", "children", "value")}
        made = cls(**found, base=base, features=features, depth=depth)
        nodes = len(made.value)
        inside = made.children.min() >= 0 and made.children.max() < nodes and made.roots.max() < nodes
        if (
            not inside
            or made.feature.min() < 0
            or made.feature.max() >= 2 * features
            or len(made.children) != 2 * nodes
        ):
            raise FormatError("the trees of this checkpoint point outside of themselves: save it again")
        return made
