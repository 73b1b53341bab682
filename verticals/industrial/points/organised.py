"""Organised scans: a TIFF of x, y and z for each pixel of the sensor, as MVTec 3D-AD and many depth cameras write.

Pixels that saw nothing are zero or NaN. Units are as written (MVTec 3D-AD's are metres). It knows nothing of meshes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....core.errors import FileError, FormatError
from ....core.optional import require
from ....core.types import Array


def read_organised(path: Path) -> Array:
    """Points `[point, xyz]` row by row; pixels without a measurement are NaN.

    Raises:
        FileError: truncated, or no TIFF.
        FormatError: a TIFF of something else than three numbers a pixel.
        MissingExtra: tifffile is not installed.
    """
    tifffile = require("tifffile", "scans", "an organised scan (TIFF)")
    try:
        pixels = np.asarray(tifffile.imread(path))
    except Exception as error:  # its readers raise whatever a hostile file makes them raise
        raise FileError(f"{path} is truncated or not a TIFF: {type(error).__name__}: {error}") from error
    if pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[2] != 3:
        pixels = np.moveaxis(pixels, 0, 2)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype.kind != "f":
        raise FormatError(
            f"{path} holds {pixels.dtype} {pixels.shape}: an organised scan is x, y and z as floats for each pixel "
            "(a depth map alone has no x and y)"
        )
    points = pixels.reshape(-1, 3).astype(np.float64)
    points[(points == 0).all(axis=1)] = np.nan
    return points
