"""What computes the windows: torch, or the detector exported to OpenVINO where that is quicker. It knows no scans.

Torch in bfloat16 is the quickest where the processor has it (a window of 64 voxels on one core of an AMD EPYC with
avx512_bf16: 41 ms, OpenVINO 51). Without bfloat16 OpenVINO in float32 takes 110 ms and torch 402, and an export, with
the proof that it equals torch, takes 7 s: it pays from some tens of windows on.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from weakref import WeakKeyDictionary

import torch

from ....core.engine import Engine, open_engine
from ....core.export import write
from ....core.export.program import Program
from ....core.training.precision import device_of, supported
from .detector import Detector, exportable

PAYS = 40  # windows from which an export is made
TASK = "medical/nodules"


@dataclass(frozen=True, kw_only=True, eq=False)
class Exported:
    """An opened export and the state of the weights that it was made from."""

    engine: Engine
    state: tuple[tuple[int, int], ...]


_exported: WeakKeyDictionary[Detector, Exported] = WeakKeyDictionary()


def engine_for(detector: Detector, *, windows: int, size: int) -> Engine | None:
    """OpenVINO for so many windows of `size` voxels a side, or None: torch."""
    if windows < PAYS or not pays(detector):
        return None
    known = _exported.get(detector)
    if known is None or known.state != _state(detector):
        known = Exported(engine=exported(detector, size=size), state=_state(detector))
        _exported[detector] = known
    return known.engine


def pays(detector: Detector) -> bool:
    """Whether an exported program is quicker here."""
    device = device_of(detector)
    return device.type == "cpu" and not supported(device) and all(map(find_spec, ("openvino", "onnx", "onnxscript")))


def exported(detector: Detector, *, size: int, precision: str = "f32") -> Engine:
    """The detector as an OpenVINO program for windows of `size` voxels a side, proven equal to torch in float32.

    Raises:
        MissingExtra: OpenVINO or the ONNX libraries are not installed.
        InputError: the program differs from torch.
    """
    lines = torch.linspace(-1, 1, size)
    ball = ((lines[:, None, None] ** 2 + lines[:, None] ** 2 + lines**2) < 0.1).float() * 1.4 - 0.8
    example = torch.stack([ball, torch.full((size, size, size), -0.8)])[:, None].contiguous()
    program = Program(
        module=exportable(detector), example=(example,), inputs=("ct",), outputs=("logit",), dynamic=({0: "batch"},),
        cases={"ct": (example,)},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        write(program, task=TASK, out=Path(place) / "program", format="openvino")
        threads = torch.get_num_threads()
        return open_engine(Path(place) / "program", "openvino", precision=precision, threads=threads)


def precision_of(detector: Detector, *, windows: int) -> str:
    """Engine and numbers that so many windows are computed in, in words for a result."""
    if windows >= PAYS and pays(detector):
        return "openvino f32"
    return "torch bf16" if supported(device_of(detector)) else "torch f32"


def _state(detector: Detector) -> tuple[tuple[int, int], ...]:
    """Changes whenever a weight is trained, loaded or replaced."""
    return tuple((each.data_ptr(), each._version) for each in detector.parameters())
