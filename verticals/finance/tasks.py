"""The tasks of finance, declared: names, modalities, samples. Loads no model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.vertical import Modality, Task

if TYPE_CHECKING:
    from .assistant.pipeline import AssistantPipeline
    from .compliance.pipeline import CompliancePipeline
    from .fraud.pipeline import FraudPipeline
    from .market_risk.pipeline import MarketRiskPipeline
    from .notes.pipeline import NotesPipeline

SAMPLES = Path(__file__).parents[2] / "samples" / "finance"


def _market_risk() -> type[MarketRiskPipeline]:
    from .market_risk.pipeline import MarketRiskPipeline

    return MarketRiskPipeline


def _prices() -> Mapping[str, str | Path]:
    return {"prices": SAMPLES / "sp500.csv"}


market_risk = Task(
    name="finance/market-risk",
    summary="Forecast the volatility of a price series with intervals",
    answer="volatility by horizon (1 and 5 trading days) with conformal intervals, beside HAR and GARCH; what chart and"
    " call add, or that they add nothing measurable",
    modalities=(
        Modality(name="prices", noun="series", takes="CSV with date, open, high, low, close, volume"),
        Modality(name="news", noun="text", takes="text: today's headlines or tweets, one a line", inline=True),
        Modality(
            name="chart",
            noun="image",
            takes="PNG or JPEG of a candlestick chart (or --set chart=20: 20 days are drawn)",
        ),
        Modality(
            name="call",
            noun="waveform",
            takes="earnings call: folder with text.txt and features.csv (MAEC), or WAV or FLAC with its .txt beside",
        ),
    ),
    minimum=(("prices",),),
    pipeline=_market_risk,
    sample=_prices,
    governed=True,
)


def _assistant() -> type[AssistantPipeline]:
    from .assistant.pipeline import AssistantPipeline

    return AssistantPipeline


def _question() -> Mapping[str, str | Path]:
    return {
        "message": "Sorry, not 50 but 60 euros, and it was at a cash machine in Spain",
        "dialogue": SAMPLES / "dialogue.json",
        "articles": SAMPLES / "bank_articles.md",
    }


assistant = Task(
    name="finance/assistant",
    summary="Understand a bank's customer, answer from help pages, or hand over",
    answer="intent with probability and set, answer with cited lines of the help pages, state of the dialogue, summary",
    modalities=(
        Modality(name="message", noun="text", takes="text: what the customer says now", inline=True),
        Modality(name="dialogue", noun="text", takes="JSON list of earlier turns: speaker and text"),
        Modality(name="articles", noun="text", takes="Markdown help pages, a '## topic' each"),
    ),
    minimum=(("message",),),
    pipeline=_assistant,
    sample=_question,
    governed=True,
)


def _fraud() -> type[FraudPipeline]:
    from .fraud.pipeline import FraudPipeline

    return FraudPipeline


def _payments() -> Mapping[str, str | Path]:
    files = {"events": "payments_today", "history": "payments_before", "accounts": "accounts"}
    return {name: SAMPLES / f"{file}.csv" for name, file in files.items()}


fraud = Task(
    name="finance/fraud",
    summary="Score card payments as they come, with a decision and its reasons",
    answer="score: the calibrated probability of fraud with bounds; decision by cost or budget; at most four reasons",
    modalities=(
        Modality(
            name="events",
            noun="events",
            takes="payments to judge, by time: CSV (also .gz), Parquet or JSON lines with time, card, terminal, amount;"
            " text, device and fraud where known",
        ),
        Modality(name="history", noun="events", takes="earlier payments, with fraud where known, in the same formats"),
        Modality(name="text", noun="text", takes="merchant's text of the newest payment", inline=True),
        Modality(name="device", noun="text", takes="device fingerprint of the newest payment", inline=True),
        Modality(
            name="accounts",
            noun="table",
            takes="CSV (also .gz) or Parquet: a row a card, with any columns; opened, limit and words where known",
        ),
        Modality(name="labels", noun="table", takes="what was found of payments: id, fraud; known_at where known"),
    ),
    minimum=(("events",),),
    pipeline=_fraud,
    sample=_payments,
    governed=True,
)


def _notes() -> type[NotesPipeline]:
    from .notes.pipeline import NotesPipeline

    return NotesPipeline


def _filing() -> Mapping[str, str | Path]:
    return {
        "filing": SAMPLES / "filing.html",
        "questions": "What was the percentage change in total revenue from 2023 to 2024?\nWhat was the average of cash "
        "and cash equivalents in 2023 and 2024?\nWhy did cost of sales rise?",
    }


notes = Task(
    name="finance/notes",
    summary="Write a note on a filing whose numbers are recomputed and whose claims cite cells",
    answer="findings with the cells they cite, sentences of the text that the tables contradict, answers to questions",
    modalities=(
        Modality(name="filing", noun="table", takes="HTML, CSV with TXT beside it, a folder of them, or TAT-QA JSON"),
        Modality(name="prices", noun="series", takes="CSV with date, open, high, low, close, volume"),
        Modality(name="questions", noun="text", takes="text: questions on the filing, one a line", inline=True),
    ),
    minimum=(("filing",),),
    pipeline=_notes,
    sample=_filing,
    governed=True,
)


def _compliance() -> type[CompliancePipeline]:
    from .compliance.pipeline import CompliancePipeline

    return CompliancePipeline


def _bank() -> Mapping[str, str | Path]:
    bank = SAMPLES / "compliance"
    return {
        "payments": bank / "payments.csv",
        "entities": bank / "entities.json",
        "lists": bank / "lists.csv",
        "dossier": bank / "documents.txt",
    }


compliance = Task(
    name="finance/compliance",
    summary="Find typologies of money laundering in payments, with rule, evidence and what speaks against it",
    answer="alerts, the most urgent first: rule, clauses, evidence of 20 edges, counter-evidence, what is missing",
    modalities=(
        Modality(
            name="payments",
            noun="table",
            takes="CSV (also .gz) or Parquet: id, time, sender, receiver, amount, currency, channel, goods, quantity",
        ),
        Modality(
            name="entities",
            noun="graph",
            takes="JSON with parties, accounts and links, or a folder with parties.csv, accounts.csv and links.csv",
        ),
        Modality(
            name="lists",
            noun="table",
            takes="CSV or Parquet of dated entries: sanctions, pep, jurisdiction, price",
        ),
        Modality(
            name="dossier",
            noun="text",
            takes="text of documents: sections '## id | kind | party | date' with numbered clauses",
            inline=True,
        ),
    ),
    minimum=(("payments", "entities"),),
    pipeline=_compliance,
    sample=_bank,
    governed=True,
)
