from __future__ import annotations

import hashlib
import os
from pathlib import Path

import networkx
import numpy as np
import pandas
import pytest

from colonnade.core import digest
from colonnade.core.errors import FileError
from colonnade.core.types import Graph


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest.of_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_folder_depends_on_names_and_contents_not_on_where_it_lies(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(b"1")
    assert digest.of_file(tmp_path / "one") == digest.of_file(tmp_path / "two")
    (tmp_path / "two" / "x").rename(tmp_path / "two" / "y")
    assert digest.of_file(tmp_path / "one") != digest.of_file(tmp_path / "two")


def test_a_value_has_a_digest_of_its_shape_and_kind_too():
    flat = np.zeros(4, np.float32)
    assert digest.of_value(flat) != digest.of_value(flat.reshape(2, 2))
    assert digest.of_value(flat) != digest.of_value(flat.astype(np.int32))
    assert digest.of_value("a") == digest.of_value("a")


def test_a_missing_file_is_a_file_error(tmp_path: Path):
    with pytest.raises(FileError, match="cannot read"):
        digest.of_file(tmp_path / "nothing")


def test_a_name_of_foreign_bytes_can_be_digested(tmp_path: Path):
    (tmp_path / os.fsdecode(b"Sch\xe4del.dcm")).write_bytes(b"1")
    assert len(digest.of_file(tmp_path)) == 64


def test_a_frame_and_a_graph_are_digested_whole_and_not_as_they_print():
    frame = pandas.DataFrame({"close": np.arange(500.0), "name": ["a"] * 500})
    other = frame.copy()
    other.loc[250, "close"] = -1.0
    assert digest.of_value(frame) == digest.of_value(frame.copy())
    assert digest.of_value(frame) != digest.of_value(other)
    graphs = [networkx.path_graph(3), networkx.path_graph(3), networkx.path_graph(4)]
    first, same, longer = (digest.of_value(Graph(graph=graph)) for graph in graphs)
    assert first == same != longer
