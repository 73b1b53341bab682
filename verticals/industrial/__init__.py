"""Industry: inspection of parts, maintenance of machines. Importing this declares the tasks and loads no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...core.vertical import Vertical
from . import tasks

if TYPE_CHECKING:
    from .inspection.pipeline import InspectionPipeline as InspectionPipeline
    from .maintenance.pipeline import MaintenancePipeline as MaintenancePipeline

PIPELINES = {"InspectionPipeline": tasks.inspection, "MaintenancePipeline": tasks.maintenance}


def _app(pipelines: Sequence[Any]) -> Any:
    from .station.app import application

    return application(list(pipelines))


industrial = Vertical(
    name="industrial",
    summary="Inspection of parts, maintenance of machines",
    tasks=(tasks.inspection, tasks.maintenance),
    app=_app,
)


def __getattr__(name: str) -> Any:
    if name in PIPELINES:
        return PIPELINES[name].pipeline()
    raise AttributeError(
        f"colonnade.verticals.industrial has no {name!r}; it has industrial and {', '.join(PIPELINES)}"
    )
