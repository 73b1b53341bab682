"""The graph as an ONNX file, and that file in int8. The one file that knows the ONNX libraries besides the engine.

int8 is static QDQ (weights by channel, activations calibrated on rows that prove nothing) where there are 2-D
convolutions, and weights alone elsewhere: full int8 would cost text a tenth of what it finds. 3-D convolutions are
refused: no engine runs them faster in int8, and ONNX Runtime runs them slower.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..optional import require
from ..types import Array
from .packing import pack
from .program import Program
from .trace import quiet

OPSET = 18


def to_onnx(graph: torch.export.ExportedProgram, program: Program, path: Path, *, metadata: dict[str, str]) -> None:
    """Write the graph with its weights inside one file.

    Raises:
        MissingExtra: the ONNX libraries are not installed.
        InputError: an operator has no counterpart in ONNX.
    """
    require("onnx", "onnx", "export to onnx")
    require("onnxscript", "onnx", "export to onnx")
    try:
        with quiet():
            made = torch.onnx.export(
                graph,
                dynamo=True,
                opset_version=OPSET,
                verbose=False,
                optimize=False,
                input_names=list(program.inputs),
                output_names=list(program.outputs),
                dynamic_shapes=(tuple(dict(axes) for axes in program.dynamic),),
                custom_translation_table={torch.ops.aten.where.self: _where},
            )
    except torch.onnx.OnnxExporterError as error:
        raise InputError(f"this model has no counterpart in ONNX: {_cause(error)}") from error
    if made is None:
        raise InputError("the ONNX exporter gave nothing back")
    _tidy(made.model)
    made.model.metadata_props.update(metadata)
    made.save(path, external_data=False)
    _bare(path)


def _bare(path: Path) -> None:
    """Leave out the shapes between nodes: every engine finds them itself, and they are a tenth of a small file."""
    onnx: Any = require("onnx", "onnx", "export to onnx")
    model = onnx.load(path)
    del model.graph.value_info[:]
    onnx.save(model, path)


def quantise(source: Path, target: Path, *, calibration: Sequence[dict[str, Array]], scratch: Path) -> str:
    """Write the int8 form of an ONNX file, and say in a word how it was made.

    Raises:
        InputError: the program has 3-D convolutions, or nothing to quantise.
    """
    onnx: Any = require("onnx", "onnx", "export to int8")
    quantization: Any = require("onnxruntime.quantization", "onnx", "export to int8")
    model = onnx.load(source)
    kinds = {node.op_type for node in model.graph.node}
    if _solid(model):
        raise InputError("int8 would be slower for 3-D convolutions: leave --int8 out, and run openvino in bf16")
    if not kinds & {"Conv", "MatMul", "Gemm"}:
        raise InputError("there is no convolution and no matrix product to make int8 of: leave --int8 out")
    with _hushed():
        if "Conv" not in kinds:
            shutil.copyfile(source, target)
            return shut(target)
        ready = scratch / "ready.onnx"
        quantization.quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(ready),
            str(target),
            _Reader(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        )
    return "static int8 (QDQ)"


def shut(path: Path) -> str:
    """Pack the weights of a file into bytes, and say how many tensors that were."""
    onnx: Any = require("onnx", "onnx", "export with packed weights")
    model = onnx.load(path)
    packed = pack(model)
    onnx.save(model, path)
    return f"weights of {packed} tensors in int8, activations in f32"


class _Reader:
    """The calibration inputs in the form that ONNX Runtime asks for."""

    def __init__(self, cases: Sequence[dict[str, Array]]) -> None:
        self._rest: Iterator[dict[str, Array]] = iter(cases)

    def get_next(self) -> dict[str, Array] | None:
        return next(self._rest, None)


@contextmanager
def _hushed() -> Iterator[None]:
    """The quantiser logs advice through the root logger; that is heard again afterwards."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def _tidy(model: Any) -> None:
    """Fold constants and drop what nothing reads. The exporter's own optimiser takes twice as long to find little more:
    the pattern rewrites that it adds are made by every engine when it opens the file."""
    optimizer: Any = require("onnxscript.optimizer", "onnx", "export to onnx")
    passes: Any = require("onnx_ir.passes.common", "onnx", "export to onnx")
    passes.InlinePass()(model)
    for node in model.graph:
        node.metadata_props.clear()  # where each was traced: often more than the weights of a small network
    optimizer.fold_constants(model, onnx_shape_inference=True)
    _drop_zero_bias(model)
    for each in (
        passes.RemoveUnusedNodesPass(),
        passes.RemoveUnusedFunctionsPass(),
        passes.RemoveUnusedOpsetsPass(),
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.DeduplicateInitializersPass(),
        passes.CommonSubexpressionEliminationPass(),
        passes.OutputFixPass(),
        passes.NameFixPass(),
    ):
        each(model)


def _drop_zero_bias(model: Any) -> None:
    """A convolution without a bias is exported with one of zeros, whose shape is wrong in 3-D: engines refuse it."""
    for node in model.graph:
        bias = node.inputs[2] if node.op_type == "Conv" and len(node.inputs) > 2 else None
        if bias is not None and bias.const_value is not None and not bias.const_value.numpy().any():
            node.replace_input_with(2, None)


def _where(condition: Any, x: Any, y: Any) -> Any:
    """`torch.where`; ONNX Runtime has none for booleans, which are written in its stead as and, or, not."""
    op: Any = require("onnxscript", "onnx", "export to onnx").opset18
    if x.dtype is not None and x.dtype.name == "BOOL":
        return op.Or(op.And(condition, x), op.And(op.Not(condition), y))
    return op.Where(condition, x, y)


def _solid(model: Any) -> bool:
    """Whether some convolution has a weight with three spatial axes."""
    ranks = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer}
    return any(ranks.get(node.input[1]) == 5 for node in model.graph.node if node.op_type == "Conv")


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error
    lines = [line for line in str(cause).strip().splitlines() if line.strip()]
    return lines[0].strip() if lines else type(cause).__name__
