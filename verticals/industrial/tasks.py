"""The tasks of industry, declared: names, modalities, samples. Loads no model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.vertical import Modality, Task

if TYPE_CHECKING:
    from .inspection.pipeline import InspectionPipeline


def _inspection() -> type[InspectionPipeline]:
    from .inspection.pipeline import InspectionPipeline

    return InspectionPipeline


def _sample() -> Mapping[str, str | Path]:
    folder = Path(__file__).parents[2] / "samples" / "industrial"
    return {
        "scan": folder / "scan.ply",
        "nominal": folder / "nominal.stl",
        "image": folder / "image.png",
        "sound": folder / "sound.wav",
    }


inspection = Task(
    name="industrial/inspection",
    summary="Inspect a part by its scan, its picture and its sound",
    answer="pass, reject or unmeasurable, with the deviation in mm, an anomaly map and a threshold with a promise",
    modalities=(
        Modality(name="scan", noun="points", takes="PLY, PCD, STL, OBJ, XYZ or NPZ, in mm"),
        Modality(name="nominal", noun="points", takes="the part as designed: STL, OBJ or PLY, in mm"),
        Modality(name="image", noun="image", takes="PNG, JPEG, TIFF or BMP"),
        Modality(name="sound", noun="waveform", takes="WAV or FLAC"),
    ),
    minimum=(("scan", "nominal"), ("image",), ("sound",)),
    pipeline=_inspection,
    sample=_sample,
)
