from __future__ import annotations

from pathlib import Path

import pytest

from colonnade.core.errors import FileError, FormatError
from colonnade.verticals.medical.adaptation.ledger import KEY, fault_in, name_of, record, signing_key

ONE, OTHER = b"a key of the hospital", b"a key of somebody else"


def test_records_are_a_chain_that_no_line_can_leave() -> None:
    first = record({"data": "a"}, [], key=None)
    second = record({"data": "b"}, [first], key=None)
    assert not fault_in([first, second])
    assert fault_in([second]) == "record 1 does not follow the one before it"
    assert fault_in([{**first, "data": "c"}, second]) == "record 1 was altered"


def test_a_chain_written_anew_without_the_key_is_found() -> None:
    line = record({"data": "a"}, [], key=ONE)
    assert not fault_in([line], key=ONE)
    forged = record({"data": "c"}, [], key=OTHER)
    assert not fault_in([forged]), "digests alone cannot tell"
    assert fault_in([forged], key=ONE).startswith("record 1 was signed with another key")
    assert fault_in([record({"data": "c"}, [], key=None)], key=ONE) == "record 1 is not signed"
    assert name_of(ONE) not in ("", name_of(OTHER))


def test_the_key_is_read_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY, raising=False)
    assert signing_key() is None
    path = tmp_path / "key"
    path.write_bytes(ONE + b"\n")
    monkeypatch.setenv(KEY, str(path))
    assert signing_key() == ONE
    path.write_bytes(b"short")
    with pytest.raises(FormatError, match="has 5 bytes: at least 16"):
        signing_key()
    with pytest.raises(FileError, match="cannot read the signing key"):
        signing_key(tmp_path / "none")
