"""Studies that are open in the app: each a scan, its answer and the reader's corrections, in memory until it expires.

It knows no HTTP: `app` asks, and what is told here is plain JSON and bytes.
"""

from __future__ import annotations

import base64
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.result import Result, plain
from ....core.serving.held import Held
from ....core.types import Volume
from ..correction.outline import Outline
from ..correction.session import Correction
from ..followup.comparison import Comparison, again
from ..pipeline import NodulePipeline
from ..records import BANNER, Nodules
from ..reporting.conclusion import managed
from ..studies.geometry import canonical

MOST = 4  # studies held at once: each holds a whole CT
KEPT = 1800.0  # seconds without use after which a study is closed


@dataclass(kw_only=True, eq=False)
class Study:
    """One open study. `correction` is missing where nothing could be judged."""

    name: str
    folder: Path
    source: Path
    volume: Volume
    opened: Result
    record: Mapping[str, Any]
    correction: Correction | None
    used: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def result(self) -> Result:
        """The answer as it stands."""
        return self.correction.result() if self.correction is not None else self.opened

    def close(self) -> None:
        """The files go."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def edit(self, act: Callable[[Correction], object]) -> None:
        """Do one edit, alone.

        Raises:
            InputError: what the correction refuses.
        """
        if self.correction is None:
            raise InputError(f"there is nothing to correct: {'; '.join(self.opened.answer.reasons)}")
        with self.lock:
            act(self.correction)

    def slice(self, number: int) -> bytes:
        """Hounsfield units of one axial slice, counted from the feet, as little-endian int16 by rows: the patient's
        front is at the top and the right side on the left.

        Raises:
            InputError: no such slice.
        """
        count = self.volume.voxels.shape[2]
        if not 0 <= number < count:
            raise InputError(f"there is no slice {number}: the scan has slices 0 to {count - 1}")
        shown = self.volume.voxels[::-1, ::-1, number].T
        return np.ascontiguousarray(np.clip(np.round(shown), -1024, 3071), "<i2").tobytes()

    def told(self) -> dict[str, Any]:
        """Everything the page shows beside the slices."""
        answer: Nodules = self.opened.answer
        correction = self.correction
        found = correction.findings if correction is not None else ()
        changed = dict(correction.changed) if correction is not None else {}
        outlines = correction.outlines if correction is not None else {}
        made = answer.comparison
        made = again(made, found, shown=self.volume) if made is not None else None
        changes = {each.label: each for each in made.changes} if made is not None else {}
        standing = replace(answer, findings=found, comparison=made)
        return plain(
            {
                "banner": BANNER,
                "name": self.name,
                "shape": list(self.volume.voxels.shape),
                "spacing": list(self.volume.spacing),
                "affine": [[float(each) for each in row] for row in self.volume.affine],
                "status": self.opened.status,
                "reasons": answer.reasons,
                "warnings": list(self.opened.warnings),
                "model": dict(self.opened.model),
                "seconds": self.opened.seconds,
                "lung_volume_ml": answer.lung_volume_ml,
                "threshold": answer.threshold,
                "findings": [
                    {
                        **plain(each),
                        "outline": packed(outlines[each.label]),
                        "changed": changed.get(each.label),
                        "change": plain(changes.get(each.label)),
                    }
                    for each in found
                ],
                "deleted": {label: how for label, how in changed.items() if label not in outlines},
                "edits": list(correction.edits) if correction is not None else [],
                "comparison": _compared(made) if made is not None else None,
                "management": _management(standing, self.record),
            }
        )


class Studies(Held[Study]):
    """The open studies."""

    def __init__(
        self, pipeline: NodulePipeline, *, most: int = MOST, kept: float = KEPT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__("study", "studies", most=most, kept=kept, clock=clock)
        self.pipeline = pipeline

    def folder(self) -> Path:
        """A place for the files of a study that is about to be opened; it goes when the study does."""
        return Path(tempfile.mkdtemp(prefix="colonnade-study-"))

    def open(self, given: Mapping[str, Any], names: Mapping[str, str], folder: Path) -> str:
        """Predict and keep the study; `names` are what the files were called, and `folder` holds them.

        Raises:
            InputError: what `predict` refuses; the folder is gone then.
        """
        try:
            study = self._opened(given, names, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.put(study)

    def _opened(self, given: Mapping[str, Any], names: Mapping[str, str], folder: Path) -> Study:
        record, sources = self.pipeline._record(given)
        name = names.get("ct", Path(given["ct"]).name)
        record["ct"] = replace(record["ct"], origin=name)
        if "earlier" in record:
            record["earlier"] = replace(record["earlier"], origin=names.get("earlier", "the earlier CT"))
        result = self.pipeline.predict(**record)
        named = tuple(replace(each, path=names.get(each.modality, name if each.path else None)) for each in sources)
        result = replace(result, inputs=named)
        correction = None
        if not result.answer.reasons:
            correction = Correction(self.pipeline, result, record, log=folder / "audit.jsonl")
        volume = correction.volume if correction is not None else canonical(record["ct"].volume)
        return Study(
            name=name, folder=folder, source=Path(given["ct"]), volume=volume, opened=result, record=record,
            correction=correction,
        )  # fmt: skip


def packed(outline: Outline) -> dict[str, Any]:
    """An outline as JSON: low corner and shape in canonical voxels, its bits in C order, the first bit highest."""
    bits = np.packbits(outline.mask).tobytes()
    return {
        "low": [int(each) for each in outline.low],
        "shape": list(outline.mask.shape),
        "bits": base64.b64encode(bits).decode(),
    }


def _compared(made: Comparison) -> dict[str, Any]:
    """What is told of a comparison as a whole; `lost` are the earlier nodules that were not found again."""
    before = {each.label: each for each in made.earlier}
    lost = [before[each.earlier] for each in made.changes if each.label is None and each.earlier is not None]
    return {
        "days": made.days,
        "days_from": made.days_from,
        "residual_mm": made.residual_mm,
        "reasons": list(made.reasons),
        "lost": [{"diameter_mm": each.diameter_mm, "center_mm": list(each.center_mm)} for each in lost],
    }


def _management(answer: Nodules, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The guidelines' answers in the few words that a list has room for."""
    told = []
    for each in managed(answer, record.get("patient")):
        choices: Sequence[Any] = each.choices
        told.append(
            {
                "guideline": each.guideline,
                "finding": each.label,
                "choices": [
                    {"row": one.row, "says": one.says, "category": one.category, "provided": list(one.provided)}
                    for one in choices
                ],
                "missing": list(each.missing),
                "silent_because": list(each.silent_because),
            }
        )
    return told
