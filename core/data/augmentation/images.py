"""Pictures put together from others: CutMix and mosaic. Labels become shares, so a loss must take soft targets.

Sources: Yun et al., CutMix, 2019; Bochkovskiy et al., YOLOv4, 2020 (mosaic).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...errors import ConfigError
from ...types import Array


class Mixed(NamedTuple):
    """Pictures, and for each the share of every label in it (rows sum to 1)."""

    pixels: Float[Array, "row height width channel"]
    shares: Float[Array, "row label"]


class Tiled(NamedTuple):
    """A picture of four, and where each lies: `[part, (top, left, bottom, right)]` in pixels, in the order given."""

    pixels: Float[Array, "height width channel"]
    boxes: Array
    offsets: Array  # [part, (row, column)]: add to a place in a part to have it in the whole


def cutmix(
    pixels: Float[Array, "row height width channel"], shares: Float[Array, "row label"], generator: np.random.Generator,
    *, alpha: float = 1.0,
) -> Mixed:  # fmt: skip
    """A rectangle of each picture is that of another one, and the labels are shared by area."""
    if len(pixels) != len(shares):
        raise ConfigError(f"{len(pixels)} pictures need as many rows of labels, got {len(shares)}")
    rows, height, width, _ = pixels.shape
    others = generator.permutation(rows)
    found, weights = pixels.copy(), shares.astype(np.float64)
    for row, other in enumerate(others):
        side = np.sqrt(1 - generator.beta(alpha, alpha))
        tall, wide = round(height * side), round(width * side)
        top, left = int(generator.integers(height - tall + 1)), int(generator.integers(width - wide + 1))
        found[row, top : top + tall, left : left + wide] = pixels[other, top : top + tall, left : left + wide]
        given = tall * wide / (height * width)
        weights[row] = (1 - given) * shares[row] + given * shares[other]
    return Mixed(found, weights)


def mosaic(parts: list[Float[Array, "height width channel"]], generator: np.random.Generator) -> Tiled:
    """Four pictures of one size around a drawn middle, each cut to its quarter (kept at its own scale)."""
    if len(parts) != 4 or len({part.shape for part in parts}) != 1:
        raise ConfigError(f"a mosaic is of four pictures of one size, got {[part.shape for part in parts]}")
    height, width, _ = parts[0].shape
    middle = [int(generator.integers(size // 4, 3 * size // 4 + 1)) for size in (height, width)]
    whole = np.empty_like(parts[0])
    boxes, offsets = [], []
    for number, part in enumerate(parts):
        top, bottom = ((0, middle[0]), (middle[0], height))[number // 2]
        left, right = ((0, middle[1]), (middle[1], width))[number % 2]
        row = int(generator.integers(height - (bottom - top) + 1))
        column = int(generator.integers(width - (right - left) + 1))
        whole[top:bottom, left:right] = part[row : row + bottom - top, column : column + right - left]
        boxes.append((top, left, bottom, right))
        offsets.append((top - row, left - column))
    return Tiled(whole, np.array(boxes), np.array(offsets))
