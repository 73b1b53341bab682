"""A program: the part of a pipeline that another engine can run, with the inputs that prove it runs equally.

It knows nothing of ONNX, of files or of the field; a vertical's `program()` builds one, `write` makes it a folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..errors import ConfigError

TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A module whose `forward` takes the tensors `example` in order and returns one tensor or a tuple of them.

    `example` has at least 2 rows (a batch of one would be frozen into the graph). `dynamic` says for each input which
    axes may change, by name: `({0: "batch"}, {0: "batch", 1: "samples"}, {0: "batch"})`; equal names are equal sizes.
    `cases` holds inputs by the name of the subset of modalities that they give ("ct", "ct+indication", ...).
    `notes` say what is done before and after the program, in words: `{"before": "...", "after": "..."}`.
    """

    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic: tuple[Mapping[int, str], ...]
    cases: Mapping[str, tuple[Tensor, ...]]
    notes: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        if not len(self.example) == len(self.inputs) == len(self.dynamic):
            counts = f"{len(self.example)} tensors, {len(self.inputs)} names, {len(self.dynamic)} rows of axes"
            raise ConfigError(f"a program needs a name and its axes for each example tensor, got {counts}")
        names = self.inputs + self.outputs
        if len(set(names)) != len(names) or not self.outputs:
            raise ConfigError(f"names of inputs and outputs must differ from each other, got {', '.join(names)}")
        if any(len(tensor) < 2 for tensor, axes in zip(self.example, self.dynamic, strict=True) if 0 in axes):
            raise ConfigError("the example needs at least 2 rows: a batch of one would be frozen into the graph")
        if not self.cases:
            raise ConfigError("a program without cases proves nothing: give inputs for every subset of modalities")
        for name, tensors in self.cases.items():
            if len(tensors) != len(self.inputs):
                raise ConfigError(f"case {name!r} gives {len(tensors)} tensors for {len(self.inputs)} inputs")

    def eager(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The outputs as torch computes them, in evaluation mode and without gradients."""
        with evaluating(self.module), torch.no_grad():
            found = self.module(*tensors)
        found = (found,) if isinstance(found, Tensor) else tuple(found)
        if len(found) != len(self.outputs):
            raise ConfigError(
                f"the module returned {len(found)} tensors, the program names {len(self.outputs)} outputs"
            )
        return found


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards every part is in the mode it had (frozen parts may have their own)."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
