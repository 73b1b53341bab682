"""The whole multimodal model as one program: every encoder, the gates, the fusion and the heads, presence as an input.

Inputs are named by modality: `image` and `image.mask`, or `points.coordinates` where an encoder reads several tensors;
the last is `presence` `[batch, modality]`. Outputs are the heads by name, and `gates`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..random import torch_generator
from ..trust.subsets import subset_name, subsets_of
from ..types import Batch, Packed
from .program import TOLERANCE, Program

if TYPE_CHECKING:
    from ..model import Model

PRESENCE, GATES = "presence", "gates"


def program_of(
    model: Model,
    batch: Batch,
    *,
    lengths: Mapping[str, Mapping[int, str]] | None = None,
    enough: Callable[[tuple[str, ...]], bool] | None = None,
    notes: Mapping[str, str] | None = None,
    tolerance: float = TOLERANCE,
) -> Program:
    """A program from a model and a batch of at least two rows in which every modality is present.

    Rows that are equal (a task with one sample gives it twice) are moved apart: a graph that mixed two equal rows up
    would seem right. `lengths` names the axes, besides the batch, that may change: `{"audio": {1: "samples"},
    "audio.mask": {1: "samples"}}`. There is a case for each subset that is `enough` for the task; in it the values of
    an absent modality are still fed, so that the proof holds only if presence is what silences them.
    """
    names, tensors = _leaves(batch)
    tensors = (*map(_apart, tensors[:-1]), tensors[-1])
    dynamic = tuple({0: "batch", **(lengths or {}).get(name, {})} for name in names)
    cases = {}
    for subset in subsets_of(model.modalities, enough=enough):
        here = torch.tensor([name in subset for name in model.modalities])
        cases[subset_name(subset)] = (*tensors[:-1], batch.presence & here)
    return Program(
        module=_Answers(model, batch),
        example=tensors,
        inputs=names,
        outputs=(*model.heads, GATES),
        dynamic=dynamic,
        cases=cases,
        notes=notes or {},
        tolerance=tolerance,
    )


def _apart(tensor: Tensor) -> Tensor:
    """Later rows that equal the first: numbers with a tenth of their spread added, whole numbers moved along."""
    rows = [tensor[0]]
    generator = torch_generator(0, "rows of a program")
    for number, row in enumerate(tensor[1:], start=1):
        if row.dtype != torch.bool and torch.allclose(row, tensor[0], equal_nan=True):
            known = row[row.isfinite()] if row.is_floating_point() else row
            if row.is_floating_point() and len(known) > 1:
                row = row + 0.1 * known.std() * torch.randn(row.shape, generator=generator)
            elif not row.is_floating_point() and row.ndim:
                row = row.roll(number, 0)
        rows.append(row)
    return torch.stack(rows)


class _Answers(nn.Module):
    """The model between flat tensors: inputs in, the fused answer of each head and the gates out."""

    def __init__(self, model: Model, like: Batch) -> None:
        super().__init__()
        self.model = model
        self._shape = {name: _Shape(packed.x) for name, packed in like.inputs.items()}

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        rest = list(tensors)
        inputs = {name: Packed(shape.build(rest), rest.pop(0)) for name, shape in self._shape.items()}
        output = self.model(Batch(inputs, rest.pop(0)))
        return (*(output.answers[name] for name in self.model.heads), output.gates)


class _Shape:
    """How a modality's tensors were nested."""

    def __init__(self, x: Any) -> None:
        self.kind = type(x) if isinstance(x, tuple) else None
        self.parts = [_Shape(part) for part in x] if isinstance(x, tuple) else []

    def build(self, rest: list[Tensor]) -> Any:
        """Take as many tensors off the front as the modality had."""
        if self.kind is None:
            return rest.pop(0)
        parts = [part.build(rest) for part in self.parts]
        return self.kind(*parts) if hasattr(self.kind, "_fields") else tuple(parts)


def _leaves(batch: Batch) -> tuple[tuple[str, ...], tuple[Tensor, ...]]:
    """Every tensor of a batch with its name, in the order in which `_Answers` takes them."""
    names, tensors = [], []
    for modality, packed in batch.inputs.items():
        for name, tensor in [*_named(modality, packed.x), (f"{modality}.mask", packed.mask)]:
            names.append(name)
            tensors.append(tensor)
    return (*names, PRESENCE), (*tensors, batch.presence)


def _named(name: str, x: Any) -> list[tuple[str, Tensor]]:
    if isinstance(x, Tensor):
        return [(name, x)]
    keys = getattr(x, "_fields", None) or [str(index) for index in range(len(x))]
    return [pair for key, part in zip(keys, x, strict=True) for pair in _named(f"{name}.{key}", part)]
