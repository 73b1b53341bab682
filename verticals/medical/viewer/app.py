"""`colonnade app medical`: open a study, scroll its slices, correct the findings, read and download the report.

    POST   /studies                     a form as for /v1/medical/nodules -> the study (id, findings, outlines)
    POST   /studies/sample              the sample that ships
    GET    /studies/ID                  the study again;  DELETE closes it
    GET    /studies/ID/slices/K         int16 by rows, Hounsfield units
    POST   /studies/ID/clicks           {at_mm, positive, finding}; findings, boxes, undo likewise
    DELETE /studies/ID/findings/LABEL
    GET    /studies/ID/report, report.pdf, result.json, masks.nii.gz, audit.jsonl, documents/{seg,sr,fhir}

It translates HTTP to studies and back, and knows nothing else. One thing is computed at a time, as in `serve`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from ....core.errors import FormatError, InputError
from ....core.result import dumps
from ....core.serving.app import application as serving
from ....core.serving.app import received, without_folder
from ....core.serving.page import add_held, add_page, asked_of
from ..correction.session import Correction
from ..pipeline import NodulePipeline
from ..records import MASKS
from .viewing import Studies, Study

PAGE = Path(__file__).parent / "page"
FILES = {"viewer.css": "text/css", "viewer.js": "text/javascript", "slices.js": "text/javascript"}
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-src 'self'; object-src 'none'"
)


def application(pipelines: list[NodulePipeline], *, studies: Studies | None = None) -> FastAPI:
    """The serving application with the viewer at its root."""
    pipeline = pipelines[0]
    app = serving(pipelines)
    held = studies if studies is not None else Studies(pipeline)
    add_held(app, held)
    add_page(app, PAGE, FILES, policy=POLICY)
    _opening(app, held, pipeline)
    _correcting(app, held)
    _downloads(app, held)
    return app


def _opening(app: FastAPI, studies: Studies, pipeline: NodulePipeline) -> None:
    async def opened(given: dict[str, Any], names: dict[str, str], folder: Path) -> Response:
        with without_folder(folder):
            key = await anyio.to_thread.run_sync(studies.open, given, names, folder, limiter=app.state.turn)
        return await _told(app, studies, key, status=201)

    @app.post("/studies")
    async def open_study(request: Request) -> Response:
        folder = studies.folder()
        try:
            given, names = await received(pipeline.task, request, folder)
            if "ct" not in given:
                raise FormatError("a study needs a ct: a zipped DICOM folder, its slices, or a NIfTI, NRRD or MHA file")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return await opened(given, names, folder)

    @app.post("/studies/sample")
    async def open_sample() -> Response:
        sample = pipeline.task.sample
        if sample is None:
            raise InputError("no sample ships with this task: open a study of your own")
        given = dict(sample())
        return await opened(given, {"ct": Path(given["ct"]).name}, studies.folder())

    @app.get("/studies/{key}")
    async def told(key: str) -> Response:
        return await _told(app, studies, key)

    @app.delete("/studies/{key}")
    async def close(key: str) -> Response:
        studies.close(key)
        return Response(status_code=204)

    @app.get("/studies/{key}/slices/{number}")
    async def slice_of(key: str, number: int) -> Response:
        data = await anyio.to_thread.run_sync(studies.get(key).slice, number)
        return Response(data, media_type="application/octet-stream", headers={"cache-control": "private, max-age=3600"})


def _correcting(app: FastAPI, studies: Studies) -> None:
    async def edited(key: str, act: Callable[[Correction], object]) -> Response:
        await anyio.to_thread.run_sync(studies.get(key).edit, act, limiter=app.state.turn)
        return await _told(app, studies, key)

    @app.post("/studies/{key}/clicks")
    async def click(key: str, request: Request) -> Response:
        asked = await asked_of(request, "at_mm", "positive", "finding")
        positive, finding = asked.get("positive", True), asked.get("finding")
        if not isinstance(positive, bool) or not (finding is None or type(finding) is int):
            raise FormatError("positive is true or false, and finding is a number or null")
        return await edited(key, lambda each: each.click(asked.get("at_mm", ()), positive=positive, finding=finding))

    @app.post("/studies/{key}/findings")
    async def add(key: str, request: Request) -> Response:
        asked = await asked_of(request, "at_mm")
        return await edited(key, lambda each: each.add(asked.get("at_mm", ())))

    @app.post("/studies/{key}/boxes")
    async def box(key: str, request: Request) -> Response:
        asked = await asked_of(request, "low_mm", "high_mm")
        return await edited(key, lambda each: each.box(asked.get("low_mm", ()), asked.get("high_mm", ())))

    @app.delete("/studies/{key}/findings/{label}")
    async def delete(key: str, label: int) -> Response:
        return await edited(key, lambda each: each.delete(label))

    @app.post("/studies/{key}/undo")
    async def undo(key: str) -> Response:
        return await edited(key, lambda each: each.undo())


def _downloads(app: FastAPI, studies: Studies) -> None:
    async def result_of(key: str) -> tuple[Study, Any]:
        study = studies.get(key)
        return study, await anyio.to_thread.run_sync(study.result, limiter=app.state.turn)

    @app.get("/studies/{key}/report")
    async def report(key: str, download: bool = False) -> Response:
        _, result = await result_of(key)
        page = await anyio.to_thread.run_sync(result.report.html)
        return HTMLResponse(page, headers=_attached("report.html") if download else {})

    @app.get("/studies/{key}/report.pdf")
    async def printed(key: str) -> Response:
        _, result = await result_of(key)
        with tempfile.TemporaryDirectory(prefix="colonnade-") as scratch:
            path = Path(scratch) / "report.pdf"
            await anyio.to_thread.run_sync(result.report.save, path, limiter=app.state.turn)
            return Response(path.read_bytes(), media_type="application/pdf", headers=_attached("report.pdf"))

    @app.get("/studies/{key}/result.json")
    async def answer(key: str) -> Response:
        _, result = await result_of(key)
        return Response(dumps(result.to_dict()), media_type="application/json", headers=_attached("result.json"))

    @app.get("/studies/{key}/masks.nii.gz")
    async def masks(key: str) -> Response:
        _, result = await result_of(key)
        with tempfile.TemporaryDirectory(prefix="colonnade-") as scratch:
            await anyio.to_thread.run_sync(result.answer.save_files, Path(scratch))
            path = Path(scratch) / MASKS
            if not path.exists():
                raise InputError("there are no masks: the scan is not evaluable")
            return Response(path.read_bytes(), media_type="application/gzip", headers=_attached(MASKS))

    @app.get("/studies/{key}/audit.jsonl")
    async def audit(key: str) -> Response:
        path = studies.get(key).folder / "audit.jsonl"
        text = path.read_bytes() if path.exists() else b""
        return Response(text, media_type="application/x-ndjson", headers=_attached("audit.jsonl"))

    @app.get("/studies/{key}/documents/{kind}")
    async def document(key: str, kind: str) -> Response:
        study, result = await result_of(key)
        name, data = await anyio.to_thread.run_sync(_document, study, result, kind, limiter=app.state.turn)
        return Response(data, media_type="application/octet-stream", headers=_attached(name))


def _document(study: Study, result: Any, kind: str) -> tuple[str, bytes]:
    from ..documents.write import write_documents

    with tempfile.TemporaryDirectory(prefix="colonnade-") as scratch, without_folder(study.source.parent):
        written = write_documents(result, study.source, Path(scratch) / "out", formats=(kind,)).files[0]
        return written.name, written.read_bytes()


async def _told(app: FastAPI, studies: Studies, key: str, *, status: int = 200) -> JSONResponse:
    study = studies.get(key)
    told = await anyio.to_thread.run_sync(study.told, limiter=app.state.turn)
    return JSONResponse({"id": key, "kept_minutes": studies.kept / 60, **told}, status_code=status)


def _attached(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
