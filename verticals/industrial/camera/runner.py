"""Runs a detector: by torch for the first photographs, then by OpenVINO where it is installed, since its start costs
seconds and each photograph a third as much. Where requests wait it starts beside them, so that none of them stalls;
elsewhere at a fixed photograph, so that results can be repeated bit for bit. It knows nothing of photographs.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from threading import Thread
from typing import final

import numpy as np
import torch

from ....core.types import Array
from .head import Detector

EAGER = 4  # photographs before an engine is worth its start


@final
class Runner:
    """`precision` is OpenVINO's: "f32", or "bf16" (twice as fast, logits within about a fiftieth)."""

    def __init__(self, model: Detector, precision: str = "f32") -> None:
        self._model = model.eval()
        self._precision = precision
        self._seen = 0
        self._engine: Callable[[Array], Array] | None = None
        self._starting: Thread | None = None
        self.beside = False  # whether requests wait

    @property
    def engine(self) -> str:
        return "torch" if self._engine is None else "openvino"

    def __call__(self, pixels: Array) -> Array:
        """Logits `[batch, 1, row, column]` of pixels `[batch, channel, height, width]`."""
        if self._engine is None and self._seen >= (1 if self.beside else EAGER) and find_spec("openvino") is not None:
            self._begin(pixels)
        self._seen += 1
        if self._engine is not None:
            return self._engine(pixels)
        with torch.no_grad():
            return np.asarray(self._model(torch.from_numpy(pixels)).numpy())

    def _begin(self, pixels: Array) -> None:
        if not self.beside:
            self.wait()
            if self._engine is None:
                self.start(pixels)
        elif self._starting is None:
            self._starting = Thread(target=self.start, args=(pixels.copy(),), name="compiling the detector")
            self._starting.start()

    def wait(self) -> None:
        """Until an engine that starts beside requests is ready."""
        if self._starting is not None:
            self._starting.join()

    def start(self, pixels: Array) -> None:
        """Compile now, for photographs like these."""
        from ....core.engine.openvino import compile_module

        self._engine = compile_module(self._model, torch.from_numpy(pixels), precision=self._precision, threads=1)
