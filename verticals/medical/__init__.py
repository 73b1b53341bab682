"""Medicine: nodules on chest CT. Importing this declares the tasks and loads no model."""

from __future__ import annotations

from collections.abc import Mapping
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
    return {"ct": folder / "ct.nrrd", "indication": "Nodule seen on a chest radiograph."}


nodules = Task(
    name="medical/nodules",
    summary="Find, outline and measure nodules on a chest CT",
    answer="findings in patient millimetres (RAS), each with mask, diameter, volume, score and interval",
    modalities=(
        Modality(name="ct", noun="volume", takes="DICOM folder, NIfTI, NRRD or MHA"),
        Modality(name="indication", noun="text", takes="text: why the scan was made", inline=True),
    ),
    minimum=(("ct",),),
    pipeline=_nodules,
    sample=_sample,
)

medical = Vertical(name="medical", summary="Nodules on chest CT", tasks=(nodules,))


def __getattr__(name: str) -> Any:
    if name == "NodulePipeline":
        return _nodules()
    raise AttributeError(f"colonnade.verticals.medical has no {name!r}; it has NodulePipeline, medical and nodules")
