"""What the edge network sees: one grey square of fixed size, its exposure evened out as the camera expert does."""

from __future__ import annotations

import numpy as np

from ....core.types import Array
from ..camera.canvas import canvas, fitted, prepared
from ..records import Photo

SIDE = 320  # pixels of the square
CELL = 8  # pixels of a place of the network's map


def seen(photo: Photo) -> Array:
    """`[SIDE, SIDE]` uint8: grey, scaled to the square, padded with its own border."""
    picture = prepared(photo, 1, SIDE)
    return np.asarray((canvas(picture, SIDE, SIDE)[:, :, 0] * 255).round(), np.uint8)


def placed(mask: Array) -> Array:
    """`[row, column]` bool: the cells of the network's map in which the mask of a photograph has a pixel."""
    scale = min(1.0, SIDE / max(mask.shape))
    values = mask.astype(np.float32)
    if scale < 1:
        values = fitted(values[:, :, None], *(max(round(side * scale), 8) for side in mask.shape))[:, :, 0]
    whole = np.zeros((SIDE, SIDE), np.float32)
    whole[: values.shape[0], : values.shape[1]] = values
    cells = whole.reshape(SIDE // CELL, CELL, SIDE // CELL, CELL)
    return np.asarray(cells.max(axis=(1, 3)) > 0.3)
