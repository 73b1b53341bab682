"""A model over a plain row of tensors, as exporters and other engines want it: presence first, then each input.

It knows nothing of any format. The structure of the inputs is that of an example batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from .model import Model
from .types import Batch, Packed


class Flat(nn.Module):
    """`forward(presence, *tensors)` gives a tuple: the fused answer of each head in order, then the gates.

    `inputs` names the tensors (`presence`, `image`, `image.mask`, `table.numbers`...), `outputs` the answers
    (`answer.<head>`..., `gates`).
    """

    def __init__(self, model: Model, example: Batch) -> None:
        super().__init__()
        self.model, self.example = model, _shape_of(model, example)
        self.inputs = ("presence", *(name for name, _ in _leaves(model.modalities, example)))
        self.outputs = (*(f"answer.{name}" for name in model.heads), "gates")

    def flatten(self, batch: Batch) -> tuple[Tensor, ...]:
        """The tensors of a batch in the order of `inputs`."""
        return (batch.presence, *(leaf for _, leaf in _leaves(self.model.modalities, batch)))

    def forward(self, presence: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        left = iter(tensors)
        packed = {name: Packed(_filled(self.example[name], left), next(left)) for name in self.model.modalities}
        output = self.model(Batch(packed, presence))
        return (*output.answers.values(), output.gates)


def _shape_of(model: Model, example: Batch) -> dict[str, Any]:
    return {name: example.inputs[name].x for name in model.modalities}


def _leaves(modalities: Sequence[str], batch: Batch) -> Iterator[tuple[str, Tensor]]:
    for name in modalities:
        yield from _named(name, batch.inputs[name].x)
        yield f"{name}.mask", batch.inputs[name].mask


def _named(name: str, x: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(x, Tensor):
        yield name, x
    elif isinstance(x, tuple):
        fields = getattr(x, "_fields", range(len(x)))
        for field, part in zip(fields, x, strict=True):
            yield from _named(f"{name}.{field}", part)


def _filled(shape: Any, tensors: Iterator[Tensor]) -> Any:
    """The example's structure with the next tensors in the place of its own."""
    if isinstance(shape, Tensor):
        return next(tensors)
    if isinstance(shape, tuple):
        parts = [_filled(part, tensors) for part in shape]
        return type(shape)(*parts) if hasattr(shape, "_fields") else tuple(parts)
    return shape
