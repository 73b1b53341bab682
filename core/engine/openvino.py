"""OpenVINO: the quickest engine on an x86 processor. The one file that knows it.

Its own default on processors with AMX is bfloat16; here the precision is always said.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, final

import numpy as np

from ..errors import CheckpointError, FormatError
from ..optional import require
from ..types import Array
from .base import Engine


@final
class OpenVino(Engine):
    """An ONNX file or an OpenVINO IR on the processor, in "f32", "w8" (weights in bytes) or with the "bf16" hint."""

    name = "openvino"

    def __init__(
        self,
        path: Path,
        *,
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        precision: str = "f32",
        threads: int | None = None,
    ) -> None:
        openvino: Any = require("openvino", "openvino", "the engine openvino")
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        settings["INFERENCE_PRECISION_HINT"] = "bf16" if precision == "bf16" else "f32"
        if precision == "w8":  # weights in bytes shall not make bytes of what they are multiplied with
            settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = 0
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            self._model = openvino.Core().compile_model(str(path), "CPU", settings)
        except RuntimeError as error:
            raise CheckpointError(f"OpenVINO cannot open {path}: {_first(error)}") from error
        self._request = self._model.create_infer_request()
        self.precision = precision
        self.inputs, self.outputs = inputs, outputs
        self._into = _ordered(self._model.inputs, inputs, path)
        self._from = _ordered(self._model.outputs, outputs, path)

    def compute(self, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        for name, array, port in zip(self.inputs, arrays, self._into, strict=True):
            if array.dtype != port.element_type.to_dtype():
                raise FormatError(f"the input {name} holds {np.dtype(port.element_type.to_dtype())}, got {array.dtype}")
        try:
            found = self._request.infer(dict(zip(self._into, arrays, strict=True)), share_inputs=False)
        except RuntimeError as error:
            raise FormatError(f"OpenVINO refuses these inputs: {_first(error)}") from error
        return tuple(np.array(found[port]) for port in self._from)


def compile_module(module: Any, example: Any, *, precision: str = "f32", threads: int | None = None) -> Any:
    """A torch module of one input and one output, compiled in memory for any height and width.

    `example` is a tensor `[batch, channel, height, width]`; the answer takes and gives an array of that layout.
    """
    import warnings

    openvino: Any = require("openvino", "openvino", "the engine openvino")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of what it fixes; parity is tested
        model = openvino.convert_model(module, example_input=example)
    batch, channel = example.shape[:2]
    model.reshape([batch, channel, -1, -1])
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    turn = threading.Lock()  # a request serves one caller at a time

    def run(array: Array) -> Array:
        with turn:
            return np.array(request.infer([array], share_inputs=True)[0])

    return run


def save_ir(source: Path, target: Path) -> None:
    """Turn an ONNX file into OpenVINO's own two files (`target` ends in .xml), in full precision."""
    openvino: Any = require("openvino", "openvino", "export to openvino")
    try:
        openvino.save_model(openvino.Core().read_model(str(source)), str(target), compress_to_fp16=False)
    except RuntimeError as error:
        raise FormatError(f"OpenVINO cannot read this program: {_first(error)}") from error


def _ordered(ports: list[Any], names: tuple[str, ...], path: Path) -> tuple[Any, ...]:
    """The ports in the order of our names; OpenVINO gives one port every name that its tensor ever had."""
    by_name = {name: port for port in ports for name in port.get_names()}
    missing = [name for name in names if name not in by_name]
    if missing or len(ports) != len(names):
        raise CheckpointError(f"{path} does not have the inputs and outputs of its description: {', '.join(missing)}")
    return tuple(by_name[name] for name in names)


def _first(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
