"""A graph to a file: one JSON object a line, a header first, nodes and edges in a fixed order.

Written aside, then moved. Equal graphs give equal bytes. It reads nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from ..core.errors import FileError
from .graph import KnowledgeGraph

FORMAT, VERSION = "colonnade-graph", 1


def header(graph: KnowledgeGraph) -> dict[str, str | int]:
    """The first line of a file."""
    return {"format": FORMAT, "version": VERSION, "schema": graph.schema.name, "digest": graph.digest}


def write_graph(graph: KnowledgeGraph, path: str | Path) -> None:
    """Write the graph; a file of that name is replaced at once or left as it was.

    Raises:
        FileError: the place cannot be written to.
    """
    target = Path(path)
    lines = [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in (header(graph), *graph.plain())]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write("\n".join(lines) + "\n")
            os.chmod(aside, 0o644)
            os.replace(aside, target)
        finally:
            Path(aside).unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"cannot write {target}: {error.strerror}") from error
