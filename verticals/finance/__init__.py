"""Finance: market risk. Importing this declares the tasks and loads no model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.vertical import Modality, Task, Vertical

if TYPE_CHECKING:
    from .pipeline import MarketRiskPipeline as MarketRiskPipeline


def _market_risk() -> type[MarketRiskPipeline]:
    from .pipeline import MarketRiskPipeline

    return MarketRiskPipeline


def _sample() -> Mapping[str, str | Path]:
    return {"prices": Path(__file__).parents[2] / "samples" / "finance" / "sp500.csv"}


market_risk = Task(
    name="finance/market-risk",
    summary="Forecast the volatility of a price series with intervals",
    answer="volatility by horizon (1 and 5 trading days) with conformal intervals, beside HAR and GARCH",
    modalities=(
        Modality(name="prices", noun="series", takes="CSV with date, open, high, low, close, volume"),
        Modality(name="news", noun="text", takes="text: today's headlines or tweets, one a line", inline=True),
    ),
    minimum=(("prices",),),
    pipeline=_market_risk,
    sample=_sample,
)

finance = Vertical(name="finance", summary="Market risk from prices and words", tasks=(market_risk,))


def __getattr__(name: str) -> Any:
    if name == "MarketRiskPipeline":
        return _market_risk()
    raise AttributeError(
        f"colonnade.verticals.finance has no {name!r}; it has MarketRiskPipeline, finance and market_risk"
    )
