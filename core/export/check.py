"""Proof that an exported program equals eager: for every subset of modalities, on every engine, now or years later.

The difference of two outputs is their largest distance as a share of the largest value of that output (at least 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ..engine.base import Engine
from ..engine.door import ENGINES, installed, start
from ..engine.folder import FIXTURES, Description, describe
from ..errors import CheckpointError, InputError, UnknownName
from ..types import Array

Arrays = Mapping[str, Array]
Cases = Mapping[str, tuple[Arrays, Arrays]]  # subset to inputs and expected outputs
ALONE = " (one row)"  # a case's first row by itself: proof that the batch is not frozen


def check(folder: str | Path, engine: str | None = None) -> dict[str, dict[str, float]]:
    """Run the stored cases again on one engine, or on every one that is installed; differences by engine and subset.

    Raises:
        CheckpointError: the folder is not whole, or a difference is above what the export promised.
        InputError: no such engine, or none for this kind of program is installed.
    """
    description, folder = describe(folder), Path(folder)
    if engine is not None and engine not in ENGINES:
        raise UnknownName("engine", engine, ENGINES)
    names = [name for name in installed(description.kind) if engine in (None, name) and name in description.parity]
    if not names:
        raise InputError(f"none of the engines proven for {folder} is installed: {', '.join(description.parity)}")
    cases = load(folder / FIXTURES)
    found = {}
    for name in names:
        opened = start(name, folder, description, precision=_precision(name, description), threads=None)
        found[name] = measure(opened, cases)
        worst = max(found[name], key=found[name].__getitem__)
        allowed = max(description.tolerance, 2 * description.parity[name].get(worst, 0.0))
        if not found[name][worst] <= allowed:
            raise CheckpointError(
                f"{folder} on {name} differs from eager by {found[name][worst]:.2g} for {worst}, "
                f"and {allowed:.2g} was promised: export it again with the versions installed here"
            )
    return found


def measure(engine: Engine, cases: Cases) -> dict[str, float]:
    """The largest difference over outputs, by subset."""
    found: dict[str, float] = {}
    for name, (inputs, expected) in cases.items():
        made = engine.run(inputs)
        worst = max(difference(made[output], expected[output]) for output in expected)
        subset = name.removesuffix(ALONE)
        found[subset] = max(found.get(subset, 0.0), worst)
    return found


def difference(made: Array, expected: Array) -> float:
    """The largest distance, as a share of the largest value expected (at least 1); infinite where shapes differ."""
    if made.shape != expected.shape:
        return float("inf")
    if not expected.size:
        return 0.0
    finite = np.isfinite(expected)
    if not (np.isfinite(made) == finite).all() or not np.array_equal(made[~finite], expected[~finite], equal_nan=True):
        return float("inf")
    made, expected = np.where(finite, made, 0).astype(np.float64), np.where(finite, expected, 0).astype(np.float64)
    return float(np.abs(made - expected).max() / max(1.0, np.abs(expected).max()))


def save(cases: Cases, path: Path) -> None:
    """The cases as one safetensors file, so that anyone can check the program again."""
    from safetensors.numpy import save_file

    tensors: dict[str, Array] = {}
    for number, (name, sides) in enumerate(cases.items()):
        for side, arrays in zip(("in", "out"), sides, strict=True):
            tensors |= {f"{number:03}/{name}/{side}/{key}": np.ascontiguousarray(each) for key, each in arrays.items()}
    save_file(tensors, path)


def load(path: Path) -> dict[str, tuple[dict[str, Array], dict[str, Array]]]:
    """What `save` wrote.

    Raises:
        CheckpointError: the file is missing or not whole.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{path} does not hold the cases of an export: {error}") from error
    cases: dict[str, tuple[dict[str, Array], dict[str, Array]]] = {}
    for key in sorted(tensors):
        _, name, side, port = key.split("/", 3)
        cases.setdefault(name, ({}, {}))[side == "out"][port] = tensors[key]
    return cases


def refuse_above(tolerance: float, parity: Mapping[str, float], *, what: str) -> None:
    """Raise where a difference is not below the tolerance, naming the worst subset."""
    worst = max(parity, key=parity.__getitem__)
    if not parity[worst] <= tolerance:
        raise InputError(
            f"{what} differs from eager by {parity[worst]:.2g} for {worst}, more than the {tolerance:.2g} allowed: "
            "an export that answers something else is not kept"
        )


def worst_of(parities: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The largest difference of each subset over engines."""
    found: dict[str, float] = {}
    for parity in parities:
        found |= {name: max(value, found.get(name, 0.0)) for name, value in parity.items()}
    return found


def _precision(engine: str, description: Description) -> str:
    """Parity was measured in f32 (or in the int8 of the file), whatever hint the program is to be run with."""
    return "f32" if description.precision == "int8" and engine == "openvino" else description.precision
