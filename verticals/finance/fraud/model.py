"""The fitted model: boosted trees on the features of the stream, calibrated, with what is usual for reason codes.

Trees that were added to fitted ones (adaptation) read the logit of those before as one more feature.
It knows nothing of files, of decisions and of how it was fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from ....core.errors import FormatError
from ....core.trees import Trees
from ....core.types import Array
from .reasons import Reason, members, reasons_of, rises
from .scoring import Calibration
from .sequence import Sequence
from .stream import NAMES


@dataclass(frozen=True, kw_only=True, eq=False)
class FraudModel:
    """`names` are the features it reads of the stream's; `usual` is the middle of legitimate payments.

    With a network over a card's payments (`sequence`), what it moves the logit by is the last feature, made by a stream
    that runs it; the trees do not read it, and where it is missing nothing is moved.
    """

    names: tuple[str, ...]
    stages: tuple[Trees, ...]
    calibration: Calibration
    usual: Float[Array, " feature"]
    rate: float
    sequence: Sequence | None = None

    def __post_init__(self) -> None:
        unknown = set(self.names) - set(NAMES)
        if unknown:
            raise FormatError(f"the model reads features that this version does not make: {', '.join(sorted(unknown))}")
        object.__setattr__(self, "_columns", np.array([NAMES.index(name) for name in self.names]))
        object.__setattr__(self, "_groups", members(self.names))

    def rows(self, features: Float[Array, "row name"]) -> Float[Array, "row feature"]:
        """Of the stream's features those that the model reads, in single precision as they were fitted on."""
        columns: Array = self._columns  # type: ignore[attr-defined]
        return np.asarray(features, np.float32)[:, columns].astype(np.float64)

    def logits(self, rows: Float[Array, "row feature"]) -> Float[Array, " row"]:
        """The logit before calibration."""
        if self.sequence is None:
            return logits_of(self.stages, rows)
        return logits_of(self.stages, rows[:, :-1]) + np.nan_to_num(rows[:, -1])

    def reasons(self, row: Float[Array, " feature"]) -> tuple[Reason, ...]:
        """The codes of one payment."""
        return reasons_of(self.weights(row))

    def weights(self, row: Float[Array, " feature"]) -> dict[str, float]:
        """By how much each group raises the logit of one payment."""
        groups: Mapping[str, Array] = self._groups  # type: ignore[attr-defined]
        return rises(row, self.usual, groups, self.logits)

    def tensors(self) -> dict[str, Array]:
        """Everything learnt, by name."""
        stages = {
            f"stage{number}.{name}": value
            for number, trees in enumerate(self.stages)
            for name, value in trees.tensors().items()
        }
        calibration = {f"calibration.{name}": value for name, value in self.calibration.tensors().items()}
        sequence = {} if self.sequence is None else self.sequence.tensors()
        moved = {f"sequence.{name}": value for name, value in sequence.items()}
        return stages | calibration | moved | {"usual": self.usual, "rate": np.array(self.rate)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array], names: tuple[str, ...], stages: int) -> Self:
        """What `tensors` gave."""
        return cls(
            names=names,
            stages=tuple(Trees.from_tensors(_below(tensors, f"stage{number}.")) for number in range(stages)),
            calibration=Calibration.from_tensors(_below(tensors, "calibration.")),
            usual=tensors["usual"],
            rate=tensors["rate"].item(),
            sequence=Sequence.from_tensors(_below(tensors, "sequence.")) if names[-1] == "sequence" else None,
        )


def logits_of(stages: tuple[Trees, ...], rows: Float[Array, "row feature"]) -> Float[Array, " row"]:
    """The logit of the last stage; each stage after the first reads the logit of the one before as its last feature."""
    logits = stages[0].raw(rows)
    for trees in stages[1:]:
        logits = trees.raw(np.column_stack([rows, logits]))
    return logits


def usual_of(rows: Float[Array, "row feature"], fraud: Bool[Array, " row"]) -> Float[Array, " feature"]:
    """The middle of each feature among legitimate payments; NaN where most of them have none."""
    legitimate = rows[~fraud]
    missing = np.isnan(legitimate).mean(axis=0) > 0.5
    filled = np.where(missing, 0.0, legitimate)
    return np.where(missing, np.nan, np.nanmedian(filled, axis=0))


def _below(tensors: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
