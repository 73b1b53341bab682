"""What every vertical's own page needs beside the task routes: its files, JSON requests, and what it holds open.

It knows no vertical: routes of a field are added by the vertical.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from ..errors import FormatError, UnknownName
from .app import refusal
from .held import Closed, Held

FACE = Path(__file__).parent / "face"  # the look and the small scripts that all pages share
SHARED = {"base.css": "text/css", "drawing.js": "text/javascript", "asking.js": "text/javascript"}


def add_page(app: FastAPI, folder: Path, files: Mapping[str, str], *, policy: str) -> None:
    """`index.html` of the folder at the root, under that content security policy, and `files` (media type by name).

    What all pages share (`SHARED`) is served beside them.
    """

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def root() -> Response:
        text = (folder / "index.html").read_text(encoding="utf-8")
        return HTMLResponse(text, headers={"content-security-policy": policy})

    @app.get("/page/{name}", include_in_schema=False)
    async def part(name: str) -> Response:
        if name not in files and name not in SHARED:
            raise UnknownName("file of the page", name, files)
        place, kind = (folder, files[name]) if name in files else (FACE, SHARED[name])
        return FileResponse(place / name, media_type=kind, headers={"cache-control": "no-cache"})


def add_held(app: FastAPI, held: Held[Any]) -> None:
    """What is closed answers 410, and all that is open is closed when the server stops."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(served: FastAPI) -> AsyncIterator[Any]:
        async with inner(served) as state:
            yield state
        held.close_all()

    async def closed(request: Request, error: Exception) -> Response:
        return refusal(request, 410, error)

    app.router.lifespan_context = lifespan
    app.add_exception_handler(Closed, closed)


async def asked_of(request: Request, *known: str) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        FormatError: no object.
        UnknownName: a key that means nothing here.
    """
    try:
        asked = await request.json()
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the request is not JSON: {error}") from error
    if not isinstance(asked, dict):
        raise FormatError(f"the request is a JSON object of {', '.join(known)}")
    for name in asked:
        if name not in known:
            raise UnknownName("key", name, known)
    return asked
