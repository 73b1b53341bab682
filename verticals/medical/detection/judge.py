"""The second look: a candidate's crop and the words of the indication, fused by the core's model into one probability.

The detector's own log-odds, calibrated, are where the answer starts (an offset), in training as in prediction; the
core's guard keeps what the judge adds only where validation is the better for it. The words carry little, and are meant
to: they shift how likely a nodule is in this patient, never where one is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ....core.decoding.decoder import DecoderConfig
from ....core.decoding.heads import ClassHead
from ....core.encoders.text import TextConfig
from ....core.encoders.volume import VolumeConfig
from ....core.fusion.fusion import FusionConfig
from ....core.model import Model, ModelConfig
from ....core.trust.calibration import Platt
from ....core.types import Array, Batch, Packed, Text, Volume
from .detect import CROP, Candidate
from .detector import STEP, WINDOW

HEAD = "nodule"
ROWS = 32  # candidates at a time


def judge_config() -> ModelConfig:
    """Crops of 40 mm and up to 32 words."""
    spacing, shape = (STEP, STEP, STEP), (CROP, CROP, CROP)
    return ModelConfig(
        encoders={
            "ct": VolumeConfig(
                width=48, shape=shape, spacing=spacing, window=WINDOW,
                channels=(8, 16, 32, 48), depths=(0, 1, 1, 1), groups=4, layers=1,
            ),
            "indication": TextConfig(width=32, limit=32, buckets=1024, depth=1),
        },
        heads={HEAD: ClassHead(classes=2)},
        fusion=FusionConfig(width=48, heads=4, latents=4, layers=1, memory=2),
        decoder=DecoderConfig(layers=1),
    )  # fmt: skip


def record_of(crop: Array, text: Text | None) -> dict[str, Volume | Text | None]:
    """One candidate as the model's record."""
    affine = np.diag([STEP, STEP, STEP, 1.0])
    return {"ct": Volume(voxels=crop, affine=affine), "indication": text}


def batch_of(model: Model, crops: Sequence[Array], texts: Sequence[Text | None]) -> Batch:
    """Candidates as one batch; crops are on the model's grid already, so nothing is resampled."""
    low, high = WINDOW
    values = torch.from_numpy(np.stack(crops)[:, None]).clamp(low, high)
    ct = Packed((values - low) / (high - low) * 2 - 1, torch.ones(len(crops), 1, dtype=torch.bool))
    words = model.encoders["indication"].collate(list(texts))  # type: ignore[operator]
    present = torch.tensor([[True, text is not None] for text in texts])
    return Batch({"ct": ct, "indication": words}, present)


def offsets_of(logits: Sequence[float], start: Platt, *, shift: float = 0.0) -> dict[str, Tensor]:
    """Where the answer starts: the detector's logits as log-odds, moved by `shift`."""
    after = start.slope * torch.tensor(logits, dtype=torch.float32) + start.offset + shift
    return {HEAD: torch.stack([torch.zeros_like(after), after], dim=1)}


class Judgement(NamedTuple):
    """Of each candidate: the log-odds of nodule, and the gates `[candidate, modality]` of CT and indication."""

    logits: Array
    gates: Array


@torch.no_grad()
def judge(model: Model, candidates: Sequence[Candidate], text: Text | None, start: Platt) -> Judgement:
    """The judgement of each candidate. A gate is exactly 0 where there are no words."""
    model.eval()
    logits, gates = [np.zeros(0)], [np.zeros((0, len(model.modalities)))]
    for first in range(0, len(candidates), ROWS):
        some = candidates[first : first + ROWS]
        batch = batch_of(model, [each.crop for each in some], [text] * len(some))
        found = model(batch, offsets_of([each.logit for each in some], start))
        answers = found.answers[HEAD].double()
        logits.append((answers[:, 1] - answers[:, 0]).numpy())
        gates.append(found.gates.double().numpy())
    return Judgement(np.concatenate(logits), np.concatenate(gates))
