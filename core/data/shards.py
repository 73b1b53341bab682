"""Records on disk in shards that are memory-mapped: a set larger than memory is trained on as if it were a list.

    shards/00000.safetensors    for each field: all rows one after another, and where each row ends (`NAME/ends`)
    shards/index.json           {"format": 1, "rows": [8192, 8192, 511], "fields": [...]}

A record is a mapping from field to array; rows of a field differ in their first size alone, and a field may be missing
in some (`NAME/here`). Reading a record copies nothing: its arrays are views of the file, of which the system keeps in
memory what is used. It knows no field of use.
"""

from __future__ import annotations

import bisect
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError
from ..pipeline import existing
from ..random import numpy_generator
from ..result import whole_folder
from ..types import Array

INDEX = "index.json"
FORMAT = 1
Record = Mapping[str, Array]


def write_shards(records: Iterable[Record], folder: str | Path, *, rows: int = 4096) -> Path:
    """Write records, of which it holds `rows` at a time; the folder appears whole or not at all.

    Raises:
        FormatError: no records, or a field whose rows differ in more than their first size.
    """
    sizes: list[int] = []
    fields: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
    with whole_folder(folder) as aside:
        waiting: list[Record] = []
        for record in records:
            waiting.append(record)
            if len(waiting) == rows:
                sizes.append(_write(waiting, aside / f"{len(sizes):05d}.safetensors", fields, sum(sizes)))
                waiting = []
        if waiting:
            sizes.append(_write(waiting, aside / f"{len(sizes):05d}.safetensors", fields, sum(sizes)))
        if not sizes:
            raise FormatError("there are no records to write")
        (aside / INDEX).write_text(json.dumps({"format": FORMAT, "rows": sizes, "fields": sorted(fields)}))
    return Path(folder)


class Shards(Sequence[dict[str, Array]]):
    """The records of a folder, in order. Arrays are read-only views.

    Raises:
        FormatError: the folder is not one of these, or a shard is not whole.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = existing(folder, "shards")
        try:
            index = json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
            self._rows, self.fields = [int(each) for each in index["rows"]], tuple(index["fields"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{self.folder} has no index of shards: {error}; write it with write_shards") from error
        if index.get("format") != FORMAT:
            raise FormatError(f"{self.folder} has format {index.get('format')}, this program reads {FORMAT}")
        self._ends = list(accumulate(self._rows))
        self._open: dict[int, dict[str, Array]] = {}

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        shard = bisect.bisect_right(self._ends, row)
        arrays, inside = self._mapped(shard), row - (self._ends[shard] - self._rows[shard])
        found = {}
        for name in self.fields:
            if name in arrays and arrays[f"{name}/here"][inside]:
                ends = arrays[f"{name}/ends"]
                found[name] = arrays[name][ends[inside - 1] if inside else 0 : ends[inside]]
        return found

    def order(self, epoch: int, *, seed: int = 0, window: int = 8) -> Array:
        """All rows for an epoch: shards in a drawn order, rows drawn from `window` shards at a time.

        Only those shards need to be in memory; with a window of all of them it is a plain permutation.
        """
        generator = numpy_generator(seed, f"shards/{epoch}")
        shards, drawn = generator.permutation(len(self._rows)), []
        for start in range(0, len(shards), window):
            some = shards[start : start + window]
            rows = [np.arange(self._ends[each] - self._rows[each], self._ends[each]) for each in some]
            drawn.append(generator.permutation(np.concatenate(rows)))
        return np.concatenate(drawn)

    def _mapped(self, shard: int) -> dict[str, Array]:
        if shard not in self._open:
            self._open[shard] = _map(self.folder / f"{shard:05d}.safetensors", self._rows[shard])
        return self._open[shard]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": {}}  # another process maps them for itself


def _write(records: Sequence[Record], path: Path, fields: dict[str, Any], before: int) -> int:
    from safetensors.numpy import save_file

    tensors: dict[str, Array] = {}
    for name in sorted({name for record in records for name in record}):
        values = [np.atleast_1d(record[name]) if name in record else None for record in records]
        first = next(value for value in values if value is not None)
        kind, shape = fields.setdefault(name, (first.dtype, first.shape[1:]))
        for number, value in enumerate(values):
            if value is not None and (value.dtype, value.shape[1:]) != (kind, shape):
                raise FormatError(
                    f"{name} of record {before + number} is {value.dtype} with rows of {value.shape[1:]}, not {kind} "
                    f"with rows of {shape} as before"
                )
        empty = np.zeros((0, *shape), kind)
        tensors[name] = np.concatenate([empty if value is None else value for value in values])
        tensors[f"{name}/ends"] = np.cumsum([0 if value is None else len(value) for value in values])
        tensors[f"{name}/here"] = np.array([value is not None for value in values])
    save_file(tensors, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return len(records)


def _map(path: Path, rows: int) -> dict[str, Array]:
    """The arrays of a safetensors file as views of its map (the format: 8 bytes of length, JSON, then the numbers)."""
    try:
        whole = np.memmap(path, dtype=np.uint8, mode="r")
        start = 8 + int(whole[:8].view("<u8")[0])
        head = json.loads(whole[8:start].tobytes())
        arrays = {}
        for name, each in head.items():
            if name != "__metadata__":
                low, high = each["data_offsets"]
                arrays[name] = whole[start + low : start + high].view(_KINDS[each["dtype"]]).reshape(each["shape"])
        for name, array in arrays.items():
            if name.endswith(("/ends", "/here")) and len(array) != rows:
                raise ValueError(f"{name} has {len(array)} rows, the index says {rows}")
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise FormatError(f"{path} is not a whole shard: {error}; write the shards again") from error
    return arrays


_KINDS = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
