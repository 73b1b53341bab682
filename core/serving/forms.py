"""From a request to the arguments of `predict`, by way of a folder that lives as long as the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from fastapi import Request
from starlette.exceptions import HTTPException

from ..errors import InputError
from ..vertical import Task
from .uploads import unpack

MOST_FILES = 5000  # slices of one study
BODIES = {"application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl", "text/csv": ".csv"}  # that are one file


async def received(task: Task, request: Request, scratch: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The arguments of `predict` from a request's form, its files written under `scratch`; and what they were called.

    Raises:
        InputError: no form, one that cannot be read, or a field that is no modality.
    """
    kind = request.headers.get("content-type", "")
    if (plain := kind.split(";")[0].strip().lower()) in BODIES:
        name, path = task.minimum[0][0], scratch / f"{task.minimum[0][0]}{BODIES[plain]}"
        await anyio.to_thread.run_sync(path.write_bytes, await request.body())
        return {name: path}, {name: path.name}
    if not kind.startswith(("multipart/form-data", "application/x-www-form")):
        raise InputError(
            "send the modalities as a multipart form (a file or a text field for each), or one file as"
            f" {' or '.join(BODIES)}"
        )
    try:
        async with request.form(max_files=MOST_FILES) as form:
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
