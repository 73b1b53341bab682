"""The tasks of finance, declared: names, modalities, samples. Loads no model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.vertical import Modality, Task

if TYPE_CHECKING:
    from .market_risk.pipeline import MarketRiskPipeline

SAMPLES = Path(__file__).parents[2] / "samples" / "finance"


def _market_risk() -> type[MarketRiskPipeline]:
    from .market_risk.pipeline import MarketRiskPipeline

    return MarketRiskPipeline


def _prices() -> Mapping[str, str | Path]:
    return {"prices": SAMPLES / "sp500.csv"}


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
    sample=_prices,
)
