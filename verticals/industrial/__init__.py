"""Industry: inspection of parts. Importing this declares the tasks and loads no model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.vertical import Modality, Task, Vertical

if TYPE_CHECKING:
    from .pipeline import InspectionPipeline as InspectionPipeline


def _inspection() -> type[InspectionPipeline]:
    from .pipeline import InspectionPipeline

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

industrial = Vertical(name="industrial", summary="Inspection of parts", tasks=(inspection,))


def __getattr__(name: str) -> Any:
    if name == "InspectionPipeline":
        return _inspection()
    raise AttributeError(
        f"colonnade.verticals.industrial has no {name!r}; it has InspectionPipeline, industrial, inspection"
    )
