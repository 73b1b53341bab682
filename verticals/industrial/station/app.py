"""`colonnade app industrial`: a unit in 3-D with its evidence, control charts, and the running line.

    POST   /stations                          a session -> {id};  GET /stations/ID what is open in it;  DELETE closes it
    POST   /stations/ID/units?unit=NAME       a form as for /v1/industrial/inspection, or /units/sample
    GET    /stations/ID/units/N               the unit again, surface.bin, photo.png, map.png, spectrogram.png
    GET    /stations/ID/units/N/certificate   as a page;  certificate.html, certificate.pdf, result.json, deviation.ply
    GET    /stations/ID/charts                over the session's units, ?of=file or ?of=line;  POST a results file
    POST   /stations/ID/line                  {path} (from this machine only), or the folder that COLONNADE_LINE names
    GET    /stations/ID/line?after=N          the line now;  POST line/acknowledge {by, alarm}

It puts the routes together and serves the page; what is behind them is in inspected.py, charting.py and running.py.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from ....core.errors import FormatError, InputError, UnknownName
from ....core.pipeline import Pipeline
from ....core.result import dumps
from ....core.serving.app import UPLOAD_LIMIT, received, without_folder
from ....core.serving.app import application as serving
from ....core.serving.page import add_held, add_page, asked_of
from ..inspection.pipeline import InspectionPipeline
from .charting import of_lines, of_session, read_lines
from .inspected import Inspection, inspect
from .running import Followed
from .sessions import Station, Stations

TASK = "industrial/inspection"
LINE = "COLONNADE_LINE"  # the folder of the line to show, in the environment
PAGE = Path(__file__).parent / "page"
FILES = {
    "station.css": "text/css",
    **{f"{name}.js": "text/javascript" for name in ("turning", "solid", "station", "unit", "sound", "charts", "line")},
}
POLICY = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'"
DRAWINGS = {
    "surface.bin": "application/octet-stream",
    **dict.fromkeys(("photo.png", "map.png", "spectrogram.png"), "image/png"),
}
LARGEST_RESULTS = 64 << 20  # bytes of a results file that is sent
NAME_LENGTH = 60


def application(
    pipelines: Sequence[Pipeline], *, stations: Stations | None = None, upload_limit: int = UPLOAD_LIMIT
) -> FastAPI:
    """The serving application with the station at its root."""
    app = serving(pipelines, upload_limit=upload_limit)
    held = stations if stations is not None else Stations()
    pipeline = cast(InspectionPipeline, {each.task.name: each for each in pipelines}[TASK])
    add_held(app, held)
    add_page(app, PAGE, FILES, policy=POLICY)
    _sessions(app, held)
    _inspecting(app, held, pipeline)
    _documents(app, held)
    _charting(app, held, pipeline)
    _following(app, held)
    return app


def _sessions(app: FastAPI, stations: Stations) -> None:
    @app.post("/stations", status_code=201)
    async def begin() -> dict[str, Any]:
        return {"id": stations.open(), "kept_minutes": stations.kept / 60, "line": LINE in os.environ}

    @app.get("/stations/{key}")
    async def opened(key: str) -> dict[str, Any]:
        station = stations.get(key)
        return {
            "id": key, "units": station.summaries, "whole": sorted(station.units), "file": station.results_name,
            "line": station.line is not None or LINE in os.environ,
        }  # fmt: skip

    @app.delete("/stations/{key}")
    async def close(key: str) -> Response:
        stations.close(key)
        return Response(status_code=204)


def _inspecting(app: FastAPI, stations: Stations, pipeline: InspectionPipeline) -> None:
    async def inspected(station: Station, given: Mapping[str, Any], names: Mapping[str, str], **said: Any) -> Response:
        made = await anyio.to_thread.run_sync(
            lambda: inspect(pipeline, given, names, **said), limiter=app.state.turn
        )  # fmt: skip
        number = station.put(made)
        return JSONResponse({"number": number, "units": station.summaries, **made.told}, status_code=201)

    @app.post("/stations/{key}/units")
    async def files(key: str, request: Request, unit: str = "") -> Response:
        station = stations.get(key)
        folder = station.place()
        try:
            with without_folder(folder):
                given, names = await received(pipeline.task, request, folder)
                name = _named(unit, names)
                return await inspected(station, given, names, name=name, sample=False)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @app.post("/stations/{key}/units/sample")
    async def sample(key: str) -> Response:
        if pipeline.task.sample is None:
            raise InputError("no sample ships with this task: inspect a unit of your own")
        given = dict(pipeline.task.sample())
        names = {name: Path(path).name for name, path in given.items()}
        return await inspected(stations.get(key), given, names, name="sample", sample=True)

    @app.get("/stations/{key}/units/{number}")
    async def again(key: str, number: int) -> Response:
        station = stations.get(key)
        return JSONResponse({"number": number, "units": station.summaries, **station.unit(number).told})


def _named(unit: str, names: Mapping[str, str]) -> str:
    """What the unit is called: as was said, or as its first file."""
    said = " ".join(unit.split())[:NAME_LENGTH]
    files = [names[sense] for sense in ("scan", "image", "sound", "nominal") if sense in names]
    return said or (Path(files[0]).stem if files else "unit")


def _documents(app: FastAPI, stations: Stations) -> None:
    @app.get("/stations/{key}/units/{number}/certificate")
    async def shown(key: str, number: int) -> Response:
        made = stations.get(key).unit(number)
        return HTMLResponse(await anyio.to_thread.run_sync(_page, made, limiter=app.state.turn))

    @app.get("/stations/{key}/units/{number}/{name}")
    async def document(key: str, number: int, name: str) -> Response:
        made = stations.get(key).unit(number)
        if name in DRAWINGS:
            if name not in made.drawings:
                raise InputError(f"unit {made.name} has no {name}: that sense was not given, or could not be read")
            return Response(made.drawings[name], media_type=DRAWINGS[name])
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        if name == "result.json":
            text = await anyio.to_thread.run_sync(lambda: dumps(made.result.to_dict()))
            return Response(text, media_type="application/json", headers=headers)
        if name not in SAVED:
            raise UnknownName("document", name, (*DRAWINGS, *SAVED, "result.json"))
        data = await anyio.to_thread.run_sync(SAVED[name], made, limiter=app.state.turn)
        kind = {"html": "text/html", "pdf": "application/pdf"}.get(name.rpartition(".")[2], "application/octet-stream")
        return Response(data, media_type=kind, headers=headers)


def _page(made: Inspection) -> str:
    return made.certificate.html()


def _certified(ending: str) -> Callable[[Inspection], bytes]:
    def save(made: Inspection) -> bytes:
        with tempfile.TemporaryDirectory(prefix="colonnade-") as scratch:
            return Path(made.certificate.save(Path(scratch) / f"certificate.{ending}")).read_bytes()

    return save


def _deviation(made: Inspection) -> bytes:
    with tempfile.TemporaryDirectory(prefix="colonnade-") as scratch:
        made.result.answer.save_files(Path(scratch))
        path = Path(scratch) / "deviation.ply"
        if not path.exists():
            raise InputError(f"unit {made.name} has no deviation: it came without a scan and its nominal part")
        return path.read_bytes()


SAVED = {"certificate.html": _certified("html"), "certificate.pdf": _certified("pdf"), "deviation.ply": _deviation}


def _charting(app: FastAPI, stations: Stations, pipeline: InspectionPipeline) -> None:
    @app.get("/stations/{key}/charts")
    async def charts(key: str, of: str = "session") -> Response:
        station = stations.get(key)
        if of == "line":
            told = await anyio.to_thread.run_sync(_line_of(station).charts)
        elif of == "file" and station.results is not None:
            told = await anyio.to_thread.run_sync(lambda: of_lines(station.results or (), name=station.results_name))
        elif of in ("session", "file"):
            told = await anyio.to_thread.run_sync(of_session, pipeline, station.charted)
        else:
            raise UnknownName("source of charts", of, ("session", "file", "line"))
        return JSONResponse(told)

    @app.post("/stations/{key}/charts")
    async def results(key: str, request: Request) -> Response:
        station = stations.get(key)
        async with request.form() as form:
            sent: Any = form.get("results")
            if sent is None or isinstance(sent, str):
                raise FormatError("send the results.jsonl of a line as the file 'results'")
            if (sent.size or 0) > LARGEST_RESULTS:
                raise InputError(f"the results file is larger than {LARGEST_RESULTS >> 20} MB: open the line's folder")
            name, raw = Path(sent.filename or "results.jsonl").name[-NAME_LENGTH:], await sent.read()
        lines = await anyio.to_thread.run_sync(lambda: read_lines(raw.decode("utf-8", "replace"), name))
        told = await anyio.to_thread.run_sync(lambda: of_lines(lines, name=name))
        station.results, station.results_name = lines, name
        return JSONResponse(told, status_code=201)


def _following(app: FastAPI, stations: Stations) -> None:
    @app.post("/stations/{key}/line")
    async def follow(key: str, request: Request) -> Response:
        station = stations.get(key)
        asked = await asked_of(request, "path")
        path = asked.get("path")
        if not isinstance(path, str) or not path.strip():
            raise FormatError("name the folder that colonnade line writes to")
        if not _here(request):
            raise InputError(
                f"a folder can be named only on the machine that serves this page: start the server with {LINE} set to "
                "it"
            )
        followed = await anyio.to_thread.run_sync(lambda: Followed(Path(path.strip()).expanduser()))
        told = await anyio.to_thread.run_sync(followed.told)
        station.line = followed
        return JSONResponse(told, status_code=201)

    @app.get("/stations/{key}/line")
    async def now(key: str, after: int = 0) -> Response:
        station = stations.get(key)
        return JSONResponse(await anyio.to_thread.run_sync(lambda: _line_of(station).told(after)))

    @app.post("/stations/{key}/line/acknowledge")
    async def seen(key: str, request: Request) -> Response:
        asked, station = await asked_of(request, "by", "alarm"), stations.get(key)
        by, alarm = asked.get("by"), asked.get("alarm")
        if not isinstance(by, str) or not (alarm is None or isinstance(alarm, str)):
            raise FormatError('an acknowledgment names who and which alarm: {"by": "A. Smith", "alarm": "rejects"}')
        await anyio.to_thread.run_sync(_line_of(station).acknowledge, by, alarm)
        return Response(status_code=204)


def _line_of(station: Station) -> Followed:
    """The line that is open, or the one that the server was started for."""
    with station.lock:
        if station.line is None and LINE in os.environ:
            station.line = Followed(Path(os.environ[LINE]))
    return station.followed()


def _here(request: Request) -> bool:
    """Whether the page is looked at on the machine that serves it."""
    return request.client is not None and request.client.host in ("127.0.0.1", "::1")
