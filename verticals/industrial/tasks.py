"""The tasks of industry, declared: names, modalities, samples. Loads no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.vertical import Modality, Running, Task
from .line.options import OPTIONS as LINE

if TYPE_CHECKING:
    from .inspection.pipeline import InspectionPipeline
    from .maintenance.pipeline import MaintenancePipeline


def _inspection() -> type[InspectionPipeline]:
    from .inspection.pipeline import InspectionPipeline

    return InspectionPipeline


def _line() -> Callable[[Path | None, Path, Mapping[str, Any]], dict[str, Any]]:
    from .line.command import run

    return run


def _shrink() -> Callable[[Path | None, Path, Path, Mapping[str, Any]], dict[str, Any]]:
    from .edge.command import run

    return run


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
    line=Running(options=LINE, start=_line),
    shrinking=_shrink,
)


def _maintenance() -> type[MaintenancePipeline]:
    from .maintenance.pipeline import MaintenancePipeline

    return MaintenancePipeline


def _machine() -> Mapping[str, str | Path]:
    folder = Path(__file__).parents[2] / "samples" / "industrial" / "maintenance"
    return {
        "sensors": folder / "sensors.txt",
        "vibration": folder / "vibration.wav",
        "machine": folder / "machine.json",
    }


maintenance = Task(
    name="industrial/maintenance",
    summary="Say how long a machine lasts and what is wrong, from its sensors and its vibration",
    answer="remaining life with an interval, health index, bearing fault, and whether to act, to plan or to run on",
    modalities=(
        Modality(name="sensors", noun="series", takes="C-MAPSS text, CSV or Parquet, one row a cycle, of one machine"),
        Modality(name="vibration", noun="waveform", takes="WAV or FLAC, 12 kHz or more, a second or longer"),
        Modality(name="machine", noun="table", takes="JSON or CSV: rpm, balls, ball_mm, pitch_mm, contact_deg, age"),
    ),
    minimum=(("sensors",), ("vibration",)),
    pipeline=_maintenance,
    sample=_machine,
)
