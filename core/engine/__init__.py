"""One door to the engines that run an exported program: torch, OpenVINO and ONNX Runtime."""

from __future__ import annotations

from .base import Engine
from .door import open_engine

__all__ = ["Engine", "open_engine"]
