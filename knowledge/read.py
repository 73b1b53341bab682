"""Graphs from files: our own lines of JSON, OBO ontologies, and tables. What does not fit is refused in one sentence.

Nothing is fetched and nothing is run: files are read as text. It is the one owner of obonet.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import FileError, FormatError
from ..core.optional import require
from .graph import Edge, KnowledgeGraph, Node
from .schema import Schema
from .write import FORMAT, VERSION

LARGEST = 256 * 2**20  # bytes of a file
_NODE, _EDGE = {"id", "kind", "name", "synonyms", "attributes"}, {"source", "kind", "target", "evidence"}


def read_graph(path: str | Path, schema: Schema) -> KnowledgeGraph:
    """A graph as `write_graph` wrote it.

    Raises:
        FileError: missing, unreadable or too large.
        FormatError: not such a file, of another schema or a newer version, damaged, or not fitting the schema.
        UnknownName: a kind that the schema does not have.
    """
    lines = _text(path).removesuffix("\n").split("\n")  # a name may hold other breaks of lines
    head = _object(path, 1, lines[0])
    if head.get("format") != FORMAT or head.get("version") != VERSION:
        raise FormatError(f"{path} is no graph of format {FORMAT} version {VERSION}: its first line says otherwise")
    if head.get("schema") != schema.name:
        raise FormatError(f"{path} is a graph of schema {head.get('schema')!r}, not of {schema.name!r}")
    nodes, edges = [], []
    for number, line in enumerate(lines[1:], start=2):
        row = _object(path, number, line)
        if set(row) == {"node"}:
            nodes.append(_node(path, number, row["node"]))
        elif set(row) == {"edge"}:
            edges.append(_edge(path, number, row["edge"]))
        else:
            raise FormatError(f"{path}, line {number}: a line is one node or one edge, got {sorted(row)}")
    graph = KnowledgeGraph(schema, nodes, edges)
    if graph.digest != head.get("digest"):
        raise FormatError(f"{path} is damaged or was edited: its contents do not have the digest that it states")
    return graph


def read_obo(path: str | Path, *, kind: str, evidence: str) -> tuple[list[Node], list[Edge]]:
    """Terms of an OBO ontology as nodes of `kind`, and their `is_a` and relationships as edges; obsolete ones are left
    out, and so are edges to them.

    Raises:
        MissingExtra: obonet is not installed.
        FileError, FormatError: missing, unreadable, too large, or no OBO file.
    """
    obonet = require("obonet", "knowledge", "reading OBO ontologies")
    text = _text(path)
    if "[Term]" not in text:
        raise FormatError(f"{path} is no OBO ontology: it has no [Term]")
    try:
        terms = obonet.read_obo(io.StringIO(text))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} is no OBO ontology: {error or type(error).__name__}") from error
    live = {name: data for name, data in terms.nodes(data=True) if data.get("name")}
    nodes = [
        Node(id=name, kind=kind, name=str(data["name"]), synonyms=tuple(_quoted(data.get("synonym", ()))))
        for name, data in live.items()
    ]
    edges = [
        Edge(source=source, kind=str(relation), target=target, evidence=evidence)
        for source, target, relation in terms.edges(keys=True) if source in live and target in live
    ]  # fmt: skip
    return nodes, edges


def read_nodes(path: str | Path, *, kind: str) -> list[Node]:
    """A CSV table of nodes: `id`, `name`, perhaps `synonyms` (divided by |); other columns become attributes.

    Raises:
        FileError, FormatError: missing, unreadable, or without these columns.
    """
    rows = _rows(path, ("id", "name"))
    return [
        Node(id=row["id"], kind=kind, name=row["name"],
             synonyms=tuple(filter(None, row.get("synonyms", "").split("|"))),
             attributes={k: v for k, v in row.items() if k not in ("id", "name", "synonyms") and v})
        for row in rows
    ]  # fmt: skip


def read_edges(path: str | Path) -> list[Edge]:
    """A CSV table of edges: `source`, `kind`, `target`, `evidence`.

    Raises:
        FileError, FormatError: missing, unreadable, or without these columns.
    """
    columns = ("source", "kind", "target", "evidence")
    return [Edge(**{name: row[name] for name in columns}) for row in _rows(path, columns)]


def _text(path: str | Path) -> str:
    place = Path(path)
    try:
        if not place.is_file():
            raise FileError(f"there is no file {place}")
        if place.stat().st_size > LARGEST:
            raise FileError(f"{place} is larger than {LARGEST // 2**20} MiB, which no graph here is")
        return place.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{place} is not text in UTF-8") from error
    except OSError as error:
        raise FileError(f"cannot read {place}: {error.strerror}") from error


def _object(path: str | Path, number: int, line: str) -> dict[str, Any]:
    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("a name twice")
        return dict(pairs)

    def never(word: str) -> Any:
        raise ValueError(f"{word} is no number of JSON")

    try:
        row = json.loads(line, object_pairs_hook=once, parse_constant=never)
        json.dumps(row, allow_nan=False, ensure_ascii=False).encode()  # 1e999 and halves of characters are refused
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}, line {number} is no JSON object: {error}") from error
    if not isinstance(row, dict):
        raise FormatError(f"{path}, line {number} is no JSON object, but a {type(row).__name__}")
    return row


def _node(path: str | Path, number: int, row: Any) -> Node:
    fields = _fields(path, number, row, _NODE, needed=("id", "kind", "name"))
    synonyms, attributes = fields.get("synonyms", []), fields.get("attributes", {})
    plain = isinstance(attributes, dict) and all(isinstance(v, (str, int, float, bool)) for v in attributes.values())
    if not isinstance(synonyms, list) or not all(isinstance(each, str) for each in synonyms) or not plain:
        raise FormatError(f"{path}, line {number}: synonyms are a list of text, attributes plain values")
    return Node(
        id=fields["id"], kind=fields["kind"], name=fields["name"], synonyms=tuple(synonyms), attributes=attributes
    )


def _edge(path: str | Path, number: int, row: Any) -> Edge:
    return Edge(**_fields(path, number, row, _EDGE, needed=tuple(_EDGE)))


def _fields(path: str | Path, number: int, row: Any, known: set[str], *, needed: Sequence[str]) -> dict[str, Any]:
    good = isinstance(row, dict) and set(row) <= known and all(isinstance(row.get(name), str) for name in needed)
    if not good:
        got = sorted(map(str, row)) if isinstance(row, dict) else type(row).__name__
        raise FormatError(f"{path}, line {number} needs {', '.join(sorted(needed))} as text and no others, got {got}")
    return dict(row)


def _rows(path: str | Path, columns: Sequence[str]) -> Iterator[Mapping[str, str]]:
    text = _text(path)
    try:
        table = csv.DictReader(io.StringIO(text), strict=True)
        lost = [name for name in columns if name not in (table.fieldnames or ())]
        if lost:
            raise FormatError(f"{path} needs the columns {', '.join(columns)}; it lacks {', '.join(lost)}")
        for row in table:
            if None in row or None in row.values():
                raise FormatError(f"{path}, line {table.line_num} has another number of cells than the header")
            yield {name: value.strip() for name, value in row.items()}
    except csv.Error as error:
        raise FormatError(f"{path} is no CSV table: {error}") from error


def _quoted(synonyms: Sequence[str]) -> Iterator[str]:
    """The words of OBO synonyms: `"lung nodule" EXACT layperson []`; only those that mean the same."""
    for each in synonyms:
        parts = each.split('"')
        if len(parts) >= 3 and parts[2].strip().startswith("EXACT"):
            yield parts[1]
