from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from colonnade.core import digest
from colonnade.core.errors import FileError


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
