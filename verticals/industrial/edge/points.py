"""The point path as a program: the point expert's network for any number of cells; what is before it stays in NumPy.

Registration, deviation and the order along the curve are geometry, not a network: no engine runs them. What is exported
reads the cells of a scan that lies on its nominal part, sorted, padded to whole patches, with their neighbours.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ....core.encoders.points import PointsEncoder, PointsInput
from ....core.export.program import Program
from ....core.random import numpy_generator
from ....core.types import PointCloud
from ..points.expert import Reader, any_defect, strongest

INPUTS = ("values", "neighbours", "second", "back", "mask")
SHORT, LONG = 150, 400  # cells of the clouds that prove it


class Flat(nn.Module):
    """Log-odds of a defect by cell, and of any defect and each kind by scan."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader
        self.each = 4 ** (len(reader.config.dims) - 1)  # cells of a token; ONNX freezes what `repeat_interleave` counts

    def forward(
        self, values: Tensor, neighbours: Tensor, second: Tensor, back: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        reader = self.reader
        tokens = reader.encoder(PointsInput(values, neighbours, second, back), mask)
        up = reader.up(tokens.values)[:, :, None].expand(-1, -1, self.each, -1).flatten(1, 2)
        logits = reader.head(F.gelu(reader.own(values[:, :, 3:]) + up))
        return any_defect(logits), strongest(logits, mask)


def points_program(reader: Reader) -> Program:
    """The program of a point expert's network, with an open number of cells."""
    cases = {f"scan of {count} cells": _inputs(reader.encoder, count) for count in (SHORT, LONG)}
    return Program(
        module=Flat(reader),
        example=cases[f"scan of {LONG} cells"],
        inputs=INPUTS,
        outputs=("cells", "scan"),
        dynamic=tuple({0: "batch", 1: "cells"} for _ in INPUTS),
        cases=cases,
        notes={
            "before": "the scan is laid on the nominal part and gathered into cells (NumPy); cells in curve order, "
            f"padded to a multiple of {reader.config.multiple}, with indices of neighbours and of a second curve",
            "after": "log-odds of a defect by cell; of any defect, then of each kind, by scan",
        },
        processing=_processing(reader),
    )


def _inputs(encoder: PointsEncoder, count: int) -> tuple[Tensor, ...]:
    """Two clouds of different length."""
    generator, config = numpy_generator(0, f"cells {count}"), encoder.config
    clouds = [
        PointCloud(
            points=generator.normal(scale=config.scale / 3, size=(number, 3)),
            features=generator.normal(size=(number, config.features)).astype("float32"),
        )
        for number in (count, count - count // 3)
    ]
    x, mask = encoder.collate(clouds)
    return (*(each.contiguous() for each in x), mask)


def _processing(reader: Reader) -> dict[str, Any]:
    config = reader.config
    return {
        "cells": {"multiple": config.multiple, "neighbours": config.neighbours, "cell": config.cell},
        "order": "two space-filling curves; `second` is the other curve's order, `back` undoes it",
    }
