"""Finance: card fraud, market risk, notes, a bank's assistant, compliance. Importing this loads no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...core.vertical import Vertical
from . import tasks

if TYPE_CHECKING:
    from .assistant.pipeline import AssistantPipeline as AssistantPipeline
    from .compliance.pipeline import CompliancePipeline as CompliancePipeline
    from .fraud.pipeline import FraudPipeline as FraudPipeline
    from .market_risk.pipeline import MarketRiskPipeline as MarketRiskPipeline
    from .notes.pipeline import NotesPipeline as NotesPipeline

PIPELINES = {
    "FraudPipeline": tasks.fraud,
    "CompliancePipeline": tasks.compliance,
    "MarketRiskPipeline": tasks.market_risk,
    "NotesPipeline": tasks.notes,
    "AssistantPipeline": tasks.assistant,
}


def _app(pipelines: Sequence[Any]) -> Any:
    from .desk.app import application

    return application(list(pipelines))


finance = Vertical(
    name="finance",
    summary="Card fraud, market risk, notes on filings, a bank's assistant, compliance of payments",
    tasks=(tasks.fraud, tasks.market_risk, tasks.notes, tasks.assistant, tasks.compliance),
    app=_app,
)


def __getattr__(name: str) -> Any:
    if name in PIPELINES:
        return PIPELINES[name].pipeline()
    raise AttributeError(f"colonnade.verticals.finance has no {name!r}; it has finance and {', '.join(PIPELINES)}")
