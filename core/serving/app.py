"""The application: routes, errors as sentences, request numbers. It and page.py know FastAPI.

    POST /v1/{task}    multipart: a file (or several) for a path modality, a text field for an inline one -> the Result
                       (with ?as=report: the report as a page); or, as application/x-ndjson or text/csv, the file of
                       the modality that the task cannot do without: one event a line
    GET  /v1/tasks     what is served, and what each task takes
    GET  /health       the process lives;  GET /ready  it answers

One request is computed at a time: the engine below already uses every core.
"""

from __future__ import annotations

import logging
import re
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from ..errors import ColonnadeError, InputError, UnknownName
from ..optional import require
from ..pipeline import Pipeline
from ..progress import say
from ..result import Result
from ..version import __version__
from ..vertical import Task
from .uploads import told, unpack

for _name in ("fastapi", "uvicorn", "python_multipart"):
    require(_name, "serve", "serving over HTTP")

import anyio  # noqa: E402
import uvicorn  # noqa: E402
from fastapi import FastAPI, Request  # noqa: E402
from fastapi.responses import HTMLResponse, JSONResponse, Response  # noqa: E402
from starlette.exceptions import HTTPException  # noqa: E402
from starlette.types import ASGIApp, Message, Receive, Scope, Send  # noqa: E402

UPLOAD_LIMIT = 1 << 30  # bytes of one request
_LOG = logging.getLogger(__name__)
_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST_FILES = 5000  # slices of one study
_BODIES = {"application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl", "text/csv": ".csv"}  # that are one file


def serve(pipelines: Iterable[Pipeline], *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Answer requests until stopped; only this machine is heard unless another address is given."""
    app = application(pipelines)
    listen(app, host=host, port=port, says=f"answering at http://{host}:{port}/v1/tasks (stop with Ctrl-C)")


def listen(app: FastAPI, *, host: str, port: int, says: str) -> None:
    """Run an application on an address until stopped.

    Raises:
        InputError: the address is not one of this machine, or something else listens there.
    """
    if not 0 <= port < 2**16:
        raise InputError(f"cannot listen at port {port}: ports lie from 0 to {2**16 - 1}")
    try:
        (family, kind, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot listen at {host}:{port}: {error}: give another --host or --port") from error
    say(says)
    uvicorn.run(app, host=host, port=port, log_level="warning")


def application(pipelines: Iterable[Pipeline], *, upload_limit: int = UPLOAD_LIMIT) -> FastAPI:
    """The ASGI application that answers for these pipelines."""
    served = {pipeline.task.name: pipeline for pipeline in pipelines}
    app = FastAPI(title="Colonnade", version=__version__, lifespan=_lifespan)
    app.state.ready = False
    app.add_middleware(_Limit, most=upload_limit)
    app.middleware("http")(_numbered)
    turn = app.state.turn = anyio.CapacityLimiter(1)
    _answer_errors(app, upload_limit)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/ready")
    async def ready() -> JSONResponse:
        return JSONResponse({"ready": app.state.ready}, status_code=200 if app.state.ready else 503)

    @app.get("/v1/tasks")
    async def tasks() -> dict[str, Any]:
        return {"tasks": [told(pipeline.task) for pipeline in served.values()]}

    @app.post("/v1/{task:path}")
    async def predict(task: str, request: Request) -> Response:
        if task not in served:
            return refusal(request, 404, UnknownName("task", task, served))
        result, names = await _predicted(served[task], request, turn)
        if request.query_params.get("as") == "report":
            return _page(result)
        return JSONResponse(_told(result, names))

    return app


class _TooLarge(Exception):
    """More bytes arrived than one request may bring."""


class _Limit:
    """Stops reading a body once it is too large, whatever its header promised."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.most:
                raise _TooLarge
            return message

        await self.app(scope, counted, send)


def _answer_errors(app: FastAPI, upload_limit: int) -> None:
    """Every error that the caller can mend is answered with its sentence, on whatever route it comes up."""
    sentence = f"the request is larger than the {upload_limit / 1e6:,.0f} MB that this server takes"

    async def large(request: Request, error: Exception) -> Response:
        return refusal(request, 413, InputError(sentence))

    async def wrong(request: Request, error: Exception) -> Response:
        return refusal(request, 422 if isinstance(error, InputError) else 503, error)

    app.add_exception_handler(_TooLarge, large)
    app.add_exception_handler(ColonnadeError, wrong)


async def _predicted(
    pipeline: Pipeline, request: Request, turn: anyio.CapacityLimiter
) -> tuple[Result, dict[str, str]]:
    """Take the form apart into a folder that lives as long as the request, and predict; with the names of the files."""
    with tempfile.TemporaryDirectory(prefix="colonnade-") as scratch:
        given, names = await received(pipeline.task, request, Path(scratch))
        with without_folder(scratch):
            result = await anyio.to_thread.run_sync(lambda: pipeline.predict(**given), limiter=turn)
    return result, names


async def received(task: Task, request: Request, scratch: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The arguments of `predict` from a request's form, its files written under `scratch`; and what they were called.

    Raises:
        InputError: no form, one that cannot be read, or a field that is no modality.
    """
    kind = request.headers.get("content-type", "")
    if (plain := kind.split(";")[0].strip().lower()) in _BODIES:
        name, path = task.minimum[0][0], scratch / f"{task.minimum[0][0]}{_BODIES[plain]}"
        path.write_bytes(await request.body())
        return {name: path}, {name: path.name}
    if not kind.startswith(("multipart/form-data", "application/x-www-form")):
        raise InputError(
            "send the modalities as a multipart form (a file or a text field for each), or one file as"
            f" {' or '.join(_BODIES)}"
        )
    try:
        async with request.form(max_files=_MOST_FILES) as form:
            fields = [(name, value) for name, value in form.multi_items() if not _left_blank(value)]
            return await anyio.to_thread.run_sync(unpack, task, fields, scratch)
    except HTTPException as error:
        raise InputError(f"the form cannot be read: {error.detail}") from error


@contextmanager
def without_folder(scratch: str | Path) -> Iterator[None]:
    """Take our own folder out of the sentences of errors: it is nobody's business."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(f"{scratch}/", "")).with_traceback(None) from error


def _left_blank(value: Any) -> bool:
    """A field of a browser's form in which nothing was written or chosen."""
    return value == "" if isinstance(value, str) else not value.filename and not value.size


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


async def _numbered(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
    """Give each request a number (its own, if it brought a plain one) and answer even where the program is at fault."""
    brought = request.headers.get("x-request-id", "")
    request.state.number = brought if _NUMBER.fullmatch(brought) else uuid.uuid4().hex
    try:
        response = await proceed(request)
    except Exception:  # the last line of defence: whatever it is, the caller gets JSON and the log gets the traceback
        _LOG.exception("request %s failed", request.state.number)
        response = _body(request, 500, "Error", "the server failed on this request: its log says why")
    response.headers["x-request-id"] = request.state.number
    return response


def refusal(request: Request, status: int, error: Exception) -> JSONResponse:
    """An error as JSON: its sentence, its kind and the number of the request."""
    return _body(request, status, type(error).__name__, str(error))


def _body(request: Request, status: int, kind: str, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence, "kind": kind, "request": request.state.number}, status_code=status)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.ready = True
    yield
    app.state.ready = False
