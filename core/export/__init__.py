"""From a trained model to a program other engines run, with proof of parity.

`write` makes a folder: the program (`model.onnx`, `model.xml` with `model.bin`, or `model.pt2`), `program.json` (what
goes in and out, precision, versions, digests, parity) and `fixtures.safetensors` (the cases that `check` runs again).
It appears whole or not at all, and not at all where the program does not equal eager for every subset of modalities.
"""

from __future__ import annotations

import dataclasses
import platform
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from ..digest import of_file
from ..engine.door import installed, start
from ..engine.folder import DESCRIPTION, FIXTURES, FORMAT, Description
from ..errors import ColonnadeError, InputError, MissingExtra, UnknownName
from ..result import Exported, dumps, plain, whole_folder
from ..version import __version__
from .check import ALONE, check, measure, refuse_above, save, worst_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

    from ..engine.base import Engine
    from ..types import Array
    from .program import Program

__all__ = ["FORMATS", "check", "write"]

FORMATS = {"onnx": "model.onnx", "openvino": "model.xml", "torch": "model.pt2"}
AUTO = "auto"
TURNS = 7  # in which the engines are timed
INT8_TOLERANCE = 0.1  # a share of the output's range; above it, an int8 program answers something else


def write(
    program: Program, *, task: str, out: Path, format: str = "onnx", int8: bool = False, packed: bool = False
) -> Exported:
    """Export a program into a folder and prove it equal to eager.

    "auto" takes the first format whose engines are installed (an ONNX file runs on two). Whatever the format, engines
    that were proven are timed, and the quickest is the one that `open_engine` will choose. `packed` keeps the weights
    of an ONNX file in bytes; where they were rounded to such steps before, nothing is lost (`shrink/weights.py`).

    Raises:
        UnknownName: a format that does not exist.
        MissingExtra: the libraries of the format, or an engine to prove it on, are not installed.
        InputError: the model cannot be exported this way or in this format, or the export differs from eager.
    """
    started = time.perf_counter()
    if format == AUTO:
        format = next((each for each in FORMATS if installed(each)), "onnx")
    if format not in FORMATS:
        raise UnknownName("export format", format, (AUTO, *FORMATS))
    int8 = int8 or program.precision == "int8"
    if int8 and format != "onnx" and program.precision != "int8":
        raise InputError(f"{task} cannot be written in int8 as {format}: int8 is made for --format onnx")
    if packed and format != "onnx":
        raise InputError(f"{task} cannot be written with packed weights as {format}: they are made for --format onnx")
    if not installed(format):
        raise MissingExtra(f"export to {format} needs an engine: pip install 'colonnade[{format}]'")
    with whole_folder(out) as aside:
        description = _fill(aside, program, task=task, format=format, precision=_precision(program, int8, packed))
        (aside / DESCRIPTION).write_text(dumps(plain(description)), encoding="utf-8")
        files = tuple(sorted(item.name for item in aside.iterdir()))
    return Exported(
        task=task,
        folder=str(out),
        format=format,
        files=files,
        precision=description.precision,
        parity=worst_of(description.parity.values()),
        seconds=round(time.perf_counter() - started, 3),
    )


def _precision(program: Program, int8: bool, packed: bool) -> str:
    """What the file computes in: "int8", "w8" (weights in bytes, numbers in f32) or "f32"."""
    return "int8" if int8 or program.precision == "int8" else "w8" if packed else "f32"


def _fill(aside: Path, program: Program, *, task: str, format: str, precision: str) -> Description:
    """Write program and fixtures, prove them, and describe them."""
    from .trace import ports, trace

    cases = _cases(program)
    graph = trace(program)
    how = _write_program(aside, graph, program, task=task, format=format, precision=precision)
    save(cases, aside / FIXTURES)
    inputs, outputs = ports(graph, program)
    notes = dict(program.notes) | ({"int8": how} if how else {})
    files = {item.name: of_file(item) for item in sorted(aside.iterdir())}
    description = Description(
        format=FORMAT,
        task=task,
        kind=format,
        program=FORMATS[format],
        precision=precision,
        inputs=inputs,
        outputs=outputs,
        notes=notes,
        tolerance=max(INT8_TOLERANCE, program.tolerance) if precision == "int8" else program.tolerance,
        parity={},
        versions=_versions(),
        files=files,
        processing=plain(program.processing),
    )
    return _proven(description, aside, cases)


def _write_program(
    aside: Path, graph: ExportedProgram, program: Program, *, task: str, format: str, precision: str
) -> str:
    """Write the file or files of the format; a word on how, for int8."""
    import torch

    from .onnx import quantise, shut, to_onnx

    target = aside / FORMATS[format]
    explicit = "explicit int8 (QDQ)" if program.precision == "int8" else ""
    if format == "torch":
        torch.export.save(graph, target)
        return explicit
    metadata = {
        "colonnade.task": task,
        "colonnade.version": __version__,
        "colonnade.precision": precision,
    }
    if format == "onnx" and (explicit or precision != "int8"):
        to_onnx(graph, program, target, metadata=metadata)
        return shut(target) if precision == "w8" else explicit
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "model.onnx"
        to_onnx(graph, program, source, metadata=metadata)
        if precision == "int8" and not explicit:
            calibration = [_named(program, tensors) for tensors in program.learned()]
            return quantise(source, target, calibration=calibration, scratch=Path(scratch))
        from ..engine.openvino import save_ir

        save_ir(source, target)
        return explicit


def _proven(
    description: Description, aside: Path, cases: dict[str, tuple[dict[str, Array], dict[str, Array]]]
) -> Description:
    """The description with the parity of every engine that passed; the first one to be asked must pass.

    A second engine that cannot run the program, or differs, is left out: `open_engine` will not choose it.
    """
    parity: dict[str, dict[str, float]] = {}
    failures: list[ColonnadeError] = []
    engines: dict[str, Engine] = {}
    for name in installed(description.kind):
        try:
            engines[name] = start(name, aside, description, precision=_ran(description), threads=1)
            found = measure(engines[name], cases)
            refuse_above(description.tolerance, found, what=f"{description.program} on {name}")
        except ColonnadeError as error:
            failures.append(error)
            continue
        parity[name] = found
    if not parity:
        raise failures[-1]
    spent = _timed({name: engines[name] for name in parity}, cases)
    parity = {name: parity[name] for name in sorted(parity, key=spent.__getitem__)}
    notes = dict(description.notes)
    if failures:
        notes["not proven"] = "; ".join(str(error) for error in failures)
    return dataclasses.replace(description, parity=parity, notes=notes, milliseconds=spent)


def _ran(description: Description) -> str:
    """Parity is of f32 computing; an engine is told where weights are packed."""
    return "w8" if description.precision == "w8" else "f32"


def _timed(engines: dict[str, Engine], cases: dict[str, tuple[dict[str, Array], dict[str, Array]]]) -> dict[str, float]:
    """Milliseconds by engine for one row of the largest case; engines take turns, and the quickest turn counts."""
    name = max((each for each in cases if each.endswith(ALONE)), key=len)
    inputs, _ = cases[name]
    spent: dict[str, list[float]] = {each: [] for each in engines}
    for _ in range(TURNS):
        for each, engine in engines.items():
            started = time.perf_counter()
            engine.run(inputs)
            spent[each].append(1000 * (time.perf_counter() - started))
    return {each: round(min(times), 4) for each, times in spent.items()}


def _cases(program: Program) -> dict[str, tuple[dict[str, Array], dict[str, Array]]]:
    """Inputs and eager outputs by subset, whole and with the first row alone."""
    cases = {}
    for name, tensors in program.cases.items():
        first = tuple(each[:1] if 0 in axes else each for each, axes in zip(tensors, program.dynamic, strict=True))
        for label, given in ((name, tensors), (name + ALONE, first)):
            inputs = _named(program, given)
            found = zip(program.outputs, program.eager(given), strict=True)
            cases[label] = (inputs, {port: each.detach().numpy() for port, each in found})
    return cases


def _named(program: Program, tensors: tuple[Tensor, ...]) -> dict[str, Array]:
    return {port: each.detach().contiguous().numpy() for port, each in zip(program.inputs, tensors, strict=True)}


def _versions() -> dict[str, str]:
    found = {"colonnade": __version__, "python": platform.python_version()}
    for name in ("torch", "onnx", "onnxscript", "onnxruntime", "openvino"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
