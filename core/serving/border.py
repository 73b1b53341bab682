"""The border of a server: each request gets a number, is measured, brings no more than it may, and is always answered.

Plain ASGI, so that a lone request pays microseconds for it. It knows no route and no task.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any, final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import ColonnadeError, InputError
from .limits import Refused
from .metrics import Metrics

_LOG = logging.getLogger(__name__)
_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PATIENCE, _UNREAD = 5.0, 1 << 26  # seconds and bytes of a refused body that are still read
_ALLOWED = "the path is known, and may be asked with"


class TooLarge(Exception):
    """More bytes arrived than one request may bring."""


@final
class Limit:
    """Stops reading a body once it is too large, whatever its header promised.

    A refusal that leaves before the body has come would be lost with the connection: the rest is read first, and thrown
    away, within bounds.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken, more = 0, scope["type"] == "http"

        async def counted() -> Message:
            nonlocal taken, more
            message = await receive()
            taken += len(message.get("body", b""))
            more = message.get("more_body", False)
            if taken > self.most:
                raise TooLarge
            return message

        async def heard(message: Message) -> None:
            nonlocal more
            if more and message["type"] == "http.response.start" and message["status"] >= 400:
                more = False
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE):
                        await _thrown_away(receive)
            await send(message)

        await self.app(scope, counted, heard)


@final
class Border:
    """A number for each request (its own, if it brought a plain one), its measurements, and an answer even where the
    program is at fault: whatever it is, the caller gets JSON and the log gets the traceback."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = _number(scope)
        scope.setdefault("state", {})["number"] = number
        status, started = 0, time.perf_counter()

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", number.encode())]
            await send(message)

        try:
            await self.app(scope, receive, numbered)
        except ClientDisconnect:
            status = status or 499  # nobody is there to be answered
        except Exception:
            _LOG.exception("request %s failed", number)
            if status:  # the answer had begun: nothing but the end of the connection can say that it is not whole
                raise
            sentence = "the server failed on this request: its log says why"
            await body_of(Request(scope), 500, "Error", sentence)(scope, receive, numbered)
        finally:
            self.metrics.asked(_asked(scope), status, time.perf_counter() - started)


def answer_errors(app: FastAPI, upload_limit: int) -> None:
    """Every error that the caller can mend is answered with its sentence, on whatever route it comes up."""

    async def large(request: Request, error: Exception) -> Response:
        return too_large(request, upload_limit)

    async def wrong(request: Request, error: Exception) -> Response:
        return refusal(request, status_of(error), error)

    async def foreign(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        said = str(error.detail)
        if error.status_code == 404:
            said = f"there is nothing at {request.url.path}: GET /openapi.json lists what is"
        if error.status_code == 405:
            said = f"{_ALLOWED} {(error.headers or {}).get('Allow', 'another method')}, not with {request.method}"
        return body_of(request, error.status_code, "Error", said, headers=error.headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        said = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors())
        return refusal(request, 422, InputError(said))

    app.add_exception_handler(TooLarge, large)
    app.add_exception_handler(ColonnadeError, wrong)
    app.add_exception_handler(HTTPException, foreign)
    app.add_exception_handler(RequestValidationError, invalid)


def status_of(error: Exception) -> int:
    """The status that says whose fault it is."""
    if isinstance(error, Refused):
        return error.status
    return 422 if isinstance(error, InputError) else 503


def too_large(request: Request, most: int) -> JSONResponse:
    """The answer to more bytes than that."""
    sentence = f"the request is larger than the {most / 1e6:,.0f} MB that this server takes"
    return refusal(request, 413, InputError(sentence))


def refusal(request: Request, status: int, error: Exception) -> JSONResponse:
    """An error as JSON: its sentence, its kind and the number of the request; when to ask again, if it says so."""
    again = getattr(error, "again", None)
    headers = None if again is None else {"retry-after": str(again)}
    return body_of(request, status, type(error).__name__, str(error), headers=headers)


def body_of(
    request: Request, status: int, kind: str, sentence: str, *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The body that every error has."""
    told = {"error": sentence, "kind": kind, "request": request.state.number}
    return _Surrogates(told, status_code=status, headers=None if headers is None else dict(headers))


@final
class _Surrogates(JSONResponse):
    """Names of files may hold bytes that are no text; a sentence that quotes them is sent all the same."""

    def render(self, content: Any) -> bytes:
        try:
            return super().render(content)
        except UnicodeEncodeError:
            said = {key: each.encode("utf-8", "backslashreplace").decode() for key, each in content.items()}
            return super().render(said)


async def _thrown_away(receive: Receive) -> None:
    taken = 0
    while taken < _UNREAD:
        message = await receive()
        taken += len(message.get("body", b""))
        if not message.get("more_body", False):
            return


def _number(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            brought = value.decode("latin-1")
            return brought if _NUMBER.fullmatch(brought) else uuid.uuid4().hex
    return uuid.uuid4().hex


def _asked(scope: Scope) -> str:
    """What was asked, in as many words as there are routes: what strangers make up must not fill the memory."""
    said = scope["state"].get("asked")
    return said if said is not None else getattr(scope.get("route"), "path", "unknown")
