"""Requests that run together: which may, how their arrays become one, and how the outputs are taken apart again.

Requests of unequal lengths run together only where padding is proven harmless, and only with lengths that are near to
each other; all others run with their equals. It knows no engine, no process and no HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from ..engine.folder import Port
from ..errors import FormatError, UnknownName
from ..types import Array

Arrays = Mapping[str, Array]
STEP = 1.25  # lengths in one batch differ by less than this factor
_KINDS = {"b": "b", "i": "biu", "u": "biu", "f": "fiu"}  # kinds of numbers that turn into each kind without loss


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """One request's arrays, checked: its rows, and the sizes of the program's open axes."""

    arrays: Arrays
    rows: int
    lengths: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Arrays of several requests as one; `cells` of all inputs that are real, and those that are padding."""

    arrays: dict[str, Array]
    parts: tuple[Asked, ...]
    cells: int
    padding: int


@final
class Joiner:
    """Joins and parts the arrays of one program, whose axes called `paddable` may be longer than a record is."""

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], *, paddable: Iterable[str] = ()) -> None:
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.batch = batch_axis(inputs, outputs)
        self.paddable = frozenset(paddable)
        self._dtypes = {port.name: np.dtype(port.dtype) for port in inputs}

    def checked(self, given: Mapping[str, Array]) -> Asked:
        """A request's arrays, as the program reads them.

        Raises:
            UnknownName: an input that the program does not have.
            FormatError: one is missing, or has other axes or another kind of number.
        """
        names = tuple(port.name for port in self.inputs)
        for name in given:
            if name not in names:
                raise UnknownName("input of the program", name, names)
        missing = [name for name in names if name not in given]
        if missing:
            raise FormatError(f"the program reads {', '.join(names)}: {', '.join(missing)} was not given")
        sizes: dict[str, int] = {}
        arrays = {port.name: self._checked(port, given[port.name], sizes) for port in self.inputs}
        rows = sizes.pop(self.batch) if self.batch is not None else 1
        return Asked(arrays=arrays, rows=rows, lengths=sizes)

    def key(self, asked: Asked) -> tuple[object, ...]:
        """Requests of equal keys run together. Lengths that may be padded fall into steps of a quarter."""
        return tuple(
            (axis, math.floor(math.log(size, STEP)) if axis in self.paddable else size)
            for axis, size in sorted(asked.lengths.items())
        )

    def joined(self, parts: Sequence[Asked]) -> Joined:
        """The arrays of all parts in one, padded to the longest of them with zeros (False for a mask)."""
        first = parts[0]
        real = sum(array.size for each in parts for array in each.arrays.values())
        if len(parts) == 1:
            return Joined(arrays=dict(first.arrays), parts=(first,), cells=real, padding=0)
        longest = {axis: max(each.lengths[axis] for each in parts) for axis in first.lengths}
        even = all(each.lengths == longest for each in parts)
        arrays = {}
        for port in self.inputs:
            pieces = [each.arrays[port.name] for each in parts]
            arrays[port.name] = np.concatenate(pieces) if even else _stacked(port, pieces, longest)
        padding = sum(array.size for array in arrays.values()) - real
        return Joined(arrays=arrays, parts=tuple(parts), cells=real, padding=padding)

    def parted(self, joined: Joined, outputs: Arrays) -> list[dict[str, Array]]:
        """The outputs of each part, without what padding added to them."""
        if len(joined.parts) == 1:
            return [dict(outputs)]
        found, row = [], 0
        for part in joined.parts:
            rows = slice(row, row + part.rows)
            row += part.rows
            own = {}
            for port in self.outputs:
                cut = tuple(slice(part.lengths.get(axis)) for axis in port.shape[1:])
                own[port.name] = outputs[port.name][(rows, *cut)]
            found.append(own)
        return found

    def _checked(self, port: Port, array: Array, sizes: dict[str, int]) -> Array:
        want = self._dtypes[port.name]
        if array.dtype != want:
            if array.size and array.dtype.kind not in _KINDS[want.kind]:
                raise FormatError(f"the input {port.name} holds {want}, got {array.dtype}")
            array = _cast(array, want, port.name)
        if array.ndim != len(port.shape):
            raise FormatError(
                f"the input {port.name} is [{', '.join(port.shape)}], got an array of shape {list(array.shape)}"
            )
        for axis, size in zip(port.shape, array.shape, strict=True):
            known = int(axis) if axis.isdigit() else sizes.setdefault(axis, size)
            if size != known or (size < 1 and not axis.isdigit()):
                raise FormatError(
                    f"the input {port.name} is [{', '.join(port.shape)}] with {axis} = {max(known, 1)} here, got shape"
                    f" {list(array.shape)}"
                )
        return array


def batch_axis(inputs: Sequence[Port], outputs: Sequence[Port]) -> str | None:
    """The axis along which requests are put together; None where some input or output does not have it in front."""
    first = {port.shape[0] if port.shape else "" for port in (*inputs, *outputs)}
    axis = first.pop()
    return axis if not first and not axis.isdigit() and axis else None


def lengths_of(inputs: Sequence[Port], outputs: Sequence[Port]) -> tuple[str, ...]:
    """The open axes beside the batch that might be padded: those that no output has in a formula."""
    batch = batch_axis(inputs, outputs)
    axes = dict.fromkeys(axis for port in inputs for axis in port.shape if not axis.isdigit() and axis != batch)
    formulas = [axis for port in outputs for axis in port.shape if not axis.isdigit() and axis not in axes]
    return tuple(axis for axis in axes if not any(axis in formula for formula in formulas if formula != batch))


def padded(port: Port, array: Array, longest: Mapping[str, int]) -> Array:
    """The array with zeros (False) behind what it holds, up to the given sizes of its axes."""
    room = [(0, longest.get(axis, size) - size) for axis, size in zip(port.shape, array.shape, strict=True)]
    return np.pad(array, room)


def _stacked(port: Port, pieces: Sequence[Array], longest: Mapping[str, int]) -> Array:
    rows = sum(len(piece) for piece in pieces)
    shape = [longest.get(axis, size) for axis, size in zip(port.shape[1:], pieces[0].shape[1:], strict=True)]
    whole = np.zeros((rows, *shape), pieces[0].dtype)
    row = 0
    for piece in pieces:
        whole[(slice(row, row + len(piece)), *map(slice, piece.shape[1:]))] = piece
        row += len(piece)
    return whole


def _cast(array: Array, want: np.dtype, name: str) -> Array:
    """Whole numbers stay what they are, or are refused."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(want)
    if want.kind in "iu" and not np.array_equal(cast, array):
        raise FormatError(f"the input {name} holds {want}, and some of its numbers are too large for that")
    return cast
