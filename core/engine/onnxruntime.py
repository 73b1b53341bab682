"""ONNX Runtime: the engine that runs almost anywhere. The one file that knows it besides export/onnx.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

from ..errors import CheckpointError, FormatError
from ..optional import require
from ..types import Array
from .base import Engine


@final
class OnnxRuntime(Engine):
    """An ONNX file on the processor. `threads` None leaves their number to ONNX Runtime."""

    name = "onnxruntime"

    def __init__(self, path: Path, *, precision: str = "f32", threads: int | None = None) -> None:
        runtime: Any = require("onnxruntime", "onnx", "the engine onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves engines beside it
        if precision == "w8":  # unpack the weights once, when the file is opened
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own errors share no class but this one
            raise CheckpointError(f"ONNX Runtime cannot open {path}: {_first(error)}") from error
        self.precision = precision
        self.inputs = tuple(port.name for port in self._session.get_inputs())
        self.outputs = tuple(port.name for port in self._session.get_outputs())

    def compute(self, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        try:
            return tuple(self._session.run(list(self.outputs), dict(zip(self.inputs, arrays, strict=True))))
        except Exception as error:  # see above
            raise FormatError(f"ONNX Runtime refuses these inputs: {_first(error)}") from error


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
