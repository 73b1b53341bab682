"""Stored pixels of one DICOM slice become Hounsfield units: decoding, unused bits, rescale, padding.

It knows nothing of geometry or of series.
"""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
from pydicom.errors import BytesLengthException

from ....core.errors import FileError, FormatError
from ....core.types import Array

# What readers raise on broken bytes.
BROKEN = (
    OSError, EOFError, ValueError, LookupError, AttributeError, TypeError, RuntimeError, AssertionError, MemoryError,
    OverflowError, struct.error, zlib.error, zipfile.BadZipFile, lzma.LZMAError, BytesLengthException,
)  # fmt: skip
OUTSIDE = -2048.0  # what padding becomes: below any tissue, told by the geometry gate
CURES = (
    ("JPEG-LS", "pyjpegls"),
    ("JPEG 2000", "pylibjpeg-openjpeg"),
    ("JPEG", "pylibjpeg-libjpeg"),
    ("RLE", "pylibjpeg-rle"),
)


def hounsfield(dataset: Any, rescale: tuple[float, float], *, frame: int, name: str) -> Array:
    """One slice in Hounsfield units `[row, column]`. `rescale` is slope and intercept.

    Raises:
        FormatError: a transfer syntax that nothing here decodes, colour, or fewer than 16 bits.
        FileError: pixels that are truncated or broken.
    """
    from pydicom.pixels import pixel_array

    _decodable(dataset, name)
    try:
        stored = pixel_array(dataset, index=frame)
        if stored.ndim == 2:
            stored = _own_bits(stored, dataset)
            padded = _padded(stored, dataset)
    except BROKEN as error:
        raise FileError(f"{name}: the pixels cannot be decoded: {sentence(error)}") from error
    if stored.ndim != 2:
        raise FormatError(f"{name} holds pixels of shape {stored.shape}; a CT slice is one grey plane")
    values = stored.astype(np.float32) * np.float32(rescale[0]) + np.float32(rescale[1])
    values[padded] = OUTSIDE
    return np.asarray(values)


def _decodable(dataset: Any, name: str) -> None:
    """Refuse a compression that is no image's, or whose plugin is missing, with the package that cures it."""
    from pydicom.pixels import get_decoder

    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if syntax is None:
        raise FormatError(f"{name} does not say its transfer syntax, so its pixels cannot be decoded: export it again")
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise FormatError(f"{name} is stored as {syntax.name}, which is no compression of CT images") from error
    if not decoder.is_available:
        cure = next((package for word, package in CURES if word in syntax.name), "a pydicom plugin for it")
        raise FormatError(f"{name} is compressed as {syntax.name}, which nothing here decodes: pip install {cure}")


def _own_bits(stored: Array, dataset: Any) -> Array:
    """The stored bits alone, sign extended: the bits above them may hold an overlay or nothing."""
    allocated, used = 8 * stored.dtype.itemsize, int(dataset.get("BitsStored", 16))
    native = not dataset.file_meta.TransferSyntaxUID.is_encapsulated
    if not native or not 0 < used < allocated or stored.dtype.kind not in "iu":
        return stored
    above = allocated - 1 - min(int(dataset.get("HighBit", used - 1)), allocated - 1)
    return np.right_shift(np.left_shift(stored, above), allocated - used)


def _padded(stored: Array, dataset: Any) -> Array:
    """True where a pixel lies outside the field of view: the padding value, or its whole range."""
    first, last = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if not isinstance(first, int):
        return np.zeros(stored.shape, bool)
    ends = [_as_stored(each, stored.dtype) for each in (first, last if isinstance(last, int) else first)]
    return (stored >= min(ends)) & (stored <= max(ends))


def _as_stored(value: int, kind: np.dtype[Any]) -> int:
    """A value written as signed where the pixels are unsigned, or the other way round, in the pixels' own sign."""
    bits = 8 * kind.itemsize
    value %= 2**bits
    return value - 2**bits if kind.kind == "i" and value >= 2 ** (bits - 1) else value


def sentence(error: BaseException) -> str:
    """A library's error on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
