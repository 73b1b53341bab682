from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from colonnade.core.audit import AuditLog, facts_of
from colonnade.core.errors import FileError, FormatError
from colonnade.core.result import Result, Source


def filled(path: Path, count: int = 4) -> tuple[AuditLog, str]:
    log, head = AuditLog(path), ""
    for n in range(count):
        head = log.append("predict", {"case": n, "words": "é\ud800 \n", "score": 0.1 * n})
    return log, head


def test_a_log_that_was_only_appended_to_holds(tmp_path: Path) -> None:
    log, head = filled(tmp_path / "log.jsonl")
    found = log.verify(head)
    assert (found.whole, found.lines, found.head) == (True, 4, head)
    assert [json.loads(each)["n"] for each in log.path.read_bytes().splitlines()] == [1, 2, 3, 4]


def altered(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b'"case":2', b'"case":9'), lines[3]]


@pytest.mark.parametrize(
    ("spoil", "line", "says"),
    [
        (altered, 3, "was altered"),
        (lambda lines: [lines[0], lines[2], lines[3]], 2, "does not follow"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2, "does not follow"),
        (lambda lines: lines[1:], 1, "does not follow"),
        (lambda lines: [lines[0], lines[1], lines[1], *lines[2:]], 3, "does not follow"),
        (lambda lines: [*lines[:3], lines[3][:20]], 4, "is cut"),
        (lambda lines: [*lines[:3], lines[3].replace(b'"case":3', b'"case":8')], 4, "was altered"),
        (lambda lines: [*lines[:3], lines[3].replace(b"{", b"{ ", 1)], 4, "was altered"),
        (lambda lines: [lines[0], b"[1]\n", *lines[1:]], 2, "is cut or is no line"),
    ],
)
def test_the_first_line_that_was_altered_removed_or_moved_is_found(spoil, line: int, says: str, tmp_path: Path) -> None:
    log, _ = filled(tmp_path / "log.jsonl")
    log.path.write_bytes(b"".join(spoil(log.path.read_bytes().splitlines(keepends=True))))
    found = log.verify()
    assert found.lines == line - 1
    assert found.fault.startswith(f"line {line} ")
    assert says in found.fault


def test_a_line_forged_with_its_own_digest_breaks_the_next(tmp_path: Path) -> None:
    log, _ = filled(tmp_path / "log.jsonl")
    lines = log.path.read_bytes().splitlines(keepends=True)
    (tmp_path / "other.jsonl").write_bytes(b"".join(lines[:1]))
    other = AuditLog(tmp_path / "other.jsonl")
    other.append("predict", {"case": "forged"})
    log.path.write_bytes(lines[0] + other.path.read_bytes().splitlines(keepends=True)[1] + b"".join(lines[2:]))
    found = log.verify()
    assert found.lines == 2
    assert found.fault.startswith("line 3 does not follow")


def test_a_cut_end_shows_against_the_head(tmp_path: Path) -> None:
    log, head = filled(tmp_path / "log.jsonl")
    log.path.write_bytes(b"".join(log.path.read_bytes().splitlines(keepends=True)[:3]))
    assert log.verify().whole
    assert "after line 3 are missing" in log.verify(head).fault


def test_nothing_is_added_to_a_log_whose_last_line_does_not_hold(tmp_path: Path) -> None:
    log, _ = filled(tmp_path / "log.jsonl")
    log.path.write_bytes(log.path.read_bytes()[:-9])
    before = log.path.read_bytes()
    with pytest.raises(FileError, match="cut or altered"):
        log.append("predict")
    assert log.path.read_bytes() == before


def test_two_processes_append_to_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    code = (
        "import sys; from pathlib import Path; from colonnade.core.audit import AuditLog\n"
        "for n in range(40): AuditLog(Path(sys.argv[1])).append('edit', {'by': sys.argv[2], 'long': 'x' * 3000})"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("a", "b")]
    assert [each.wait(60) for each in started] == [0, 0]
    found = AuditLog(path).verify()
    assert (found.fault, found.lines) == ("", 80)


def test_a_line_longer_than_a_block_is_followed(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "log.jsonl")
    for _ in range(3):
        log.append("edit", {"long": "y" * 400_000})
    assert log.verify().lines == 3


def test_an_answer_is_kept_by_its_digests(tmp_path: Path) -> None:
    source = Source(modality="ct", path="/home/jane/ct", sha256="ab" * 32)
    result = Result(task="t", version="1", model={"sha256": "cd"}, inputs=(source,), status="ok", answer=source)
    log = AuditLog(tmp_path / "log.jsonl")
    log.append("predict", facts_of(result, settings={"threshold": 0.2}, edits={"click": [1, 2, 3]}))
    line = json.loads(log.path.read_bytes())
    assert (line["inputs"], line["settings"]) == ({"ct": "ab" * 32}, {"threshold": 0.2})
    assert "jane" not in log.path.read_text()


def test_facts_that_are_no_json_or_take_the_logs_own_names_are_refused(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "log.jsonl")
    with pytest.raises(FormatError, match="name the fact otherwise"):
        log.append("predict", {"previous": "x"})
    with pytest.raises(FormatError, match="JSON only"):
        log.append("predict", {"what": object()})
    assert not log.path.exists() or not log.path.read_bytes()


def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read the audit log"):
        AuditLog(tmp_path / "none.jsonl").verify()
