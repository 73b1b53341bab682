"""The routes of the stream: payments are opened, played as server-sent events, and judged by a person.

A connection lasts a few seconds and the page takes up where it ended, so that a server can stop while a page is open.
Every payment told has its place, so that none is lost or told twice. It scores nothing: `replay` does.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from ....core.errors import FormatError, InputError, UnknownName
from ....core.pipeline import Pipeline
from ....core.result import plain
from ....core.serving.app import received, without_folder
from ....core.serving.held import Closed
from ....core.serving.page import asked_of
from ..fraud.pipeline import FraudPipeline
from ..fraud.records import DAY
from ..fraud.scoring import Costs
from ..fraud.sources import Payments
from .cutting import parted
from .replay import Replay
from .sessions import Desk, Desks

TASK = "finance/fraud"
TAKES = ("events", "history", "accounts")
LONGEST = 5.0  # seconds of one connection
TICK, SAID = 0.05, 0.4  # seconds between two looks at the clock, and between two states told
AT_ONCE = 64  # payments scored or told in one go
FASTEST = 5000.0  # payments a second
LATEST = 80  # payments that are told when a page comes back
SAMPLE_DAYS = 7  # of the shipped sample that are played; the days before warm the state up


def stream_routes(app: FastAPI, desks: Desks, by_task: Mapping[str, Pipeline]) -> None:
    """Everything of the stream."""
    _opening(app, desks, by_task)
    _playing(app, desks)
    _judging(app, desks)


def _opening(app: FastAPI, desks: Desks, by_task: Mapping[str, Pipeline]) -> None:
    async def opened(
        desk: Desk, given: dict[str, Any], names: dict[str, str], folder: Path, warm: float | None
    ) -> Response:
        pipeline = cast(FraudPipeline, by_task[TASK])
        with without_folder(folder):
            replay = await anyio.to_thread.run_sync(_replay, pipeline, given, warm, limiter=app.state.turn)
        past = len(replay.history.events) if replay.history is not None else 0
        desk.driver = None
        desk.stream = {
            "view": "stream", "sample": warm is None, "names": names, "history": past, "model": dict(pipeline.model),
            "warnings": list(replay.events.warnings), "policies": _costs_of(replay.judge.settings.costs),
        }  # fmt: skip
        desk.replay = replay
        return JSONResponse(_told(desk), status_code=201)

    @app.post("/desks/{key}/stream")
    async def open_files(key: str, request: Request, warm: float = 0.0) -> Response:
        desk = desks.get(key)
        folder = desk.place()
        try:
            with without_folder(folder):
                given, names = await received(by_task[TASK].task, request, folder)
            if "events" not in given or set(given) - set(TAKES):
                raise FormatError(f"a stream needs events and takes nothing but {', '.join(TAKES)}")
            return await opened(desk, given, names, folder, warm)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @app.post("/desks/{key}/stream/sample")
    async def open_sample(key: str) -> Response:
        sample = by_task[TASK].task.sample
        if sample is None:
            raise InputError("no sample ships with this task: open payments of your own")
        given, desk = dict(sample()), desks.get(key)
        return await opened(desk, given, {name: Path(path).name for name, path in given.items()}, desk.folder, None)

    @app.get("/desks/{key}/stream")
    async def again(key: str, after: int = 0) -> Response:
        return JSONResponse(await anyio.to_thread.run_sync(_told, desks.get(key), after))


def _replay(pipeline: FraudPipeline, given: Mapping[str, Any], warm: float | None) -> Replay:
    """The first share `warm` of all payments is history; None: of the sample, all but its last days."""
    payments: Payments = pipeline.read("events", given["events"])
    history: Payments | None = pipeline.read("history", given["history"]) if "history" in given else None
    if "accounts" in given:
        rows = pipeline.read("accounts", given["accounts"]).rows
        payments = payments._replace(events=replace(payments.events, account=rows))
    if warm is None and history is not None:
        before = history.events.time < payments.events.time[-1] - SAMPLE_DAYS * DAY
        warm = (int(before.sum()) + 0.5) / (len(history.events) + len(payments.events))
    if warm:
        history, payments = parted(history, payments, warm)
    return Replay(pipeline, payments, history)


def _told(desk: Desk, after: int = 0) -> dict[str, Any]:
    """The files, the state, and the latest payments, of those from a place on."""
    replay = desk.playing()
    state = replay.state()
    latest = [replay.told(row) for row in range(max(after, 0, state["position"] - LATEST), state["position"])]
    return {**desk.stream, "state": state, "latest": latest}


def _costs_of(costs: Costs) -> dict[str, float]:
    return {name: float(getattr(costs, name)) for name in Costs.__dataclass_fields__}


# ---- playing --------------------------------------------------------------------------------------------------------


def _playing(app: FastAPI, desks: Desks) -> None:
    @app.get("/desks/{key}/stream/events")
    async def events(key: str, request: Request, rate: float = 10.0, after: int = -1) -> Response:
        desk = desks.get(key)
        replay = desk.playing()
        if not 0 < rate <= FASTEST:
            raise InputError(f"a rate is above 0 and at most {FASTEST:g} payments a second, got {rate:g}")
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isdecimal() else after
        cursor = replay.position if after < 0 else min(after, replay.position)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        told = _played(desks, key, request, cursor, rate)
        return StreamingResponse(told, media_type="text/event-stream", headers=headers)


async def _played(desks: Desks, key: str, request: Request, cursor: int, rate: float) -> AsyncIterator[str]:
    """Payments as they are scored, the state now and then, until the connection's time is up or the file's end."""
    desk = desks.get(key)
    replay, mine = desk.playing(), object()
    desk.driver = mine
    began, first, spoke = time.monotonic(), replay.position, 0.0
    yield "retry: 150\n\n"
    while desk.driver is mine and desk.replay is replay and not await request.is_disconnected():
        now = time.monotonic()
        due = min(int((now - began) * rate) - (replay.position - first), AT_ONCE)
        if due > 0 and replay.position < len(replay):
            await anyio.to_thread.run_sync(replay.step, due)
        end = min(replay.position, cursor + AT_ONCE)
        if cursor < end:
            told = [replay.told(row) for row in range(cursor, end)]
            cursor = end
            yield _event("payments", told, id=cursor)
        over = cursor == len(replay)
        if over or now - spoke >= SAID:
            spoke = now
            yield _event("state", await anyio.to_thread.run_sync(replay.state))
        if over:
            yield _event("end", {"position": cursor})
        if over or now - began > LONGEST:
            return
        behind = cursor < replay.position or due >= AT_ONCE
        await anyio.sleep(0 if behind else min(TICK, 1 / rate))
        if now - spoke >= SAID and not _still_open(desks, key):
            return


def _still_open(desks: Desks, key: str) -> bool:
    try:
        desks.get(key)
    except Closed:
        return False
    return True


def _event(kind: str, value: Any, *, id: int | None = None) -> str:
    text = json.dumps(plain(value), allow_nan=False)
    return (f"id: {id}\n" if id is not None else "") + f"event: {kind}\ndata: {text}\n\n"


# ---- judging --------------------------------------------------------------------------------------------------------


def _judging(app: FastAPI, desks: Desks) -> None:
    @app.post("/desks/{key}/stream/labels")
    async def label(key: str, request: Request) -> Response:
        asked, replay = await asked_of(request, "id", "fraud"), desks.get(key).playing()
        id, fraud = asked.get("id"), asked.get("fraud")
        if not isinstance(id, str) or not isinstance(fraud, bool):
            raise FormatError('a verdict names an alert and says what it is: {"id": "2898", "fraud": true}')
        made = await anyio.to_thread.run_sync(replay.label, id, fraud)
        state = await anyio.to_thread.run_sync(replay.state)
        return JSONResponse({"id": id, "verdict": made.verdict, "known_at": made.at, "state": state})

    @app.post("/desks/{key}/stream/policy")
    async def policy(key: str, request: Request) -> Response:
        asked, replay = await asked_of(request, "alerts", "costs"), desks.get(key).playing()
        alerts, costs = asked.get("alerts"), asked.get("costs") or {}
        if alerts is not None and (type(alerts) is not int or alerts < 1):
            raise FormatError(f"a budget is a whole number of alerts a day, at least 1, got {alerts!r}")
        if not isinstance(costs, dict):
            raise FormatError('costs are named: {"review": 3, "refusal": 25}')
        replay.decide_by(costs_of(costs) if costs else None, alerts)
        return JSONResponse({"state": await anyio.to_thread.run_sync(replay.state)})

    @app.get("/desks/{key}/stream/card")
    async def card(key: str, name: str) -> Response:
        return JSONResponse(await anyio.to_thread.run_sync(desks.get(key).playing().card, name))

    @app.get("/desks/{key}/stream/scores.csv")
    async def scores(key: str) -> Response:
        text = await anyio.to_thread.run_sync(_table, desks.get(key).playing())
        headers = {"content-disposition": 'attachment; filename="scores.csv"'}
        return Response(text, media_type="text/csv", headers=headers)


def costs_of(asked: Mapping[str, Any]) -> Costs:
    """Costs from a request: those named are changed.

    Raises:
        UnknownName: a name that is no cost.
        InputError: a cost that is no number, or that `Costs` refuses.
    """
    known = tuple(Costs.__dataclass_fields__)
    for name, value in asked.items():
        if name not in known:
            raise UnknownName("cost", name, known)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"the cost {name} is a number, got {value!r}")
    return Costs(**asked)


def _table(replay: Replay) -> str:
    """Every payment that has been scored."""
    into = io.StringIO()
    rows = csv.writer(into)
    rows.writerow(("id", "time", "card", "terminal", "amount", "score", "low", "high", "decision", "verdict"))
    for row in range(replay.position):
        told, made = replay.told(row), replay.decided.get(row)
        rows.writerow((
            told["id"], told["time"], told["card"], told["terminal"], f"{told['amount']:.2f}", f"{told['score']:.6f}",
            f"{told['low']:.6f}", f"{told['high']:.6f}", told["decision"], made.verdict if made else "",
        ))  # fmt: skip
    return into.getvalue()
