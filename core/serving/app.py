"""The application: tasks behind routes, errors as sentences, one model in the place of another while requests come.

    POST /v1/{task}    multipart: a file (or several) for a path modality, a text field for an inline one -> the Result
                       (with ?as=report: the report as a page); or, as application/x-ndjson or text/csv, the file of
                       the modality that the task cannot do without: one event a line
    GET  /v1/tasks     what is served, and what each task takes
    /v1/programs/...   exported programs, batched (programs.py)
    POST /v1/reload    from this machine alone: read the checkpoints again (?task=NAME: one)
    GET  /health       the process lives;  GET /ready  it answers, and with which models
    GET  /metrics      for Prometheus;     GET /openapi.json  all of this for machines

One request is computed at a time: the engine below already uses every core.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError, UnknownName
from ..optional import require
from ..pipeline import Pipeline
from ..result import Result
from ..version import __version__
from .limits import Limits, TooSlow
from .uploads import told

for _name in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
    require(_name, "serve", "serving over HTTP")

import anyio  # noqa: E402
from fastapi import FastAPI, Request  # noqa: E402
from fastapi.responses import HTMLResponse, JSONResponse, Response  # noqa: E402

from .border import Border, Limit, answer_errors, refusal  # noqa: E402
from .forms import received, without_folder  # noqa: E402
from .gate import Gate  # noqa: E402
from .listening import listen, refuse_taken  # noqa: E402
from .metrics import Metrics  # noqa: E402
from .models import Models, Origin  # noqa: E402
from .programs import Plan, Programs, Shortcut  # noqa: E402
from .schema import document, program  # noqa: E402

__all__ = ["UPLOAD_LIMIT", "application", "listen", "received", "refusal", "serve", "without_folder"]

UPLOAD_LIMIT = 1 << 30  # bytes of one request
_LOG = logging.getLogger(__name__)
_HERE = ("127.0.0.1", "::1")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
_PERIOD = 1.0  # seconds between two looks at the folders


def serve(
    served: Iterable[Pipeline | Origin],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    limits: Limits | None = None,
    programs: Iterable[Plan] = (),
) -> None:
    """Answer requests until stopped; only this machine is heard unless another address is given."""
    refuse_taken(host, port)  # before the models are loaded
    app = application(served, limits=limits, programs=programs, warm=True)
    listen(app, host=host, port=port, says=f"answering at http://{host}:{port}/v1/tasks (stop with Ctrl-C)")


def application(
    served: Iterable[Pipeline | Origin],
    *,
    upload_limit: int = UPLOAD_LIMIT,
    limits: Limits | None = None,
    programs: Iterable[Plan] = (),
    warm: bool = False,
) -> FastAPI:
    """The ASGI application that answers for these pipelines; the checkpoints of those that have an origin are read
    again when they change. With `warm` the samples are answered before it says that it is ready.
    """
    limits = limits or Limits()
    app = FastAPI(title="Colonnade", version=__version__, lifespan=_lifespan, docs_url=None, redoc_url=None)
    metrics = Metrics()
    state = app.state
    state.ready, state.cold, state.asked_again, state.limits = False, warm, False, limits
    state.turn = anyio.CapacityLimiter(1)
    state.gate = Gate(limits, state.turn)
    state.models = Models(served, metrics=metrics)
    state.programs = Programs(programs, limits=limits, metrics=metrics)
    metrics.gauge("inside", "Requests inside, waiting or computed.", lambda: state.gate.inside)
    metrics.gauge("overdue_seconds", "By how much what is computed overran its time.", lambda: state.gate.overdue)
    app.add_middleware(Shortcut, programs=state.programs, gate=state.gate, most=upload_limit)
    app.add_middleware(Limit, most=upload_limit)
    app.add_middleware(Border, metrics=metrics)
    answer_errors(app, upload_limit)
    _states(app, metrics)
    _reloading(app)
    _predicting(app)
    app.openapi = lambda: document(  # type: ignore[method-assign]
        [each.task for each in state.models.pipelines],
        samples=state.models.samples,
        paths={f"/v1/programs/{name}": program(name, each) for name, each in state.programs.descriptions.items()},
    )
    return app


def _states(app: FastAPI, metrics: Metrics) -> None:
    state = app.state

    @app.get("/health")
    async def health() -> JSONResponse:
        if state.gate.overdue > state.limits.seconds:  # a thread cannot be stopped; whoever watches us can restart us
            sentence = f"what is computed has overrun its time by {state.gate.overdue:.0f} s: restart this server"
            return JSONResponse({"status": "stuck", "error": sentence, "version": __version__}, status_code=503)
        return JSONResponse({"status": "ok", "version": __version__})

    @app.get("/ready")
    async def ready() -> JSONResponse:
        answers = state.ready and state.programs.ready and not state.gate.stopped
        told = {"ready": answers, "models": state.models.told(), "programs": state.programs.told()}
        return JSONResponse(told, status_code=200 if answers else 503)

    @app.get("/metrics")
    async def measured() -> Response:
        text, kind = metrics.text()
        return Response(text, headers={"content-type": kind})

    @app.get("/v1/tasks")
    async def tasks() -> dict[str, Any]:
        return {"tasks": [told(pipeline.task) for pipeline in state.models.pipelines]}


def _reloading(app: FastAPI) -> None:
    @app.post("/v1/reload")
    async def reload(request: Request, task: str | None = None) -> JSONResponse:
        here = request.client is not None and request.client.host in _HERE
        if not here or any(name in request.headers for name in (*_FORWARDED, "origin")):
            refused = InputError("checkpoints are read again at the word of this machine alone, and not of a web page")
            return refusal(request, 403, refused)
        models, programs = app.state.models, app.state.programs
        if task is not None and task not in models and task not in programs.plans:
            raise UnknownName("task or program", task, [*models, *programs])
        for name in [*models.reloadable(), *programs] if task is None else [task]:
            await _reload(app, name)
        return JSONResponse({"models": models.told(), "programs": programs.told()})


async def _reload(app: FastAPI, task: str) -> None:
    """One checkpoint after another: two at a time would need the memory of three."""
    models, programs = app.state.models, app.state.programs
    async with app.state.reloads:
        if task in programs.plans:
            await programs.reload(task)
        if task not in models:
            return
        pipeline, sample = await anyio.to_thread.run_sync(models.fresh, task)
        async with app.state.turn:
            await anyio.to_thread.run_sync(models.take_over, task, pipeline, sample)
    _LOG.warning("%s: %s answers from now on", task, dict(pipeline.model))


def _predicting(app: FastAPI) -> None:
    async def predict(request: Request, task: str) -> Response:
        models: Models = app.state.models
        if task not in models:
            return refusal(request, 404, UnknownName("task", task, models))
        request.scope["state"]["asked"] = task
        kind = request.query_params.get("as")
        if kind not in (None, "report"):
            raise UnknownName("form of an answer ('as')", kind, ("report",))
        result, names = await _predicted(models[task], request, app.state.gate)
        if result is None:
            return Response(status_code=499)  # nobody is there to read it
        return _page(result) if kind == "report" else JSONResponse(_told(result, names))

    @app.post("/v1/{task:path}")
    async def post(task: str, request: Request) -> Response:
        return await predict(request, task)


async def _predicted(pipeline: Pipeline, request: Request, gate: Gate) -> tuple[Result | None, dict[str, str]]:
    """Take the form apart into a folder that lives as long as the work, and predict; with the names of the files."""
    with gate.entered() as until:
        scratch = Path(tempfile.mkdtemp(prefix="colonnade-"))
        handed_over = False

        def clear() -> None:
            shutil.rmtree(scratch, ignore_errors=True)

        try:
            try:
                async with asyncio.timeout_at(until):
                    given, names = await received(pipeline.task, request, scratch)
            except TimeoutError as error:
                raise TooSlow(f"the request did not arrive whole within {gate.limits.seconds:g} s") from error
            handed_over = True
            with without_folder(scratch):
                result = await gate.computed(
                    lambda: pipeline.predict(**given), until=until, done=clear, wanted=lambda: _waits(request)
                )
        finally:
            if not handed_over:
                clear()
    return result, names


async def _waits(request: Request) -> bool:
    return not await request.is_disconnected()


def _told(result: Result, names: dict[str, str]) -> dict[str, Any]:
    """The result as JSON, with the names that the caller's files had in place of ours."""
    answer = result.to_dict()
    for source in answer["inputs"]:
        source["path"] = names.get(source["modality"])
    return answer


def _page(result: Result) -> Response:
    """The report as a page.

    Raises:
        InputError: the task writes no report.
    """
    if result.report is None:
        raise InputError(f"{result.task} writes no report: leave out 'as=report'")
    return HTMLResponse(result.report.html())


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    state.reloads = asyncio.Lock()
    state.ready = not state.cold
    await state.programs.open()
    tasks = [asyncio.ensure_future(_warmed(app))] if state.cold else []
    if state.models.reloadable() or state.programs.plans:
        tasks.append(asyncio.ensure_future(_watched(app)))
    try:
        yield
    finally:
        state.ready = False
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await state.programs.close()


async def _warmed(app: FastAPI) -> None:
    """Answer the samples, and say that the server is ready."""
    models, turn = app.state.models, app.state.turn
    for name in models:
        try:
            await anyio.to_thread.run_sync(models.warm, name, limiter=turn)
        except Exception:
            _LOG.exception("%s fails on its sample: this server does not say that it is ready", name)
            return
    app.state.ready = True


async def _watched(app: FastAPI) -> None:
    """Read a checkpoint again when its folder has changed, and all of them when a signal says so."""
    state = app.state
    while True:
        await asyncio.sleep(_PERIOD)
        changed = await anyio.to_thread.run_sync(lambda: [*state.models.changed(), *state.programs.changed()])
        if state.asked_again:
            state.asked_again, changed = False, [*state.models.reloadable(), *state.programs]
        for name in changed:
            try:
                await _reload(app, name)
            except InputError:  # refused: the log and /ready say why
                continue
            except Exception:  # the next change is read all the same
                _LOG.exception("%s could not be read again", name)
