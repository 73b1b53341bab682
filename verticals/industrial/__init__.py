"""Industry: inspection of parts. Importing this declares the tasks and loads no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.vertical import Vertical
from . import tasks

if TYPE_CHECKING:
    from .inspection.pipeline import InspectionPipeline as InspectionPipeline

PIPELINES = {"InspectionPipeline": tasks.inspection}

industrial = Vertical(name="industrial", summary="Inspection of parts", tasks=(tasks.inspection,))


def __getattr__(name: str) -> Any:
    if name in PIPELINES:
        return PIPELINES[name].pipeline()
    raise AttributeError(
        f"colonnade.verticals.industrial has no {name!r}; it has industrial and {', '.join(PIPELINES)}"
    )
