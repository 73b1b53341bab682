"""Reads a photograph: PNG, JPEG, TIFF or BMP through Pillow, with a bound on its size. Knows nothing of parts."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import FileError, FormatError
from ....core.types import Image
from ..records import Photo

LARGEST = 64_000_000  # pixels: a decompression bomb beyond it
SMALLEST = 32  # pixels a side
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")


def read_image(value: Any) -> Photo:
    """A path, an array `[height, width(, channel)]` or an Image becomes a Photo.

    Raises:
        FileError: truncated or unreadable.
        FormatError: not one of the formats, too large, too small, or not finite.
    """
    if isinstance(value, Photo):
        return value
    image = value if isinstance(value, Image) else Image(pixels=_pixels(value))
    height, width, _ = image.pixels.shape
    if min(height, width) < SMALLEST:
        raise FormatError(f"the image is {width} by {height} pixels: at least {SMALLEST} by {SMALLEST} are needed")
    return Photo(image=image, notes=_noticed(image.pixels))


def _pixels(value: Any) -> np.ndarray:
    if isinstance(value, (str, Path)):
        return _open(Path(value))
    pixels = np.asarray(value)
    if pixels.dtype.kind not in "uf":
        raise FormatError(f"an image is a path or an array of uint8 or of floats in 0..1, got {pixels.dtype}")
    return pixels


def _open(path: Path) -> np.ndarray:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked below, before any pixel is decoded
            with Pillow.open(path, formats=FORMATS) as picture:
                width, height = picture.size
                if width * height > LARGEST:
                    raise FormatError(
                        f"{path} has {width} by {height} pixels, more than {LARGEST}: scale it down first"
                    )
                if picture.mode.startswith(("I", "F")):
                    return _deep(np.asarray(picture), path)
                return np.asarray(picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB"))
    except (UnidentifiedImageError, Pillow.DecompressionBombError) as error:
        raise FormatError(f"{path} is not a PNG, JPEG, TIFF or BMP image that can be read: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FileError(f"{path} is truncated or unreadable as an image: {error}") from error


def _deep(values: np.ndarray, path: Path) -> np.ndarray:
    """16-bit and float pictures to 0..1 by their type's range, never by their own brightest pixel."""
    values = values.astype(np.float32)
    top = float(values.max(initial=0))
    if not np.isfinite(top) or values.min(initial=0) < 0:
        raise FormatError(f"{path} holds pixels that are negative, NaN or infinite")
    return values / (1.0 if top <= 1 else 65535.0)


def _noticed(pixels: np.ndarray) -> tuple[str, ...]:
    found = []
    level, contrast = float(pixels.mean()), float(pixels.std())
    if contrast < 0.01:
        found.append(
            f"the image is nearly uniform (mean {level:.2f}, contrast {contrast:.3f}): is the lamp or camera working?"
        )
    burnt = float((pixels >= 0.998).mean())
    if burnt > 0.2:
        found.append(f"{burnt:.0%} of the image is overexposed: what lies there cannot be judged")
    return tuple(found)
