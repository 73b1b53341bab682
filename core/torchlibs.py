"""Makes `import torchvision` and `import torchaudio` work beside a torch for which their compiled parts were not built.

The registry's wheels of both are built for CUDA. Where their compiled parts load, nothing here has any effect.
Everything in Colonnade that needs timm, torchvision or torchaudio imports them through this file.
"""

from __future__ import annotations

import importlib
import sys
import types
from types import ModuleType

import torch

_SCHEMAS = (
    ("torchvision::nms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"),
    ("torchvision::qnms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"),
)


def import_torchvision() -> ModuleType:
    """torchvision; without its compiled parts, transforms and models work and `ops.nms` does not."""
    if "torchvision" not in sys.modules:
        try:
            return importlib.import_module("torchvision")
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise
        _forget("torchvision")
        for name, schema in _SCHEMAS:
            if not _defined(name):
                torch.library.define(name, schema)
    return importlib.import_module("torchvision")


def import_torchaudio() -> ModuleType:
    """torchaudio; without its compiled parts, transforms work and its readers do not (use soundfile)."""
    if "torchaudio" not in sys.modules:
        try:
            return importlib.import_module("torchaudio")
        except OSError:
            _forget("torchaudio")
        absent = types.ModuleType("torchaudio._extension")
        absent._IS_TORCHAUDIO_EXT_AVAILABLE = False  # type: ignore[attr-defined]
        absent._IS_RIR_AVAILABLE = False  # type: ignore[attr-defined]
        absent._IS_ALIGN_AVAILABLE = False  # type: ignore[attr-defined]
        absent.fail_if_no_align = _no_compiled_part  # type: ignore[attr-defined]
        sys.modules["torchaudio._extension"] = absent
    return importlib.import_module("torchaudio")


def import_timm() -> ModuleType:
    """timm, whose transforms need torchvision."""
    import_torchvision()
    return importlib.import_module("timm")


def _defined(name: str) -> bool:
    space, operator = name.split("::")
    return hasattr(getattr(torch.ops, space), operator)


def _forget(package: str) -> None:
    """Drop a half-finished import so that it can start anew."""
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def _no_compiled_part(function: object) -> object:
    """Stands where torchaudio marks functions that need its compiled alignment part."""
    return function
