"""The routes of market risk, compliance and notes: a form comes in, `predict` answers, the page is told of the answer.

It translates HTTP to pipelines and back. One thing is computed at a time, as in `serve`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from ....core.errors import InputError, UnknownName
from ....core.pipeline import Pipeline
from ....core.result import Result, dumps
from ....core.serving.app import received, without_folder
from ..market_risk.pipeline import MarketRiskPipeline
from .market import told_evaluation, told_market
from .note import told_note
from .review import told_alert, told_review
from .sessions import Desks, Opened, answered

TASKS = {"market": "finance/market-risk", "compliance": "finance/compliance", "notes": "finance/notes"}
LEADS = {"market": "prices", "compliance": "payments", "notes": "filing"}  # the modality that names the view


def answer_routes(app: FastAPI, desks: Desks, by_task: Mapping[str, Pipeline]) -> None:
    """Everything but the stream."""
    _opening(app, desks, by_task)
    _documents(app, desks)

    @app.get("/desks/{key}/compliance/alerts/{number}")
    async def alert(key: str, number: int) -> Response:
        result = desks.get(key).view("compliance").result
        return JSONResponse(await anyio.to_thread.run_sync(told_alert, result, number))

    @app.post("/desks/{key}/market/evaluation")
    async def evaluation(key: str) -> Response:
        opened = desks.get(key).view("market")
        pipeline, prices = served(by_task, "market"), opened.given["prices"]
        with without_folder(Path(prices).parent):
            made = await anyio.to_thread.run_sync(pipeline.evaluate, prices, limiter=app.state.turn)
        return JSONResponse(told_evaluation(made))


def served(by_task: Mapping[str, Pipeline], view: str) -> Pipeline:
    """The pipeline behind a view.

    Raises:
        UnknownName: no such view, or a server without its task.
    """
    if view not in TASKS or TASKS[view] not in by_task:
        raise UnknownName("view", view, [name for name in TASKS if TASKS[name] in by_task])
    return by_task[TASKS[view]]


def _opening(app: FastAPI, desks: Desks, by_task: Mapping[str, Pipeline]) -> None:
    async def opened(
        key: str, view: str, given: dict[str, Any], names: dict[str, str], folder: Path, *, sample: bool
    ) -> Response:
        desk, pipeline = desks.get(key), served(by_task, view)
        with without_folder(folder):
            result = await anyio.to_thread.run_sync(answered, pipeline, given, names, limiter=app.state.turn)
        name = names.get(LEADS[view], LEADS[view])
        told = await anyio.to_thread.run_sync(_told, pipeline, view, result, name, limiter=app.state.turn)
        told |= {"view": view, "sample": sample}
        desk.put(view, Opened(result=result, given=given, folder=folder, sample=sample, told=told))
        return JSONResponse(told, status_code=201)

    @app.post("/desks/{key}/{view}")
    async def open_files(key: str, view: str, request: Request) -> Response:
        folder = desks.get(key).place()
        try:
            pipeline = served(by_task, view)
            with without_folder(folder):
                given, names = await received(pipeline.task, request, folder)
            return await opened(key, view, given, names, folder, sample=False)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @app.post("/desks/{key}/{view}/sample")
    async def open_sample(key: str, view: str) -> Response:
        sample = served(by_task, view).task.sample
        if sample is None:
            raise InputError(f"no sample ships with {view}: open files of your own")
        given = dict(sample())
        names = {name: value.name for name, value in given.items() if isinstance(value, Path)}
        return await opened(key, view, given, names, desks.get(key).place(), sample=True)

    @app.get("/desks/{key}/{view}")
    async def again(key: str, view: str) -> Response:
        served(by_task, view)
        return JSONResponse(desks.get(key).view(view).told)


def _told(pipeline: Pipeline, view: str, result: Result, name: str) -> dict[str, Any]:
    if view == "market":
        return told_market(cast(MarketRiskPipeline, pipeline), result, name=name)
    return (told_review if view == "compliance" else told_note)(result, name=name)


def _documents(app: FastAPI, desks: Desks) -> None:
    @app.get("/desks/{key}/{view}/report")
    async def report(key: str, view: str) -> Response:
        made = desks.get(key).view(view).result.report
        if made is None:
            raise InputError(f"{view} writes no report")
        return HTMLResponse(await anyio.to_thread.run_sync(made.html))

    @app.get("/desks/{key}/{view}/result.json")
    async def answer(key: str, view: str) -> Response:
        result = desks.get(key).view(view).result
        text = await anyio.to_thread.run_sync(lambda: dumps(result.to_dict()))
        headers = {"content-disposition": f'attachment; filename="{view}.json"'}
        return Response(text, media_type="application/json", headers=headers)
