"""What good parts look like: a patch memory for photographs.

It follows PatchCore (Roth et al. 2022): features of EfficientNet-Lite0 (strides 4, 8 and 16), averaged
over their 3 by 3 surroundings, thinned to a coreset; the score is the distance to the nearest kept patch. They are
kept as they are: nothing is clamped or normalised by test data. It knows nothing of thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....core.random import numpy_generator, torch_generator
from ....core.types import Array
from ..records import Photo

STAGES = (1, 2, 3)  # of the backbone: strides 4, 8, 16
GRID_STRIDE = 8
LARGEST_SIDE = 320  # pixels: the picture is scaled so that its longer side is at most this
MEAN = STD = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchMemory:
    """`bank [patch, channel]` of unit length scaled features, and the backbone's origin: "imagenet" or "random"."""

    bank: Array
    origin: str = "imagenet"

    def map(self, photo: Photo) -> Array:
        """Anomaly map `[height, width]` at the size of the photograph: distance to the nearest kept patch."""
        return self.maps([photo])[0]

    def maps(self, photos: Sequence[Photo]) -> list[Array]:
        bank, squares = self._ready
        found = []
        for photo in photos:
            patches, grid = features(photo, self.origin)
            nearest = torch.addmm(squares, patches, bank, alpha=-2).min(dim=1).values + (patches**2).sum(dim=1)
            distance = nearest.clamp(min=0).sqrt().view(1, 1, *grid)
            found.append(_smooth(distance, photo.pixels.shape[:2]))
        return found

    @cached_property
    def _ready(self) -> tuple[Tensor, Tensor]:
        """The bank `[channel, patch]` and its squared lengths `[patch]`, made once and not for each request."""
        bank = torch.from_numpy(np.asarray(self.bank, np.float32))
        return bank.T.contiguous(), (bank**2).sum(dim=1)


def fit_patches(photos: Iterable[Photo], *, size: int, seed: int, origin: str = "imagenet") -> PatchMemory:
    """A memory of at most `size` patches that cover those of the good photographs (greedy k-centre coreset).

    At most 60,000 patches are drawn at random first, so that memory does not grow with the photographs.
    """
    generator = numpy_generator(seed, "patch memory")
    photos = list(photos)
    quota = max(60_000 // max(len(photos), 1), 64)
    kept = []
    for photo in photos:
        patches, _ = features(photo, origin)
        chosen = generator.permutation(len(patches))[:quota]
        kept.append(patches[np.sort(chosen)])
    patches = torch.cat(kept)
    return PatchMemory(bank=patches[coreset(patches, size, generator)].numpy().astype(np.float16), origin=origin)


def coreset(patches: Tensor, size: int, generator: np.random.Generator) -> Array:
    """Indices of patches such that every patch is near one of them: farthest point first, in a random projection."""
    count = len(patches)
    if count <= size:
        return np.arange(count)
    projection = torch.from_numpy(generator.normal(size=(patches.shape[1], 32)).astype(np.float32)) / 32**0.5
    small = patches @ projection
    squares = (small**2).sum(dim=1)
    chosen = np.empty(size, np.int64)
    chosen[0] = int(generator.integers(count))
    distance = torch.full((count,), torch.inf)
    for step in range(size - 1):
        at = int(chosen[step])
        distance = torch.minimum(distance, squares - 2 * small @ small[at] + squares[at])
        chosen[step + 1] = int(distance.argmax())
    return np.sort(chosen)


@torch.no_grad()
def features(photo: Photo, origin: str = "imagenet") -> tuple[Tensor, tuple[int, int]]:
    """Patches `[row * column, channel]` on a grid of stride 8, and the grid."""
    maps = backbone(origin)(pixels_of(photo)[None])
    grid = maps[STAGES[1]].shape[2:]
    spread = []
    for stage in STAGES:
        around = F.avg_pool2d(maps[stage], 3, stride=1, padding=1, count_include_pad=False)
        around = around / around.shape[1] ** 0.5
        spread.append(F.interpolate(around, size=grid, mode="bilinear", align_corners=False))
    joined = torch.cat(spread, dim=1)[0]
    return joined.flatten(1).T.contiguous(), (int(grid[0]), int(grid[1]))


def pixels_of(photo: Photo) -> Tensor:
    """`[3, height, width]` as the backbone wants it: grey repeated, scaled down, sides a multiple of 16."""
    picture = torch.from_numpy(np.ascontiguousarray(photo.pixels)).permute(2, 0, 1)[None]
    picture = picture[:, :1].repeat(1, 3, 1, 1) if picture.shape[1] < 3 else picture[:, :3]
    height, width = picture.shape[2:]
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    sides = [max(2, round(side * scale / 16)) * 16 for side in (height, width)]
    picture = F.interpolate(picture, size=sides, mode="bilinear", antialias=True, align_corners=False)
    return (picture[0] - MEAN) / STD


@cache
def backbone(origin: str = "imagenet") -> nn.Module:
    """EfficientNet-Lite0 without its head; "random" is the control that shows what the weights are worth."""
    from ....core.encoders.lite0 import load_lite0
    from ....core.torchlibs import import_timm

    timm = import_timm()
    with torch.random.fork_rng():
        torch.manual_seed(int(torch_generator(0, "random backbone").initial_seed()) % 2**31)
        model = timm.create_model("tf_efficientnet_lite0", pretrained=False, features_only=True)
    if origin == "imagenet":
        load_lite0(model)
    return model.eval()


def _smooth(distance: Tensor, shape: tuple[int, ...]) -> Array:
    """To the photograph's size, blurred by half a patch (sigma 4 pixels of the scaled picture)."""
    from scipy.ndimage import gaussian_filter

    full = F.interpolate(distance, size=shape[:2], mode="bilinear", align_corners=False)[0, 0].numpy()
    sigma = 0.5 * GRID_STRIDE * max(1.0, max(shape[:2]) / LARGEST_SIDE)
    return gaussian_filter(full, sigma)
