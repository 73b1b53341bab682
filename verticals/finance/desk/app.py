"""`colonnade app finance`: a desk with four views on one page: card payments as they come, market risk, alerts, notes.

    POST   /desks                        a session -> {id};  GET /desks/ID what is open in it;  DELETE closes it
    POST   /desks/ID/stream              a form as for /v1/finance/fraud (?warm=.8), or /stream/sample
    GET    /desks/ID/stream/events       server-sent events: payments as they are scored (?rate=10&after=0)
    POST   /desks/ID/stream/labels       {id, fraud}: a person's verdict on an alert;  /policy {alerts} or {costs}
    GET    /desks/ID/stream/card, scores.csv
    POST   /desks/ID/market, compliance, notes        forms as for /v1/..., or /sample;  GET the view again
    POST   /desks/ID/market/evaluation   `evaluate` on the open series
    GET    /desks/ID/compliance/alerts/N
    GET    /desks/ID/VIEW/report, result.json

It puts the routes together and serves the page; what is behind them is in live.py and answers.py.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response

from ....core.pipeline import Pipeline
from ....core.serving.app import UPLOAD_LIMIT
from ....core.serving.app import application as serving
from ....core.serving.page import add_held, add_page
from .answers import answer_routes
from .live import stream_routes
from .sessions import Desks

PAGE = Path(__file__).parent / "page"
FILES = {
    "desk.css": "text/css",
    **{f"{name}.js": "text/javascript" for name in ("desk", "stream", "market", "compliance", "notes")},
}
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'"


def application(
    pipelines: Sequence[Pipeline], *, desks: Desks | None = None, upload_limit: int = UPLOAD_LIMIT
) -> FastAPI:
    """The serving application with the desk at its root."""
    app = serving(pipelines, upload_limit=upload_limit)
    held = desks if desks is not None else Desks()
    by_task = {pipeline.task.name: pipeline for pipeline in pipelines}
    add_held(app, held)
    _frozen(app)
    add_page(app, PAGE, FILES, policy=POLICY)
    _sessions(app, held)
    stream_routes(app, held, by_task)
    answer_routes(app, held, by_task)
    return app


def _frozen(app: FastAPI) -> None:
    """Models and libraries stay: looking through them again would hold the stream up."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(served: FastAPI) -> AsyncIterator[Any]:
        gc.collect()
        gc.freeze()
        async with inner(served) as state:
            yield state
        gc.unfreeze()

    app.router.lifespan_context = lifespan


def _sessions(app: FastAPI, desks: Desks) -> None:
    @app.post("/desks", status_code=201)
    async def begin() -> dict[str, Any]:
        return {"id": desks.open(), "kept_minutes": desks.kept / 60}

    @app.get("/desks/{key}")
    async def opened(key: str) -> dict[str, Any]:
        desk = desks.get(key)
        return {"id": key, "open": [*(["stream"] if desk.replay is not None else []), *desk.views]}

    @app.delete("/desks/{key}")
    async def close(key: str) -> Response:
        desks.close(key)
        return Response(status_code=204)
