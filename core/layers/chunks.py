"""Cutting a sequence into chunks by index, so that its length may vary in an exported program."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def chunked(
    tokens: int | torch.SymInt, size: int, *, before: int = 0, after: int = 0, device: torch.device | None = None
) -> tuple[Int[Tensor, "chunk reach"], Bool[Tensor, "chunk reach"]]:
    """For each chunk of `size` tokens, the index of its tokens and of those in the chunks around it, and which exist.

    An index that does not exist points at the nearest that does. Indexing rather than padding and reshaping: the
    exporter cannot prove that a padded length divides. While exporting there is one empty chunk more, because a number
    of chunks that may be 1 would be fixed at what it is in the example.
    """
    chunks = (tokens + size - 1) // size + (1 if torch.compiler.is_exporting() else 0)
    starts = torch.arange(chunks, device=device)[:, None] * size
    index = starts + torch.arange((before + 1 + after) * size, device=device) - before * size
    last: Any = tokens - 1  # a symbol while exporting
    return index.clamp(0, last), (index >= 0) & (index < tokens)
