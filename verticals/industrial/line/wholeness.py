"""Is a file whole, or still being written? By what its own format says of its length; it reads no points or pixels.

`True`: the format's end is there. `False`: it is not, yet. `None`: this format does not tell.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

HEAD = 8_192  # bytes that hold any header looked at here
PLY_SIZES = {
    "char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2, "uint16": 2, "int": 4,
    "uint": 4, "int32": 4, "uint32": 4, "float": 4, "float32": 4, "double": 8, "float64": 8,
}  # fmt: skip


def whole(path: Path) -> bool | None:
    """What the file's format says. A file that vanished or cannot be read is not whole."""
    try:
        size = path.stat().st_size
        if size == 0:
            return False
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            stream.seek(max(size - 256, 0))
            tail = stream.read(256)
    except OSError:
        return False
    check = CHECKS.get(path.suffix.lower())
    try:
        return None if check is None else check(path, head, tail, size)
    except (ValueError, LookupError, struct.error):
        return False


def _png(path: Path, head: bytes, tail: bytes, size: int) -> bool | None:
    return b"IEND\xaeB`\x82" in tail


def _jpeg(path: Path, head: bytes, tail: bytes, size: int) -> bool | None:
    return tail.rstrip(b"\0").endswith(b"\xff\xd9")


def _bmp(path: Path, head: bytes, tail: bytes, size: int) -> bool | None:
    told = struct.unpack_from("<I", head, 2)[0]
    return None if told == 0 else size >= told


def _wav(path: Path, head: bytes, tail: bytes, size: int) -> bool | None:
    """RIFF says its length; recorders that stream write none until they close the file."""
    if head[:4] not in (b"RIFF", b"RF64"):
        return False
    told = struct.unpack_from("<I", head, 4)[0]
    if told >= 0x7FFFFF00:
        return None
    return told > 36 and size >= told + 8


def _npz(path: Path, head: bytes, tail: bytes, size: int) -> bool | None:
    end = tail.rfind(b"PK\x05\x06")
    return end >= 0 and len(tail) - end >= 22  # the record that ends a zip, before a comment


def _stl(path: Path, head: bytes, tail: bytes, size: int) -> bool | None:
    if size >= 84 and size == 84 + 50 * struct.unpack_from("<I", head, 80)[0]:
        return True
    return head.lstrip().startswith(b"solid") and b"endsolid" in tail


def _ply(path: Path, head: bytes, tail: bytes, size: int) -> bool | None:
    """Vertices, and faces taken for triangles (others make a longer file, of which nothing is said)."""
    end = re.search(rb"end_header\r?\n", head)
    if end is None:
        return None if len(head) == HEAD else False
    lines = head[: end.end()].decode("ascii", "replace").splitlines()
    ascii_rows, least, exact = 0, 0, True
    count = 0
    for line in lines:
        words = line.split()
        if words[:1] == ["element"]:
            count = int(words[2])
            ascii_rows += count
        elif words[:2] == ["property", "list"]:
            least += count * (PLY_SIZES[words[2]] + 3 * PLY_SIZES[words[3]])
            exact = False
        elif words[:1] == ["property"]:
            least += count * PLY_SIZES[words[1]]
    if any(line.startswith("format ascii") for line in lines):
        return _rows(path, end.end()) >= ascii_rows
    if size < end.end() + least:
        return False
    return True if exact or size == end.end() + least else None


def _pcd(path: Path, head: bytes, tail: bytes, size: int) -> bool | None:
    end = re.search(rb"^DATA (\w+)\r?\n", head, re.MULTILINE)
    if end is None:
        return None if len(head) == HEAD else False
    words = {line.split()[0]: line.split()[1:] for line in head[: end.end()].decode("ascii", "replace").splitlines()}
    points, sizes = int(words["POINTS"][0]), [int(each) for each in words["SIZE"]]
    counts = [int(each) for each in words.get("COUNT", ["1"] * len(sizes))]
    kind = end[1]
    if kind == b"ascii":
        return _rows(path, end.end()) >= points
    if kind == b"binary_compressed":
        return size >= end.end() + 8 + struct.unpack_from("<I", head, end.end())[0]
    return size >= end.end() + points * sum(one * many for one, many in zip(sizes, counts, strict=True))


def _rows(path: Path, start: int) -> int:
    """Lines with something on them behind the header; the last one counts with its line's end only."""
    with path.open("rb") as stream:
        stream.seek(start)
        return sum(1 for line in stream if line.strip() and line.endswith(b"\n"))


CHECKS: dict[str, Callable[[Path, bytes, bytes, int], bool | None]] = {
    ".png": _png, ".jpg": _jpeg, ".jpeg": _jpeg, ".bmp": _bmp, ".wav": _wav, ".npz": _npz, ".stl": _stl,
    ".ply": _ply, ".pcd": _pcd,
}  # fmt: skip
