"""A program becomes torch's own export of it: the one graph that every format is written from."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..engine.folder import Port
from ..errors import InputError
from .program import Program, evaluating


def trace(program: Program) -> torch.export.ExportedProgram:
    """The graph, with every axis that the program calls dynamic left open.

    Raises:
        InputError: the module branches on values, or fixes the size of an axis that is said to change.
    """
    free = tuple(dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for axes in program.dynamic)
    module = _Flat(program.module)
    try:
        with quiet(), evaluating(module), torch.no_grad():
            graph = torch.export.export(module, program.example, dynamic_shapes=(free,), strict=False)
    except Exception as error:  # the tracer raises errors of many unrelated classes
        raise InputError(f"this model cannot be exported: {str(error).strip().splitlines()[0]}") from error
    graph._example_inputs = None  # they would be written as a pickle
    return graph


def ports(graph: torch.export.ExportedProgram, program: Program) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs with the names of their open axes; an output's may be a formula of an input's."""
    found = {node.name: node.meta.get("val") for node in graph.graph.nodes}
    signature = graph.graph_signature
    given = [found[name] for name in signature.user_inputs if isinstance(name, str)]
    made = [found[name] for name in signature.user_outputs if isinstance(name, str)]
    known: dict[str, str] = {}
    for tensor, axes in zip(given, program.dynamic, strict=True):
        known |= {str(tensor.shape[axis]): name for axis, name in axes.items()}
    return _ports(program.inputs, given, known), _ports(program.outputs, made, known)


def _ports(names: tuple[str, ...], tensors: list[Any], known: dict[str, str]) -> tuple[Port, ...]:
    return tuple(
        Port(name=name, shape=tuple(_axis(size, known) for size in tensor.shape), dtype=str(tensor.dtype)[6:])
        for name, tensor in zip(names, tensors, strict=True)
    )


def _axis(size: Any, known: dict[str, str]) -> str:
    """A size as text, its symbols replaced by the names the program gave them."""
    text = str(size)
    for symbol in sorted(known, key=len, reverse=True):
        text = text.replace(symbol, known[symbol])
    return text


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters warn of their own inner workings, which nobody here can act upon."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Flat(nn.Module):
    """Takes tensors in a row and always returns a tuple, so that every program has one calling form."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        found = self.module(*tensors)
        return (found,) if isinstance(found, Tensor) else tuple(found)
