"""Weights of an ONNX file as bytes: whole numbers with a step for each channel, unpacked by the engine when it opens.

Activations stay in f32, so that no calibration is needed and little is lost: what text encoders want, whose answers a
full int8 moves. Weights that were rounded before (`core/shrink/weights.py`) lie on such steps already and lose nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..optional import require
from ..types import Array

HIGH = 127
LEAST = 1_024  # numbers below which a tensor is not worth its steps
READERS = ("MatMul", "Gemm", "Conv", "Gather")


def pack(model: Any) -> int:
    """Pack the weights of a loaded ONNX model in place, and say how many tensors were packed."""
    onnx: Any = require("onnx", "onnx", "export to int8")
    graph = model.graph
    readers: dict[str, list[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.op_type)
    nodes, packed = [], 0
    for tensor in list(graph.initializer):
        mine = readers.get(tensor.name, [])
        if tensor.data_type != onnx.TensorProto.FLOAT or not mine or any(each not in READERS for each in mine):
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if values.ndim < 2 or values.size < LEAST or not np.isfinite(values).all():
            continue
        axis = _axis(values)
        whole, steps = _whole(values, axis)
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.append(onnx.numpy_helper.from_array(whole, f"{name}.whole"))
        graph.initializer.append(onnx.numpy_helper.from_array(steps, f"{name}.steps"))
        nodes.append(
            onnx.helper.make_node("DequantizeLinear", [f"{name}.whole", f"{name}.steps"], [name], axis=axis, name=name)
        )
        packed += 1
    for node in reversed(nodes):
        graph.node.insert(0, node)
    return packed


def _axis(values: Array) -> int:
    """The axis whose channels lie on steps already, else the one that loses least: the first or the last."""
    return min((0, values.ndim - 1), key=lambda axis: _lost(values, axis))


def _lost(values: Array, axis: int) -> float:
    whole, steps = _whole(values, axis)
    shape = [-1 if index == axis else 1 for index in range(values.ndim)]
    return float(np.square(whole * steps.reshape(shape) - values).mean())


def _whole(values: Array, axis: int) -> tuple[Array, Array]:
    others = tuple(index for index in range(values.ndim) if index != axis)
    steps = np.maximum(np.abs(values).max(axis=others, keepdims=True) / HIGH, 1e-12).astype(np.float32)
    whole = np.round(values / steps).clip(-HIGH, HIGH).astype(np.int8)
    return whole, steps.ravel()
