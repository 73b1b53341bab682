"""An answer in the audit log: digests only, and a line that was altered shows."""

from __future__ import annotations

import json
from pathlib import Path

from colonnade.core.audit import AuditLog
from colonnade.core.result import Result, Source
from colonnade.verticals.medical.log import log_answer
from colonnade.verticals.medical.reporting.rehearsal import rehearsed


def test_a_line_holds_digests_and_settings_and_no_content(tmp_path: Path) -> None:
    answer = rehearsed(3).answer
    source = Source(modality="indication", path=None, sha256="ab" * 32)
    weights = {"sha256": "cd"}
    result = Result(task="medical/nodules", version="0", model=weights, inputs=(source,), status="ok", answer=answer)
    head = log_answer(result, tmp_path / "log.jsonl")
    log_answer(result, tmp_path / "log.jsonl", event="corrected", edits={"finding": 1})
    log = AuditLog(tmp_path / "log.jsonl")
    assert log.verify().whole
    first = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert first["sha256"] == head
    assert first["inputs"] == {"indication": "ab" * 32}
    assert first["settings"]["operating_point"] == answer.threshold
    assert set(first["settings"]["guidelines"]) == {each.guideline for each in answer.management}
    altered = (tmp_path / "log.jsonl").read_text().replace('"operating_point":0.2', '"operating_point":0.9', 1)
    (tmp_path / "log.jsonl").write_text(altered)
    assert log.verify().fault.startswith("line 1")
