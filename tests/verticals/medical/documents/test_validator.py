from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from colonnade.core.result import Result
from colonnade.verticals.medical.documents.write import write_documents

pytest.importorskip("highdicom", reason="highdicom is part of the extra 'dicom'")
VALIDATOR = shutil.which("dciodvfy")


@pytest.mark.skipif(VALIDATOR is None, reason="dciodvfy of dicom3tools is not installed")
@pytest.mark.parametrize("kind", ["seg", "sr"])
def test_a_validator_finds_no_error_in_what_is_written(result: Result, study: Path, tmp_path: Path, kind: str) -> None:
    (file,) = [each for each in write_documents(result, study, tmp_path / "out").files if kind in each.name]
    told = subprocess.run([str(VALIDATOR), str(file)], capture_output=True, text=True, check=False).stderr
    assert told, "the validator says nothing, not even the name of the object"
    assert not [line for line in told.splitlines() if line.startswith("Error")], told
