"""Weights of few bits in a checkpoint: rounded by output channel, or by group of inputs, to steps that a byte can name.

Rounding the checkpoint rather than the graph lets a task score the very numbers that will be exported. It knows nothing
of networks: a tensor named `weight` with two axes or more is one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ..checkpoint import Checkpoint
from ..errors import InputError
from ..export.packing import LEAST
from ..types import Array

GROUP = 32  # inputs that share a step where there are four bits only


def rounded(checkpoint: Checkpoint, *, bits: int = 8) -> tuple[Checkpoint, int]:
    """The checkpoint with its large weights rounded to so many bits, and how many numbers that were.

    Raises:
        InputError: not 4 or 8 bits.
    """
    if bits not in (4, 8):
        raise InputError(f"weights are rounded to 8 or 4 bits, got {bits}")
    tensors: Mapping[str, Array] = checkpoint.tensors
    large = {name for name, value in tensors.items() if is_weight(name, np.asarray(value))}
    made = {name: _rounded(value, bits) if name in large else value for name, value in tensors.items()}
    return dataclasses.replace(checkpoint, tensors=made), sum(tensors[name].size for name in large)


def is_weight(name: str, value: Array) -> bool:
    """Whether it is the weight of a layer, large enough to gain."""
    named = "weight" in name.split(".")
    return bool(named and value.ndim >= 2 and value.size >= LEAST and value.dtype.kind == "f")


def _rounded(value: Array, bits: int) -> Array:
    """Float32, whatever it was: half precision would move the numbers off their steps."""
    rows = np.asarray(value, np.float32).reshape(len(value), -1)
    high = 2 ** (bits - 1) - 1
    group = rows.shape[1] if bits == 8 or rows.shape[1] % GROUP else GROUP
    grouped = rows.reshape(len(rows), -1, group)
    steps = np.maximum(np.abs(grouped).max(axis=2, keepdims=True) / high, 1e-12).astype(np.float32)
    return np.asarray((np.round(grouped / steps) * steps).reshape(np.shape(value)), np.float32)
