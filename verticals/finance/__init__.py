"""Finance: market risk. Importing this declares the tasks and loads no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.vertical import Vertical
from . import tasks

if TYPE_CHECKING:
    from .market_risk.pipeline import MarketRiskPipeline as MarketRiskPipeline

PIPELINES = {"MarketRiskPipeline": tasks.market_risk}

finance = Vertical(name="finance", summary="Market risk from prices and words", tasks=(tasks.market_risk,))


def __getattr__(name: str) -> Any:
    if name in PIPELINES:
        return PIPELINES[name].pipeline()
    raise AttributeError(f"colonnade.verticals.finance has no {name!r}; it has finance and {', '.join(PIPELINES)}")
