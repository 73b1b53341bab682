"""What a server takes and answers, as OpenAPI 3.1: made from the tasks' records, not from the code of the routes.

The answer of a task is described by the answer to its sample, once that is known: its fields and their types. Other
inputs may leave fields out, or have null where nothing is known, so none of them is promised. It knows no web library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..engine.folder import Description, Port
from ..version import __version__
from ..vertical import Modality, Task

Schema = dict[str, Any]

_HEAD = ("task", "version", "model", "inputs", "status", "gates", "warnings", "report", "seconds")
_NUMBER: Schema = {"type": "string", "description": "the request's number, which the server's log has too"}
_ERRORS = {
    "404": "no such task is served here",
    "408": "the request did not arrive whole in its time",
    "413": "the request is larger than this server takes",
    "422": "the input cannot be used: the sentence says why, and the cure",
    "500": "a fault of the server: its log has the traceback under the request's number",
    "503": "as many requests wait as may, or the server is stopping; Retry-After says when to ask again",
    "504": "the answer took longer than a request may take",
}


def document(
    tasks: Iterable[Task], *, samples: Mapping[str, Mapping[str, Any]], paths: Mapping[str, Schema] | None = None
) -> Schema:
    """The whole description; `samples` are answers by task, `paths` are routes that are described elsewhere."""
    schemas: Schema = {"Error": _error(), "Result": _result()}
    found: Schema = dict(_common())
    for task in tasks:
        name = _title(task.name)
        schemas[f"{name}Record"] = record(task)
        schemas[f"{name}Result"] = answer(task, samples.get(task.name))
        found[f"/v1/{task.name}"] = {"post": _predict(task, name, samples.get(task.name))}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Colonnade",
            "version": __version__,
            "description": "Pipelines behind HTTP: files in, the result or its report out.",
        },
        "paths": found | dict(paths or {}),
        "components": {"schemas": schemas, "responses": {status: _response(said) for status, said in _ERRORS.items()}},
    }


def record(task: Task) -> Schema:
    """The form of a task: a field for each modality, and the subsets that are enough."""
    subsets = [{"required": list(subset)} for subset in task.minimum]
    return {
        "type": "object",
        "description": task.summary,
        "properties": {each.name: _field(each) for each in task.modalities},
        "additionalProperties": False,
        **(subsets[0] if len(subsets) == 1 else {"anyOf": subsets}),
    }


def answer(task: Task, sample: Mapping[str, Any] | None) -> Schema:
    """The result of a task."""
    own = {key: _shape(value) for key, value in (sample or {}).items() if key not in _HEAD}
    return {"allOf": [{"$ref": "#/components/schemas/Result"}, {"type": "object", "description": task.answer,
            "properties": {"task": {"const": task.name}, **own}}]}  # fmt: skip


def program(name: str, description: Description) -> Schema:
    """The routes of an exported program: its arrays by name, each with the axes and the kind of number that it has."""
    forms = ("application/x-safetensors", "application/x-npz")
    sides = {"inputs": description.inputs, "outputs": description.outputs}
    bodies: Schema = {}
    for side, ports in sides.items():
        arrays = {port.name: _array(port) for port in ports}
        whole = {"type": "object", "properties": arrays, "required": list(arrays), "additionalProperties": False}
        plain = {"type": "object", "properties": {side: whole}, "required": [side], "additionalProperties": False}
        binary = {"schema": {"type": "string", "format": "binary"}}
        bodies[side] = {"application/json": {"schema": plain}, **dict.fromkeys(forms, binary)}
    title = _title(name)
    said = "; ".join(f"{key}: {note}" for key, note in description.notes.items())
    about = {"type": "object", "description": "the description of the program"}
    return {
        "get": {
            "operationId": f"describe_program_{title}",
            "summary": f"what the program of {description.task} reads and gives",
            "responses": {"200": {"description": "it", "content": {"application/json": {"schema": about}}}},
        },
        "post": {
            "operationId": f"run_program_{title}",
            "summary": f"run the program of {description.task}",
            "description": said,
            "requestBody": {"required": True, "content": bodies["inputs"]},
            "responses": {
                "200": {"description": "the outputs, in the form of the request", "content": bodies["outputs"]},
                **refusals("408", "413", "422", "500", "503"),
            },
        },
    }


def refusals(*statuses: str) -> Schema:
    """The error responses of a route."""
    return {status: {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _field(modality: Modality) -> Schema:
    said = {"description": modality.takes, "x-noun": modality.noun}
    if modality.inline:
        return {"type": "string", "minLength": 1, **said}
    file: Schema = {"type": "string", "format": "binary"}
    return {"type": "array", "items": file, "minItems": 1, **said} if "folder" in modality.takes else {**file, **said}


def _array(port: Port) -> Schema:
    """Nested lists, as deep as there are axes."""
    number = {"b": "boolean", "i": "integer", "u": "integer"}.get(np.dtype(port.dtype).kind)
    schema: Schema = {"type": number} if number else {"type": ["number", "null"]}
    for axis in reversed(port.shape):
        exact = {"minItems": int(axis), "maxItems": int(axis)} if axis.isdigit() else {"minItems": 1}
        schema = {"type": "array", "items": schema, "title": axis, **exact}
    return {**schema, "description": f"[{', '.join(port.shape)}] of {port.dtype}"}


def _predict(task: Task, name: str, sample: Mapping[str, Any] | None) -> Schema:
    files = {each.name: {"contentType": "application/octet-stream"} for each in task.modalities if not each.inline}
    form = {"schema": {"$ref": f"#/components/schemas/{name}Record"}, **({"encoding": files} if files else {})}
    content: Schema = {"multipart/form-data": form}
    first = task.modality(task.minimum[0][0])
    if not first.inline and len(task.minimum[0]) == 1:
        lines = {"schema": {"type": "string", "description": f"{first.name}: {first.takes}"}}
        content |= {"text/csv": lines, "application/x-ndjson": lines}
    told: Schema = {"schema": {"$ref": f"#/components/schemas/{name}Result"}}
    if sample is not None:
        told["example"] = dict(sample)
    page = {"schema": {"type": "string", "description": "the report, with ?as=report"}}
    return {
        "operationId": f"predict_{name}",
        "tags": [task.name.split("/")[0]],
        "summary": task.summary,
        "description": task.answer,
        "parameters": [
            {"name": "as", "in": "query", "schema": {"enum": ["report"]}, "description": "the report as a page"},
            {"name": "x-request-id", "in": "header", "schema": {"type": "string"}, "description": "a number to keep"},
        ],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "the result", "content": {"application/json": told, "text/html": page}},
            **refusals("408", "413", "422", "500", "503", "504"),
        },
    }


def _common() -> Schema:
    def plain(about: str, schema: Schema, kind: str = "application/json") -> Schema:
        return {"description": about, "content": {kind: {"schema": schema}}}

    state: Schema = {"type": "object", "properties": {"ready": {"type": "boolean"}, "models": {"type": "object"}}}
    tasks = {"type": "object", "properties": {"tasks": {"type": "array", "items": {"type": "object"}}}}
    alive: Schema = {"type": "object", "properties": {"status": {"type": "string"}, "version": {"type": "string"}}}
    return {
        "/health": {"get": {"operationId": "health", "summary": "does the process live?",
            "responses": {"200": plain("it does", alive), **refusals("503")}}},
        "/ready": {"get": {"operationId": "ready", "summary": "does it answer, and with which models?",
            "responses": {"200": plain("it does", state), "503": plain("not yet, or not any more", state)}}},
        "/metrics": {"get": {"operationId": "metrics", "summary": "counts and times, for Prometheus",
            "responses": {"200": plain("all of them", {"type": "string"}, "text/plain")}}},
        "/v1/tasks": {"get": {"operationId": "tasks", "summary": "what is served, and what each task takes",
            "responses": {"200": plain("the tasks", tasks)}}},
    }  # fmt: skip


def _result() -> Schema:
    source = {
        "type": "object",
        "properties": {
            "modality": {"type": "string"},
            "path": {"type": ["string", "null"], "description": "the name that the caller's file had"},
            "sha256": {"type": "string"},
        },
        "required": ["modality", "path", "sha256"],
    }
    properties: Schema = {
        "task": {"type": "string"},
        "version": {"type": "string", "description": "of Colonnade"},
        "model": {"type": "object", "description": "name, digest and seed of the weights that answered"},
        "inputs": {"type": "array", "items": source},
        "status": {"type": "string"},
        "gates": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "report": {"type": ["string", "null"]},
        "seconds": {"type": "number", "minimum": 0},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _error() -> Schema:
    sentence: Schema = {"type": "string", "description": "what, the values, the cure"}
    properties = {"error": sentence, "kind": {"type": "string"}, "request": _NUMBER}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _response(said: str) -> Schema:
    return {
        "description": said,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        "headers": {"x-request-id": {"schema": _NUMBER}, "retry-after": {"schema": {"type": "string"}}},
    }


def _shape(value: Any) -> Schema:
    """The type of a value; anything may be null elsewhere, and of a null nothing is known."""
    if isinstance(value, bool):
        return {"type": ["boolean", "null"]}
    if isinstance(value, (int, float)):
        return {"type": ["number", "null"]}
    if isinstance(value, str):
        return {"type": ["string", "null"]}
    if isinstance(value, Mapping):
        return {"type": ["object", "null"], "properties": {str(key): _shape(each) for key, each in value.items()}}
    if isinstance(value, (list, tuple)):
        shapes = [_shape(each) for each in value]
        same = bool(shapes) and all(each.get("type") == shapes[0].get("type") for each in shapes)
        return {"type": ["array", "null"], **({"items": _joined(shapes)} if same else {})}
    return {}


def _joined(shapes: list[Schema]) -> Schema:
    """One shape for all items: of objects, the fields on whose type all that have them agree."""
    fields: Schema = {}
    for shape in shapes:
        for key, each in shape.get("properties", {}).items():
            fields[key] = each if key not in fields or fields[key] == each else {}
    return {"type": shapes[0].get("type"), **({"properties": fields} if fields else {})}


def _title(name: str) -> str:
    """`finance/market-risk` is FinanceMarketRisk."""
    return "".join(part.capitalize() for part in name.replace("/", "-").split("-"))
