"""One door to the engines: a folder that `export` wrote becomes something that runs, on the best engine installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError, MissingExtra, UnknownName
from .base import Engine
from .eager import Eager
from .folder import Description, describe
from .onnxruntime import OnnxRuntime
from .openvino import OpenVino

ENGINES = {"openvino": ("openvino", "onnx"), "onnxruntime": ("onnx",), "torch": ("torch",)}  # the quickest first
PRECISIONS = ("f32", "bf16")


def open_engine(
    folder: str | Path, engine: str = "auto", *, precision: str | None = None, threads: int | None = None
) -> Engine:
    """Open an exported folder. "auto" takes the quickest installed engine whose parity was proven at export.

    `precision` None is the one that was exported; "bf16" asks OpenVINO for its hint.

    Raises:
        CheckpointError: the folder is not a whole export.
        UnknownName: an engine or precision that does not exist.
        InputError: an engine that cannot run this kind of program, or not in this precision.
        MissingExtra: no engine that can run it is installed.
    """
    if engine not in ("auto", *ENGINES):
        raise UnknownName("engine", engine, ("auto", *ENGINES))
    if precision not in (None, *PRECISIONS):
        raise UnknownName("precision", precision, PRECISIONS)
    description = describe(folder)
    chosen = _choose(description) if engine == "auto" else engine
    if description.kind not in ENGINES[chosen]:
        able = [name for name, kinds in ENGINES.items() if description.kind in kinds]
        raise InputError(f"{folder} is {description.kind}, which {chosen} cannot run: take {' or '.join(able)}")
    return start(chosen, Path(folder), description, precision=precision or description.precision, threads=threads)


def start(engine: str, folder: Path, description: Description, *, precision: str, threads: int | None) -> Engine:
    """The engine of that name on a folder already described."""
    path = folder / description.program
    if precision == "bf16" and engine != "openvino":
        raise InputError(f"bf16 is a hint to OpenVINO; {engine} computes in f32")
    inputs = tuple(port.name for port in description.inputs)
    outputs = tuple(port.name for port in description.outputs)
    if engine == "openvino":
        return OpenVino(path, inputs=inputs, outputs=outputs, precision=precision, threads=threads)
    if engine == "onnxruntime":
        return OnnxRuntime(path, precision=precision, threads=threads)
    return Eager(path, inputs=inputs, outputs=outputs)


def installed(kind: str) -> tuple[str, ...]:
    """The engines that can run a program of this kind here, the quickest first."""
    return tuple(name for name, kinds in ENGINES.items() if kind in kinds and find_spec(name) is not None)


def _choose(description: Description) -> str:
    here = installed(description.kind)
    proven = [name for name in description.parity if name in here]  # the quickest first, as measured at export
    if proven:
        return proven[0]
    extra = "openvino" if description.kind == "openvino" else "onnx"
    raise MissingExtra(f"no engine proven for this program is installed: pip install 'colonnade[{extra}]'")
