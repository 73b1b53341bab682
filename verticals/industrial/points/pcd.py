"""Reads PCD, the Point Cloud Library's format (version 0.7): ascii, binary and binary_compressed (LZF).

It reads the fields x, y and z and leaves the rest. Source: pointclouds.org, "The PCD file format".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....core.errors import FileError, FormatError
from ....core.types import Array

_KINDS = {"F": "f", "I": "i", "U": "u"}
_MOST_BYTES = 2_000_000_000


def read_pcd(path: Path) -> Array:
    """Points `[point, xyz]`, NaN where the scanner wrote NaN.

    Raises:
        FileError: the data is shorter than the header promises.
        FormatError: no header, no x, y, z, or an unknown kind of data.
    """
    data = path.read_bytes()
    head, body = _head(path, data)
    try:
        names = head["FIELDS"]
        sizes, kinds = [int(size) for size in head["SIZE"]], head["TYPE"]
        counts = [int(count) for count in head.get("COUNT", ["1"] * len(names))]
        points = int(head["POINTS"][0]) if "POINTS" in head else int(head["WIDTH"][0]) * int(head["HEIGHT"][0])
        row = np.dtype(
            [(f"{i}", f"<{_KINDS[k]}{s}", (c,)) for i, (k, s, c) in enumerate(zip(kinds, sizes, counts, strict=True))]
        )
        places = [names.index(axis) for axis in ("x", "y", "z")]
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise FormatError(f"{path} has a PCD header without usable FIELDS, SIZE, TYPE and POINTS: {error}") from error
    if points <= 0 or points * row.itemsize > _MOST_BYTES:
        raise FormatError(f"{path} says that it holds {points} points of {row.itemsize} bytes")
    kind = head.get("DATA", ["?"])[0]
    if kind == "ascii":
        return _ascii(path, body, columns=[sum(counts[:place]) for place in places], points=points)
    if kind == "binary":
        if len(body) < points * row.itemsize:
            raise FileError(f"{path} is truncated: {len(body)} bytes of {points * row.itemsize}")
        table = np.frombuffer(body, row, count=points)
        return np.stack([table[str(place)][:, 0].astype(np.float64) for place in places], axis=1)
    if kind == "binary_compressed":
        return _columns(path, body, row=row, places=places, points=points)
    raise FormatError(f"{path} has DATA {kind}: ascii, binary and binary_compressed are read")


def _head(path: Path, data: bytes) -> tuple[dict[str, list[str]], bytes]:
    head: dict[str, list[str]] = {}
    start = 0
    while "DATA" not in head:
        end = data.find(b"\n", start)
        if end < 0 or end - start > 1000 or len(head) > 30:
            raise FormatError(f"{path} has no PCD header that ends in DATA")
        words = data[start:end].decode("ascii", "replace").split()
        start = end + 1
        if words and not words[0].startswith("#"):
            head[words[0].upper()] = words[1:]
    return head, data[start:]


def _ascii(path: Path, body: bytes, *, columns: list[int], points: int) -> Array:
    rows = body.decode("ascii", "replace").split("\n")
    rows = [row for row in rows if row.strip()]
    if len(rows) < points:
        raise FileError(f"{path} is truncated: {len(rows)} of {points} points")
    try:
        return np.array([[float(row.split()[column]) for column in columns] for row in rows[:points]])
    except (ValueError, IndexError) as error:
        raise FormatError(f"{path} has a line that is not a point: {error}") from error


def _columns(path: Path, body: bytes, *, row: np.dtype, places: list[int], points: int) -> Array:
    """Compressed data is stored field after field, not point after point."""
    if len(body) < 8:
        raise FileError(f"{path} is truncated before its compressed data")
    packed, plain = (int(size) for size in np.frombuffer(body[:8], "<u4"))
    if plain != points * row.itemsize or len(body) < 8 + packed:
        raise FileError(
            f"{path} is truncated: compressed data of {packed} bytes for {plain}, {len(body) - 8} are there"
        )
    flat = unpack_lzf(body[8 : 8 + packed], plain)
    sizes = [row[name].itemsize * points for name in row.names or ()]
    starts = np.cumsum(np.array([0, *sizes]))
    found = []
    for place in places:
        base, shape = row[str(place)].subdtype or (row[str(place)], (1,))
        values = np.frombuffer(flat, base, count=points * shape[0], offset=int(starts[place]))
        found.append(values.reshape(points, shape[0])[:, 0].astype(np.float64))
    return np.stack(found, axis=1)


def unpack_lzf(packed: bytes, size: int) -> bytes:
    """LZF: a byte below 32 starts that many literals and one more; else it is a length and a distance back.

    Raises:
        FileError: the data does not unpack to `size` bytes.
    """
    out = bytearray()
    at = 0
    try:
        while at < len(packed):
            control = packed[at]
            at += 1
            if control < 32:
                out += packed[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[at]
                at += 1
            back = len(out) - ((control & 31) << 8) - packed[at] - 1
            at += 1
            if back < 0 or len(out) > size:
                raise IndexError
            for _ in range(length + 2):  # may overlap what it writes, so byte by byte
                out.append(out[back])
                back += 1
    except IndexError as error:
        raise FileError("the compressed points are damaged") from error
    if len(out) != size:
        raise FileError(f"the compressed points unpack to {len(out)} bytes, {size} were promised")
    return bytes(out)
