"""Medicine: nodules on chest CT. Importing this declares the tasks and loads no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.vertical import Modality, Task, Vertical

if TYPE_CHECKING:
    from .pipeline import NodulePipeline as NodulePipeline


def _nodules() -> type[NodulePipeline]:
    from .pipeline import NodulePipeline

    return NodulePipeline


def _sample() -> Mapping[str, str | Path]:
    folder = Path(__file__).parents[2] / "samples" / "medical"
    words = "Nodule seen on a chest radiograph."
    return {"ct": folder / "ct.nrrd", "indication": words, "patient": folder / "patient.json"}


nodules = Task(
    name="medical/nodules",
    summary="Find, outline and measure nodules on a chest CT",
    answer="findings in patient millimetres (RAS), each with mask, diameter, volume, score and interval; changes since "
    "the earlier CT; what the guidelines say, with the proof",
    modalities=(
        Modality(name="ct", noun="volume", takes="DICOM folder, NIfTI, NRRD or MHA"),
        Modality(name="indication", noun="text", takes="text: why the scan was made", inline=True),
        Modality(
            name="patient", noun="table", takes="clinical table: JSON or CSV with one row (age, sex, pack_years ...)"
        ),
        Modality(name="earlier", noun="volume", takes="earlier CT of the same patient, in the formats of ct"),
    ),
    minimum=(("ct",),),
    pipeline=_nodules,
    sample=_sample,
)


def _app(pipelines: Sequence[Any]) -> Any:
    from .viewer.app import application

    return application(list(pipelines))


medical = Vertical(name="medical", summary="Nodules on chest CT", tasks=(nodules,), app=_app)


def __getattr__(name: str) -> Any:
    if name == "NodulePipeline":
        return _nodules()
    raise AttributeError(f"colonnade.verticals.medical has no {name!r}; it has NodulePipeline, medical and nodules")
