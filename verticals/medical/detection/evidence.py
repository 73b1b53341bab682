"""Where in its crop the second look's score comes from: integrated gradients on the way from plain lung to the crop.

What each voxel gave to the log-odds; together they give the difference between the crop's and plain lung's. Attention
is not used for this: its weights on the coarse grid hardly differ between candidates and lie much in the corners.
It knows nothing of pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ....core.model import Model
from ....core.trust.attribution import integrated_gradients
from ....core.trust.calibration import Platt
from ....core.types import Array, Text
from .judge import HEAD, batch_of, offsets_of, stacked

PLAIN = -870.0  # HU of lung without anything in it
STEPS = 8
MOST = 12  # candidates, the surest: one costs about a fifth of a second


def evidence(
    model: Model, crops: Sequence[Array], logits: Sequence[float], text: Text | None, start: Platt
) -> list[Array]:
    """Of each of the first `MOST` crops `[2, i, j, k]`: the crop in Hounsfield units, and what each voxel gave."""
    crops = crops[:MOST]
    if not crops:
        return []
    model.eval()
    offsets = offsets_of(logits[: len(crops)], start)

    def score(inputs: Sequence[Tensor]) -> Tensor:
        answers = model(batch_of(model, inputs[0], [text] * len(crops)), offsets).answers[HEAD]
        return answers[:, 1] - answers[:, 0]

    flat = stacked([np.full_like(crop, PLAIN) for crop in crops])
    (given,), _ = integrated_gradients(score, [stacked(crops)], [flat], steps=STEPS)
    return [np.stack([crop, each]) for crop, each in zip(crops, given[:, 0].numpy(), strict=True)]
