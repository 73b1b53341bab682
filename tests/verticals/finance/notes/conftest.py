from __future__ import annotations

import pytest

from colonnade.verticals.finance.notes.read import read_filing
from colonnade.verticals.finance.notes.records import Filing
from colonnade.verticals.finance.tasks import SAMPLES


@pytest.fixture(scope="session")
def filing() -> Filing:
    return read_filing(SAMPLES / "filing.html")
