"""The detector: the core's volume encoder and a way back up its pyramid to a logit for every voxel. It knows no lungs.

Candidates are judged a second time, with the indication's words, by the core's multimodal model (judge.py).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from ....core.encoders.volume import VolumeConfig, VolumeEncoder

STEP = 1.25  # mm of the working grid
WINDOW = (-1000.0, 400.0)
DICE = 0.4  # its share in the loss
FACTOR = 8  # sizes that the pyramid halves without rest are multiples of this


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """The encoder's stages; the decoder mirrors them."""

    encoder: VolumeConfig = field(
        default_factory=lambda: VolumeConfig(
            width=32, shape=(64, 64, 64), spacing=(STEP, STEP, STEP), window=WINDOW,
            channels=(8, 16, 32, 64), depths=(0, 1, 2, 2), groups=4, layers=2, heads=4,
        )
    )  # fmt: skip


class Detector(nn.Module):
    """Voxels in -1..1 to the logit of nodule, at the same resolution.

    Nothing fat runs at full resolution: half-resolution features are unfolded into the logits of eight voxels each,
    and the encoder's stem adds its own.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = VolumeEncoder(config.encoder)
        channels = config.encoder.channels
        pairs = list(zip(channels[2:], channels[1:-1], strict=True))[::-1]
        self.narrow = nn.ModuleList(nn.Conv3d(wide, narrow, 1, bias=False) for wide, narrow in pairs)
        self.mix = nn.ModuleList(_mix(narrow, config.encoder.groups) for _, narrow in pairs)
        self.unfold = nn.Conv3d(channels[1], 8, 1)
        self.near = nn.Conv3d(channels[0], 1, 1, bias=False)
        nn.init.constant_(self.unfold.bias, -4.0)  # type: ignore[arg-type]
        for unused in (self.encoder.gather, self.encoder.norms, self.encoder.project):  # the token heads
            unused.requires_grad_(False)

    def forward(self, x: Float[Tensor, "batch 1 i j k"]) -> Float[Tensor, "batch 1 i j k"]:
        """Sizes are multiples of 8."""
        maps = self.encoder.pyramid(x)
        y = maps[-1]
        for narrow, mix, finer in zip(self.narrow, self.mix, maps[-2:0:-1], strict=True):
            y = mix(F.interpolate(narrow(y), scale_factor=2, mode="trilinear") + finer)
        y = rearrange(self.unfold(y), "b (a d e) i j k -> b 1 (i a) (j d) (k e)", a=2, d=2, e=2)
        return y + self.near(F.relu(maps[0]))


def _mix(channels: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels, channels, 3, padding=1, bias=False), nn.GroupNorm(groups, channels), nn.ReLU()
    )


def exportable(detector: Detector) -> Detector:
    """A copy whose convolutions all have a bias, zero where there was none: the ONNX exporter writes a missing bias
    of a 3-D convolution as a scalar, which no engine reads."""
    copied = copy.deepcopy(detector).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for module in copied.modules():
        if isinstance(module, nn.Conv3d) and module.bias is None:
            module.bias = nn.Parameter(torch.zeros(module.out_channels))
    return copied


def windowed(hounsfield: Tensor) -> Tensor:
    """Hounsfield units to -1..1 as the encoder wants them."""
    low, high = WINDOW
    return (hounsfield.clamp(low, high) - low) / (high - low) * 2 - 1


def detection_loss(
    logits: Float[Tensor, "batch 1 i j k"],
    target: Float[Tensor, "batch 1 i j k"],
    weight: Float[Tensor, "batch 1 i j k"],
) -> dict[str, Tensor]:
    """Focal cross-entropy (Lin et al. 2017), each nodule weighing about alike, and soft Dice of patches that have one.

    Dice counts for less: it makes every answer sure, and what is sure cannot be ranked.
    """
    logits = logits.float()
    plain = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    chance = torch.sigmoid(logits)
    off = (chance - target).abs()
    focal = (weight * off**1.5 * plain).sum() / (weight * target).sum().clamp(min=150.0)
    seen = (weight > 0).float()
    both = (chance * target * seen).sum(dim=(1, 2, 3, 4))
    total = ((chance + target) * seen).sum(dim=(1, 2, 3, 4))
    has = (target * seen).flatten(1).sum(1) > 0
    dice = 1 - (2 * both + 1) / (total + 1)
    return {"focal": focal, "dice": DICE * (dice * has).sum() / has.sum().clamp(min=1)}
