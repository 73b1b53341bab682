"""A program: the part of a pipeline that another engine can run, with the inputs that prove it runs equally.

It knows nothing of ONNX, of files or of the field; a vertical's `program()` builds one, `write` makes it a folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..random import torch_generator

TOLERANCE = 1e-4
AROUND = 4  # batches drawn around the example, where a program brings no calibration


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """A module whose `forward` takes the tensors `example` in order and returns one tensor or a tuple of them.

    `example` has at least 2 rows (a batch of one would be frozen into the graph). `dynamic` says for each input which
    axes may change, by name: `({0: "batch"}, {0: "batch", 1: "samples"}, {0: "batch"})`; equal names are equal sizes.
    `cases` holds inputs by the name of the subset of modalities that they give ("ct", "ct+indication", ...).
    `notes` say what is done before and after the program, in words: `{"before": "...", "after": "..."}`;
    `processing` says the same as plain values that a program in another language can follow.
    `calibration` holds inputs from which int8 learns the ranges of activations: not those of `cases`, which prove it.
    `precision` is "int8" where the module itself computes with explicit quantise and dequantise.
    """

    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic: tuple[Mapping[int, str], ...]
    cases: Mapping[str, tuple[Tensor, ...]]
    notes: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = TOLERANCE
    processing: Mapping[str, Any] = field(default_factory=dict)
    calibration: tuple[tuple[Tensor, ...], ...] = ()
    precision: str = "f32"

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

    def learned(self, seed: int = 0) -> tuple[tuple[Tensor, ...], ...]:
        """What int8 is calibrated on: the program's own inputs for it, else rows drawn around its example."""
        if self.calibration:
            return self.calibration
        generator = torch_generator(seed, "calibration of a program")
        return tuple(tuple(_near(each, generator) for each in self.example) for _ in range(AROUND))

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


def _near(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Numbers a tenth of their spread away; whole numbers, masks and what is not finite stay as they are."""
    if not tensor.is_floating_point():
        return tensor
    spread = tensor[tensor.isfinite()].std(correction=0) if tensor.isfinite().any() else torch.zeros(())
    return tensor + 0.1 * spread * torch.randn(tensor.shape, generator=generator)


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
