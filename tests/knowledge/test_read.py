from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from colonnade.core.errors import ColonnadeError, FileError, FormatError
from colonnade.knowledge.graph import Node
from colonnade.knowledge.read import read_edges, read_graph, read_nodes, read_obo
from colonnade.knowledge.write import write_graph

OBO = """format-version: 1.2
ontology: small

[Term]
id: X:1
name: Nodule
synonym: "Spot" EXACT layperson []
synonym: "Lump" RELATED []

[Term]
id: X:2
name: Solid nodule
is_a: X:1 ! Nodule
relationship: part_of X:1

[Term]
id: X:3
name: Old
is_obsolete: true
"""


@pytest.fixture
def file(graph, tmp_path) -> Path:
    path = tmp_path / "graph.jsonl"
    write_graph(graph, path)
    return path


def test_what_was_written_is_read_again(graph, schema, file):
    again = read_graph(file, schema)
    assert again.plain() == graph.plain()
    assert again.digest == graph.digest


def test_equal_graphs_give_equal_bytes(graph, file, tmp_path):
    write_graph(graph.joined([], []), tmp_path / "other.jsonl")
    assert (tmp_path / "other.jsonl").read_bytes() == file.read_bytes()
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_name_may_hold_any_character(graph, schema, tmp_path):
    odd = graph.joined([Node(id="x\u2028y", kind="sign", name='a\u0085b "c" \\ \n \U0001fac1')], [])
    write_graph(odd, tmp_path / "odd.jsonl")
    assert read_graph(tmp_path / "odd.jsonl", schema).plain() == odd.plain()


def _edited(file: Path, line: int, text: str) -> None:
    lines = file.read_text().splitlines()
    lines[line] = text
    file.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("line", "text", "words"),
    [
        (0, "{}", "no graph of format"),
        (0, '{"format": "colonnade-graph", "version": 2, "schema": "lung"}', "no graph of format"),
        (0, '{"format": "colonnade-graph", "version": 1, "schema": "money"}', "schema 'money'"),
        (1, "", "line 2 is no JSON object"),
        (1, "[1]", "line 2 is no JSON object, but a list"),
        (1, "[" * 100_000, "line 2 is no JSON object"),
        (1, '{"node": {"id": "x", "id": "y"}}', "a name twice"),
        (1, '{"node": {"id": "x", "kind": "sign", "name": NaN}}', "NaN"),
        (1, '{"node": {"id": "x", "kind": "sign", "name": 3}}', "as text"),
        (1, '{"node": {"id": "x", "kind": "sign", "name": "X", "attributes": {"a": 1e999}}}', "line 2 is no JSON"),
        (1, '{"node": {"id": "x", "kind": "sign", "name": "\\ud800"}}', "line 2 is no JSON"),
        (1, '{"node": {"id": "x", "kind": "sign", "name": "X", "code": "import os"}}', "no others"),
        (1, '{"node": {"id": "x", "kind": "sign", "name": "X", "attributes": {"a": [1]}}}', "plain values"),
        (1, '{"node": {"id": "x", "kind": "sign", "name": "X", "synonyms": "X"}}', "list of text"),
        (1, '{"node": {}, "edge": {}}', "one node or one edge"),
        (1, '{"node": {"id": "x", "kind": "sing", "name": "X"}}', "did you mean 'sign'"),
        (1, '{"node": {"id": "x", "kind": "sign", "name": "X"}}', "no node|damaged"),
        (-1, '{"edge": {"source": "s1", "kind": "is_a", "target": "s2"}}', "evidence"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_a_sentence(schema, file, line, text, words):
    _edited(file, line, text)
    with pytest.raises(ColonnadeError, match=words):
        read_graph(file, schema)


def test_an_edited_file_is_refused(schema, file):
    rows = [json.loads(each) for each in file.read_text().splitlines()]
    rows[-1]["edge"]["evidence"] = "my own word"
    file.write_text("\n".join(json.dumps(each) for each in rows))
    with pytest.raises(FormatError, match="damaged or was edited"):
        read_graph(file, schema)


def test_a_file_that_is_none_is_refused(schema, tmp_path):
    with pytest.raises(FileError, match="no file"):
        read_graph(tmp_path / "none.jsonl", schema)
    (tmp_path / "bytes.jsonl").write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(FormatError, match="UTF-8"):
        read_graph(tmp_path / "bytes.jsonl", schema)
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(FormatError, match="line 1"):
        read_graph(tmp_path / "empty.jsonl", schema)


def test_a_place_that_cannot_be_written_to_is_refused(graph, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write"):
        write_graph(graph, tmp_path / "file" / "graph.jsonl")


def test_an_ontology_gives_live_terms_with_what_means_the_same(tmp_path):
    pytest.importorskip("obonet", reason="the extra knowledge is not installed")
    (tmp_path / "x.obo").write_text(OBO)
    nodes, edges = read_obo(tmp_path / "x.obo", kind="sign", evidence="X 1")
    assert [(each.id, each.name, each.synonyms) for each in nodes] == [
        ("X:1", "Nodule", ("Spot",)),
        ("X:2", "Solid nodule", ()),
    ]
    assert {(each.source, each.kind, each.target) for each in edges} == {
        ("X:2", "is_a", "X:1"),
        ("X:2", "part_of", "X:1"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not an ontology",
        "[Term]\nid X:1\n",
        "[Term]\nid: X:1\nname: A\nrelationship: broken\n",
        "[Term]\nname: A\n",
    ],
    ids=["empty", "prose", "no colon", "half a relationship", "no id"],
)
def test_what_is_no_ontology_is_refused(tmp_path, text, caplog):
    pytest.importorskip("obonet", reason="the extra knowledge is not installed")
    caplog.set_level(logging.CRITICAL)
    (tmp_path / "x.obo").write_text(text)
    with pytest.raises(FormatError, match="no OBO ontology"):
        read_obo(tmp_path / "x.obo", kind="sign", evidence="X")


def test_an_address_is_a_file_that_does_not_exist_and_is_never_fetched():
    pytest.importorskip("obonet", reason="the extra knowledge is not installed")
    with pytest.raises(FileError, match="no file"):
        read_obo("https://example.org/hp.obo", kind="sign", evidence="X")


def test_tables_of_nodes_and_edges_are_read(tmp_path):
    (tmp_path / "n.csv").write_text("id,name,synonyms,system\na,Alpha,first|one,S\nb,Beta,,\n")
    (tmp_path / "e.csv").write_text("source,kind,target,evidence\na,is_a,b,a book\n")
    first, second = read_nodes(tmp_path / "n.csv", kind="code")
    assert (first.synonyms, first.attributes, second.synonyms, second.attributes) == (
        ("first", "one"),
        {"system": "S"},
        (),
        {},
    )
    assert [each.plain() for each in read_edges(tmp_path / "e.csv")] == [
        {"source": "a", "kind": "is_a", "target": "b", "evidence": "a book"}
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [("id\na\n", "lacks name"), ("id,name\na\n", "number of cells"), ("id,name\na,b,c\n", "number of cells"),
     ('id,name\n"a\n', "no CSV")],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_refused(tmp_path, text, words):
    (tmp_path / "n.csv").write_text(text)
    with pytest.raises(FormatError, match=words):
        read_nodes(tmp_path / "n.csv", kind="code")
