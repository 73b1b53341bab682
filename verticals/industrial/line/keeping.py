"""What is kept of a unit beside its result line: the evidence of a reject, the files that could not be read.

    units/UNIT/     report, map and deviation, as `predict` saves them
    aside/UNIT/     the files of a unit that could not be measured, with `reason.txt`
    done/UNIT/      the files of judged units, where the line was told to move them

A second judgement of a unit has its number behind the name. Nothing here decides; a kill between a result and this
loses a copy, never a result.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from ....core.progress import say
from ....core.result import Result
from ....core.version import __version__
from .arrivals import Arrived, Gathered
from .judging import Opinion

if TYPE_CHECKING:
    from ..inspection.pipeline import InspectionPipeline


@final
class Keeping:
    """The folders beside the results of one line."""

    def __init__(self, out: Path, *, keep: str, move: bool) -> None:
        self.out, self.keep, self.move = out, keep, move

    def after(self, unit: Gathered, opinion: Opinion, line: Mapping[str, Any], pipeline: InspectionPipeline) -> None:
        """Keep what is worth keeping of a unit whose result is written."""
        name = unit.unit if line["attempt"] == 1 else f"{unit.unit}-{line['attempt']}"
        try:
            if opinion.answered is not None and self._wanted(line["decision"]):
                _result(opinion, line, pipeline).save(self.out / "units" / name)
            aside = line["decision"] == "unmeasurable" and opinion.answered is None
            if aside:
                self._aside(unit, self.out / "aside" / name, line["reasons"])
            if self.move:
                for file in unit.files.values():
                    move(file.path, self.out / ("aside" if aside else "done") / name / file.path.name)
        except (OSError, ValueError) as error:
            say(f"unit {unit.unit} is judged, but its files could not be kept: {error}")

    def finish(self, file: Arrived) -> None:
        """A file of a unit that was judged before a kill: move it now."""
        if self.move:
            with contextlib.suppress(OSError):
                move(file.path, self.out / "done" / file.unit / file.path.name)

    def late(self, file: Arrived) -> None:
        """A file that came after the verdict: a copy with a reason, and nothing else."""
        with contextlib.suppress(OSError):
            folder = self.out / "aside" / file.unit
            why = f"its {file.sense} came after the verdict"
            _link(file.path, folder / f"late-{file.path.name}")
            (folder / "reason.txt").write_text(f"{why}\n", encoding="utf-8")

    def _wanted(self, decision: str) -> bool:
        return self.keep == "all" or (self.keep == "rejects" and decision != "pass")

    def _aside(self, unit: Gathered, folder: Path, reasons: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "reason.txt").write_text("\n".join(reasons) + "\n", encoding="utf-8")
        if not self.move:
            for file in unit.files.values():
                if file.path.exists():
                    _link(file.path, folder / file.path.name)


def move(path: Path, target: Path) -> None:
    """A file to another place, which may lie on another disk: it is there whole before it is gone here."""
    if not path.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(path, target)
    except OSError:
        aside = target.with_name(f".{target.name}.part")
        shutil.copy2(path, aside)
        os.replace(aside, target)
        path.unlink()


def _link(path: Path, target: Path) -> None:
    """A second name for the file, or a copy where the disk has no such thing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)


def _result(opinion: Opinion, line: Mapping[str, Any], pipeline: InspectionPipeline) -> Result:
    from ....core.result import Source

    answered = opinion.answered
    assert answered is not None
    sources = tuple(
        Source(modality=sense, path=file["path"], sha256=file["sha256"] or "") for sense, file in line["files"].items()
    )
    return Result(
        task=pipeline.task.name, version=__version__, model=pipeline.model, inputs=sources, status=answered.status,
        answer=answered.answer, warnings=tuple(line["warnings"]), report=answered.report, gates=answered.gates,
        seconds=round(sum(opinion.seconds.values()), 3),
    )  # fmt: skip
