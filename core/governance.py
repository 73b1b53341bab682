"""The evidence part of a validation file: what is expected of a model, what was run for it, and what came out.

An expectation is never left out in silence: it passes, fails, or was not run for a stated reason. It knows nothing of
any field; chapters are the vertical's own, as plain JSON here and as a page in the report.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from .errors import MissingExtra
from .result import Report, dumps, plain, whole_folder

Status = Literal["pass", "fail", "not run"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """One line of the closing table: what is expected, what was run, and what was found (or why nothing was run)."""

    chapter: str
    expects: str
    ran: str
    status: Status
    found: str


@dataclass(frozen=True, kw_only=True)
class Governance:
    """The answer of `governance`. `simulated` is None where nobody said whether the data are."""

    task: str
    version: str
    model: Mapping[str, Any]
    data: str
    simulated: bool | None
    summary: str
    expectations: tuple[Expectation, ...]
    chapters: tuple[Mapping[str, Any], ...]
    report: Report
    seconds: float = 0.0

    def counts(self) -> dict[str, int]:
        """How many expectations passed, failed, and were not run."""
        return {
            status: sum(each.status == status for each in self.expectations) for status in ("pass", "fail", "not run")
        }

    def to_dict(self) -> dict[str, Any]:
        return plain({
            "task": self.task, "version": self.version, "model": dict(self.model), "data": self.data,
            "simulated": self.simulated, "summary": self.summary, "counts": self.counts(),
            "expectations": [asdict(each) for each in self.expectations], "chapters": list(self.chapters),
            "seconds": self.seconds,
        })  # fmt: skip

    def save(self, folder: str | Path) -> Path:
        """Write `governance.html`, `governance.json` and, where fpdf2 is installed, `governance.pdf`: all or none."""
        with whole_folder(folder) as aside:
            self.report.save(aside / "governance.html")
            (aside / "governance.json").write_text(dumps(self.to_dict()), encoding="utf-8")
            with contextlib.suppress(MissingExtra):  # the page says the same
                self.report.save(aside / "governance.pdf")
        return Path(folder)
