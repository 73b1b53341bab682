"""Boosted regression trees as plain tensors: scikit-learn's, flattened, and a predictor that equals them.

It knows nothing of how trees are fitted. Rows hold no missing values here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np
from jaxtyping import Float, Int32

from ....core.errors import FormatError
from ....core.types import Array

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

CHUNK = 512  # rows at a time: their nodes stay in the cache


@dataclass(frozen=True, kw_only=True, eq=False)
class Trees:
    """The nodes of all trees one after another; a leaf is its own child. The sum of leaves and `base` is the answer."""

    roots: Int32[Array, " tree"]
    feature: Int32[Array, " node"]
    threshold: Float[Array, " node"]
    left: Int32[Array, " node"]
    right: Int32[Array, " node"]
    value: Float[Array, " node"]
    base: float
    depth: int

    @classmethod
    def of(cls, models: Sequence[HistGradientBoostingRegressor]) -> Self:
        """The mean of fitted models."""
        trees = [predictors[0].nodes for model in models for predictors in model._predictors]
        roots = np.cumsum([0, *(len(tree) for tree in trees)])
        nodes = np.concatenate(trees)
        leaf, own = nodes["is_leaf"].astype(bool), np.arange(len(nodes))
        offset = np.repeat(roots[:-1], [len(tree) for tree in trees])
        return cls(
            roots=roots[:-1].astype(np.int32),
            feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
            threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
            left=np.where(leaf, own, nodes["left"] + offset).astype(np.int32),
            right=np.where(leaf, own, nodes["right"] + offset).astype(np.int32),
            value=np.where(leaf, nodes["value"], 0.0) / len(models),
            base=float(np.mean([np.ravel(model._baseline_prediction)[0] for model in models])),
            depth=max(int(tree["depth"].max()) for tree in trees),
        )

    def __call__(self, rows: Float[Array, "row feature"]) -> Float[Array, " row"]:
        parts = [self._some(rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _some(self, rows: Array) -> Array:
        node = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        index = np.arange(len(rows))[:, None]
        for _ in range(self.depth):
            left = rows[index, self.feature[node]] <= self.threshold[node]
            node = np.where(left, self.left[node], self.right[node])
        return np.asarray(self.value[node].sum(axis=1) + self.base)

    def tensors(self) -> dict[str, Array]:
        """Everything, by name, for safetensors."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array], *, features: int) -> Self:
        """What `tensors` gave, for rows of so many features.

        Raises:
            FormatError: a node points outside of the trees, or a feature outside of the row.
        """
        found = {name: tensors[name] for name in ("roots", "feature", "threshold", "left", "right", "value")}
        made = cls(**found, base=tensors["base"].item(), depth=tensors["depth"].item())
        nodes = len(made.value)
        places = np.concatenate([made.roots, made.left, made.right])
        if places.min() < 0 or places.max() >= nodes or made.feature.min() < 0 or made.feature.max() >= features:
            raise FormatError("the trees of this checkpoint point outside of themselves: save it again")
        return made
