"""The second look: a candidate's crop and the words of the indication, fused by the core's model into one probability.

The judge learns from the crops alone; in prediction the detector's own log-odds are where its answer starts (an
offset), weighed on validation, and the core's guard keeps what the judge adds only where validation is the better for
it. The words carry little, and are meant to: they shift how likely a nodule is in this patient, never where one is.
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
from ....core.model import Model, ModelConfig, build
from ....core.training.precision import device_of, supported
from ....core.trust.calibration import Platt
from ....core.types import Array, Batch, Packed, Text
from .detect import CROP, Candidate
from .detector import STEP, WINDOW, Detector, windowed
from .views import SIDES, mirrored

HEAD = "nodule"
ROWS = 32  # candidates at a time
VIEWS = 2  # mirrors of a crop that are averaged
BEGUN = ("stem", "down", "stages", "blocks")  # the parts of an encoder that a detector's can stand for


def judge_config() -> ModelConfig:
    """Crops of 40 mm, read by an encoder like the detector's, and up to 32 words."""
    spacing, shape = (STEP, STEP, STEP), (CROP, CROP, CROP)
    return ModelConfig(
        encoders={
            "ct": VolumeConfig(
                width=48, shape=shape, spacing=spacing, window=WINDOW,
                channels=(8, 16, 32, 64), depths=(0, 1, 2, 2), groups=4, layers=2, heads=4,
            ),
            "indication": TextConfig(width=32, limit=32, buckets=1024, depth=1),
        },
        heads={HEAD: ClassHead(classes=2)},
        fusion=FusionConfig(width=48, heads=4, latents=4, layers=1, memory=2),
        decoder=DecoderConfig(layers=1),
    )  # fmt: skip


def new_judge(config: ModelConfig, detector: Detector, *, seed: int = 0) -> Model:
    """A judge that begins with what the detector's encoder has learnt, as far as the two are alike."""
    model = build(config, seed=seed)
    own = model.encoders["ct"].state_dict()
    known = detector.encoder.state_dict()
    alike = {
        name: known[name].clone() for name, each in own.items()
        if name.split(".")[0] in BEGUN and name in known and known[name].shape == each.shape
    }  # fmt: skip
    model.encoders["ct"].load_state_dict(own | alike)
    return model


def stacked(crops: Sequence[Array]) -> Tensor:
    """Crops in Hounsfield units as the encoder wants them: `[crop, 1, i, j, k]` in -1..1."""
    return windowed(torch.from_numpy(np.stack(crops).astype(np.float32))[:, None])


def batch_of(model: Model, x: Tensor, texts: Sequence[Text | None]) -> Batch:
    """Candidates as one batch; `x` is on the model's grid already, so nothing is resampled."""
    ct = Packed(x.contiguous(memory_format=torch.channels_last_3d), torch.ones(len(x), 1, dtype=torch.bool))
    words = model.encoders["indication"].collate(list(texts))  # type: ignore[operator]
    present = torch.tensor([[True, text is not None] for text in texts])
    return Batch({"ct": ct, "indication": words}, present)


def quick(model: Model) -> torch.autocast:
    """In here the model computes in bfloat16 where the processor has it."""
    device = device_of(model)
    return torch.autocast(device.type, torch.bfloat16, enabled=supported(device))


def offsets_of(logits: Sequence[float], start: Platt) -> dict[str, Tensor]:
    """Where the answer starts: the detector's logits as log-odds."""
    after = start.slope * torch.tensor(logits, dtype=torch.float32) + start.offset
    return {HEAD: torch.stack([torch.zeros_like(after), after], dim=1)}


class Judgement(NamedTuple):
    """Of each candidate: the log-odds of nodule, and the gates `[candidate, modality]` of CT and indication."""

    logits: Array
    gates: Array


@torch.no_grad()
def judge(model: Model, candidates: Sequence[Candidate], text: Text | None, start: Platt) -> Judgement:
    """The judgement of each candidate, the mean over `VIEWS`. A gate is exactly 0 where there are no words."""
    model.eval()
    logits, gates = [np.zeros(0)], [np.zeros((0, len(model.modalities)))]
    for first in range(0, len(candidates), ROWS):
        some = candidates[first : first + ROWS]
        offsets = offsets_of([each.logit for each in some], start)
        x = stacked([each.crop for each in some])
        seen = [_seen(model, mirrored(x, side), [text] * len(some), offsets) for side in SIDES[:VIEWS]]
        logits.append(np.mean([each.logits for each in seen], axis=0))
        gates.append(np.mean([each.gates for each in seen], axis=0))
    return Judgement(np.concatenate(logits), np.concatenate(gates))


def _seen(model: Model, x: Tensor, texts: Sequence[Text | None], offsets: dict[str, Tensor]) -> Judgement:
    """One view of some crops."""
    with quick(model):
        found = model(batch_of(model, x, texts), offsets)
    answers = found.answers[HEAD].double()
    return Judgement((answers[:, 1] - answers[:, 0]).numpy(), found.gates.double().numpy())
