"""Seeds through one place: every generator that the project draws from is made here, from a seed and a purpose."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def numpy_generator(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that drawing more for one does not move another."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def torch_generator(seed: int, purpose: str) -> torch.Generator:
    """The same for torch."""
    import torch

    return torch.Generator().manual_seed((seed * 1_000_003 + zlib.crc32(purpose.encode())) % 2**63)
