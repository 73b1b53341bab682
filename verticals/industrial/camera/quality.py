"""Whether a photograph can be judged at all: a camera that is dark, burnt out or out of focus sees no defect.

The limits come from good photographs. It knows nothing of defects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from einops import rearrange
from scipy.ndimage import gaussian_filter

from ....core.types import Array
from ..records import Photo
from .canvas import exposure, prepared

UNIFORM = 0.002  # deviation of the pixels under which there is nothing to see
DARK = 0.015  # mean of the pixels under which nothing can be made out
BURNT = 0.5  # share of the pixels at the top of the range from which too much is lost
TILE = 32  # pixels a side
LEVEL_ROOM, DETAIL_ROOM = 0.35, 0.75  # of the lowest good photograph
BRIGHT_ROOM = 0.75  # of what is left between the brightest good photograph and white


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The lowest level and detail, and the highest level, of good photographs."""

    level: float
    bright: float
    detail: float

    def refused(self, photo: Photo, picture: Array | None = None) -> str:
        """Why the photograph cannot be judged, or nothing; `picture` is it prepared, where that was done already."""
        reason = unusable(photo)
        if reason:
            return reason
        level, detail = exposure(photo.pixels), detail_of(prepared(photo) if picture is None else picture)
        if level < LEVEL_ROOM * self.level:
            return f"the image is too dark ({level:.3f}, the darkest good one has {self.level:.3f}): is the lamp on?"
        if level > self.bright + BRIGHT_ROOM * (1 - self.bright):
            return (
                f"the image is too bright ({level:.3f}, the brightest good one has {self.bright:.3f}): is it burnt out?"
            )
        if detail < DETAIL_ROOM * self.detail:
            share = detail / max(self.detail, 1e-9)
            return f"the image is out of focus: it has {share:.0%} of the detail of the softest good one"
        return ""


def fit_quality(photos: Iterable[Photo]) -> Quality:
    seen = [(exposure(photo.pixels), detail_of(prepared(photo))) for photo in photos if not unusable(photo)]
    levels, details = zip(*seen, strict=True) if seen else ((0.0,), (0.0,))
    return Quality(level=min(levels), bright=max(levels), detail=min(details))


def unusable(photo: Photo) -> str:
    """Why nobody could judge it, whatever good ones look like."""
    pixels = photo.pixels
    if float(pixels.mean()) < DARK:
        return f"the image is black (mean {float(pixels.mean()):.3f}): is the lamp or camera working?"
    if float(pixels.std()) < UNIFORM:
        return "the image is uniform: there is nothing to judge on it"
    burnt = float((pixels >= 0.998).mean())
    if burnt > BURNT:
        return f"{burnt:.0%} of the image is overexposed: what lies there cannot be judged"
    return photo.refused


def detail_of(picture: Array) -> float:
    """The contrast of the finest structures: what a blur of one pixel takes away, in tiles of a prepared photograph.

    The median over the richer half of the tiles: neither a defect in a few of them nor the empty ground decides.
    """
    grey = picture[:, :, 0]
    taken = grey - gaussian_filter(grey, 1.0, truncate=2.0)
    height, width = (max(TILE, n - n % TILE) for n in grey.shape)
    whole = taken[:height, :width]
    if whole.shape != (height, width):
        return float(whole.std())
    tiles = rearrange(whole, "(rows a) (columns b) -> (rows columns) (a b)", a=TILE, b=TILE)
    contrast = np.sort(tiles.std(axis=1))
    return float(np.median(contrast[len(contrast) // 2 :]))
