"""Words and codes to buckets: a vocabulary that needs no file, knows every word, and is the same on every machine.

Bucket 0 is kept for what is not known. Python's own `hash` is salted for each process, so it is never used.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt


def bucket_of(word: str, buckets: int, *, column: str = "") -> int:
    """1 to `buckets` for a word, the same word in another column elsewhere; 0 for the empty word."""
    return zlib.crc32(f"{column}\x1f{word}".encode()) % buckets + 1 if word else 0


def buckets_of(codes: npt.NDArray[np.int64], buckets: int) -> npt.NDArray[np.int64]:
    """1 to `buckets` for each code of `[row, column]`, mixed with its column; 0 where the code is below zero.

    The mixing is splitmix64 (Steele et al. 2014): neighbouring codes fall far apart.
    """
    mixed = codes.astype(np.uint64) + (np.arange(codes.shape[1], dtype=np.uint64) + 1) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.where(codes < 0, 0, (mixed % np.uint64(buckets)).astype(np.int64) + 1)
