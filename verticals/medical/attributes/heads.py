"""Small networks that read attributes and suspicion from measurements, several of them that learnt from other patients.

NumPy only: five products of small matrices. They know nothing of calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....core.errors import CheckpointError
from ....core.types import Array

LIMIT = 3.0  # standard deviations beyond which a measurement counts as no further out
RATING = "rating"
LAYERS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Heads:
    """`weights` `[member, in, out]` and `biases` `[member, out]` by layer; `sizes` are the outputs of each head."""

    measures: tuple[str, ...]
    sizes: Mapping[str, int]
    mean: Array
    scale: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def standard(self, rows: Sequence[Mapping[str, float]]) -> Array:
        """Measurements `[row, measure]` in standard deviations, held within `LIMIT`."""
        values = np.array([[row[name] for name in self.measures] for row in rows], np.float64)
        return standardised(values.reshape(-1, len(self.measures)), self.mean, self.scale)

    def __call__(self, rows: Sequence[Mapping[str, float]]) -> dict[str, Array]:
        """Raw answers by head `[member, row, output]`: logits of classes, and the rating less 3."""
        y = np.broadcast_to(self.standard(rows), (len(self.biases[0]), len(rows), len(self.measures)))
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            y = y @ weight + bias[:, None]
            if layer < len(self.weights) - 1:
                y = y / (1 + np.exp(-np.clip(y, -30, 30)))
        ends = np.cumsum(list(self.sizes.values()))[:-1]
        return dict(zip(self.sizes, np.split(y, ends, axis=2), strict=True))

    def tensors(self) -> dict[str, Array]:
        """The arrays by name, in float32."""
        found = {"mean": self.mean, "scale": self.scale}
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            found |= {f"weight.{layer}": weight, f"bias.{layer}": bias}
        return {name: np.asarray(each, np.float32) for name, each in found.items()}

    @classmethod
    def from_tensors(cls, measures: Sequence[str], sizes: Mapping[str, int], tensors: Mapping[str, Array]) -> Heads:
        """The heads that `tensors` wrote.

        Raises:
            CheckpointError: an array is missing or does not fit the measurements and heads.
        """
        names = ["mean", "scale"] + [f"{kind}.{n}" for n in range(LAYERS) for kind in ("weight", "bias")]
        missing = [name for name in names if name not in tensors]
        if missing:
            raise CheckpointError(f"the describer's tensors lack {', '.join(missing)}: the checkpoint is not whole")
        wide = {name: np.asarray(tensors[name], np.float64) for name in names}
        ends = (wide["weight.0"].shape[1], wide[f"weight.{LAYERS - 1}"].shape[2], len(wide["mean"]))
        if ends != (len(measures), sum(sizes.values()), len(measures)):
            raise CheckpointError(
                f"the describer's tensors are for {ends[0]} measurements and {ends[1]} outputs, its configuration for "
                f"{len(measures)} and {sum(sizes.values())}: they belong to different checkpoints"
            )
        return cls(
            measures=tuple(measures), sizes=dict(sizes), mean=wide["mean"], scale=wide["scale"],
            weights=tuple(wide[f"weight.{n}"] for n in range(LAYERS)),
            biases=tuple(wide[f"bias.{n}"] for n in range(LAYERS)),
        )  # fmt: skip


def standardised(values: Array, mean: Array, scale: Array) -> Array:
    """Measurements `[row, measure]` in standard deviations, held within `LIMIT`."""
    return np.clip((values - mean) / scale, -LIMIT, LIMIT)
