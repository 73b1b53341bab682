"""A session in which a reader corrects an answer: clicks, boxes, additions, deletions, undo; each edit is logged.

Outlines, measurements, category and report follow at once. The scan and what the network knows stay as they are: a
correction teaches nothing. Points are patient millimetres, RAS.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ....core import checkpoint
from ....core.audit import AuditLog, facts_of
from ....core.config import from_plain
from ....core.errors import InputError, MissingModality, UnknownName
from ....core.result import Result
from ....core.types import Array, Volume
from ....knowledge.reports import Report
from ..attributes.crop import crop_of
from ..attributes.measures import measured
from ..attributes.place import place_of
from ..detection.detect import Candidate, Seen, cut
from ..detection.findings import Judged, finding_of
from ..records import Finding, Nodules, side_of
from ..studies.geometry import Scan, canonical, restore, to_index, to_world, turned
from .clicks import Click
from .edits import Corrected, Edit, Kind, changed_by, digest_of, told_in
from .mend import mended
from .outline import Outline
from .places import Places, written
from .redraw import Redraw, RedrawConfig, redrawn

if TYPE_CHECKING:
    from ..pipeline import NodulePipeline

WEIGHTS = Path(__file__).parents[1] / "weights" / "clicks"
KIND = "medical/clicks"
WIDEST = 120.0  # mm a side of a box
MOST = 255  # labels of a map
EMPTY = Outline.of(np.zeros((0, 3), int))


@cache
def network() -> Redraw:
    """The network that ships."""
    loaded = checkpoint.load(WEIGHTS, KIND)
    model = Redraw(from_plain(RedrawConfig, loaded.config["redraw"]))
    model.load_state_dict({name: torch.from_numpy(each.astype(np.float32)) for name, each in loaded.tensors.items()})
    return model.eval().to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


@dataclass(frozen=True, kw_only=True)
class _State:
    """Everything an edit changes, so that undo is to go back to the state before."""

    findings: Mapping[int, Finding]
    outlines: Mapping[int, Outline]
    clicks: Mapping[int, tuple[Click, ...]]
    edits: tuple[Edit, ...] = ()


class Correction:
    """An answer of medical/nodules in the hands of a reader.

    `log` is the file of an audit log; without one, edits are kept in the answer alone.

    Raises:
        InputError: an answer that is not evaluable, or of another scan.
    """

    def __init__(
        self, pipeline: NodulePipeline, result: Result, record: Mapping[str, Any], *, log: str | Path | None = None
    ) -> None:
        answer = result.answer
        if not isinstance(answer, Nodules) or answer.reasons or answer.labels is None or answer.affine is None:
            why = "; ".join(getattr(answer, "reasons", ())) or "it is no answer of medical/nodules"
            raise InputError(f"there is nothing to correct in this answer: {why}")
        self.pipeline, self.start, self.record = pipeline, result, dict(record)
        self.scan = record["ct"]
        if answer.labels.shape != self.scan.volume.voxels.shape:
            raise InputError(
                f"the answer is of a scan of {answer.labels.shape} voxels, this one has "
                f"{self.scan.volume.voxels.shape}: hand in the scan that was answered"
            )
        self.volume = canonical(self.scan.volume)
        self.seen = _seen(pipeline, self.scan, self.volume)
        self.places = Places(volume=self.volume, lungs=self.seen.lungs)
        labels = turned(answer.labels, answer.affine)
        outlines = {each.label: Outline.of(np.argwhere(labels == each.label)) for each in answer.findings}
        found = {each.label: each for each in answer.findings}
        self._states = [_State(findings=found, outlines=outlines, clicks={})]
        self._result: Result | None = result
        self.log = AuditLog(Path(log)) if log is not None else None
        self._say("opened", facts_of(result))

    @classmethod
    def open(cls, pipeline: NodulePipeline, *, log: str | Path | None = None, **given: Any) -> Correction:
        """Predict, and hold the answer open for correction; modalities by name, as for `predict`."""
        if given.get("ct") is None:
            raise MissingModality("a correction needs the ct that is corrected")
        record, sources = pipeline._record(given)
        result = replace(pipeline.predict(**record), inputs=sources)
        return cls(pipeline, result, record, log=log)

    # ---- what a reader does -------------------------------------------------------------------------------------

    def click(self, at_mm: Sequence[float], *, positive: bool = True, finding: int | None = None) -> Finding:
        """Mend a finding about a point that belongs to it or (`positive=False`) does not; the nearest, if none is
        named. A positive click far from all of them adds one.

        Raises:
            InputError: a point outside the scan or the lungs, or one that changes nothing.
            UnknownName: no such finding.
        """
        begun = time.perf_counter()
        index = self.places.index(at_mm)
        label = (
            self.places.about(index, self._state.outlines, positive=positive)
            if finding is None
            else self._known(finding)
        )
        if label is None:
            return self.add(at_mm)
        self.places.check(index, self._state.outlines[label], positive=positive)
        old = self._state.outlines[label]
        clicks = (*self._state.clicks.get(label, ()), _clicked(index, positive))
        fresh = [each.kind for each in self._state.edits if each.finding == label][-1:] in (["add"], ["box"])
        drawn = redrawn(network(), self.volume, old, clicks)
        new = self._free(mended(old, drawn, clicks, self.volume.spacing, fresh=fresh), label)
        if not new.mask.any():
            raise InputError(f"this click would leave nothing of finding {label}: delete the finding instead")
        if digest_of(new) == digest_of(old):
            belongs = "already belongs to" if positive else "is already outside"
            raise InputError(f"the click changes nothing: {written(at_mm)} mm {belongs} finding {label}")
        says = f"{'positive' if positive else 'negative'} click"
        return self._edit("click", label, new, clicks, says=says, at=at_mm, positive=positive, begun=begun)

    def add(self, at_mm: Sequence[float]) -> Finding:
        """A new finding around a point.

        Raises:
            InputError: a point outside the scan or the lungs, in a finding, or with nothing to outline.
        """
        begun = time.perf_counter()
        index = self.places.index(at_mm)
        self.places.check(index)
        for label, outline in self._state.outlines.items():
            if outline.distance(index, self.volume.spacing) == 0:
                raise InputError(f"{written(at_mm)} mm lies in finding {label}: click to change its outline")
        clicks = (_clicked(index, True),)
        new = self._free(
            mended(EMPTY, redrawn(network(), self.volume, EMPTY, clicks), clicks, self.volume.spacing), None
        )
        if len(new.where) < 2 and np.prod(self.volume.spacing) < 8:
            raise InputError(
                f"nothing that can be outlined lies at {written(at_mm)} mm ({self.places.density(index):.0f} HU): "
                "click at the middle of the nodule, or draw a box"
            )
        return self._edit("add", self._new(), new, clicks, says="added at a point", at=at_mm, begun=begun)

    def box(self, low_mm: Sequence[float], high_mm: Sequence[float]) -> Finding:
        """Draw what lies in a box: anew, if most of a finding lies in it, else as a new finding.

        Raises:
            InputError: no box, or one outside the scan or the lungs or with nothing in it.
        """
        begun = time.perf_counter()
        ends = np.array([self.places.index(low_mm), self.places.index(high_mm)])
        low, high = np.floor(ends.min(axis=0) + 0.5).astype(int), np.floor(ends.max(axis=0) + 0.5).astype(int) + 1
        size = (high - low) * self.volume.spacing
        if size.max() > WIDEST or (np.ptp(ends, axis=0) * self.volume.spacing < 1).any():
            raise InputError(f"a box measures 1 to {WIDEST:.0f} mm a side, got {written(size)} mm")
        middle = (low + high - 1) / 2
        self.places.check(middle)
        clicks = (_clicked(middle, True),)
        drawn = redrawn(network(), self.volume, EMPTY, clicks, within=(low, high))
        inside = {label: each.on(low, high).sum() / len(each.where) for label, each in self._state.outlines.items()}
        label = max(inside, key=lambda each: inside[each], default=None)
        label = label if label is not None and inside[label] > 0.5 else None
        new = self._free(mended(EMPTY, drawn, clicks, self.volume.spacing), label)
        if len(new.where) < 2 and np.prod(self.volume.spacing) < 8:
            raise InputError(f"nothing that can be outlined lies in this box of {written(size)} mm: draw it elsewhere")
        corners = (*low_mm, *high_mm)
        return self._edit("box", label or self._new(), new, clicks, says="drawn in a box", at=corners, begun=begun)

    def delete(self, finding: int) -> None:
        """Take a finding away.

        Raises:
            UnknownName: no such finding.
        """
        begun = time.perf_counter()
        label = self._known(finding)
        old = self._state.outlines[label]
        state = self._state
        edit = _edit_of(len(state.edits) + 1, "delete", label, old, EMPTY, says="deleted",
                        seconds=time.perf_counter() - begun)  # fmt: skip
        self._push(
            _State(
                findings={key: each for key, each in state.findings.items() if key != label},
                outlines={key: each for key, each in state.outlines.items() if key != label},
                clicks={key: each for key, each in state.clicks.items() if key != label},
                edits=(*state.edits, edit),
            ),
            edit,
        )

    def undo(self) -> None:
        """Take the last edit back.

        Raises:
            InputError: there is none.
        """
        if len(self._states) == 1:
            raise InputError("there is no edit to undo")
        edit = self._states.pop().edits[-1]
        self._result = None
        self._say("undone", {"edit": edit})

    # ---- what has become of the answer --------------------------------------------------------------------------

    @property
    def findings(self) -> tuple[Finding, ...]:
        """As they stand: those of the program first, then those that were added."""
        return tuple(self._state.findings.values())

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that stand."""
        return self._state.edits

    @property
    def outlines(self) -> Mapping[int, Outline]:
        """By finding, in the canonical scan."""
        return self._state.outlines

    @property
    def changed(self) -> Mapping[int, str]:
        """By finding, what a person did to it; deleted ones too."""
        return changed_by(self._state.edits)

    def result(self) -> Result:
        """The answer as it stands, with category and report; it says what a person changed."""
        if self._result is None:
            self._result = self._concluded()
        return self._result

    def _concluded(self) -> Result:
        state = self._state
        if not state.edits:
            return self.start
        base = {each.name: getattr(self.start.answer, each.name) for each in fields(Nodules)}
        own = {"findings": self.findings, "labels": self._labels()}
        answer = Corrected(**{**base, **own}, edits=state.edits, changed=changed_by(state.edits))
        answered = self.pipeline.concluded(answer, self.record, self.volume)
        first, voxel = self._states[0], float(np.prod(self.volume.spacing))
        counts = {
            each: tuple(
                len(state.outlines[each].where) if each in state.outlines else 0 for state in (first, self._state)
            )
            for each in answer.changed
        }
        assert isinstance(answered.report, Report), "a conclusion has a report"
        report = told_in(answered.report, answered.answer, voxel, counts)
        return replace(
            self.start, answer=answered.answer, report=report, status=answered.status, warnings=report.warnings
        )

    def _labels(self) -> Array:
        labels = np.zeros(self.volume.voxels.shape, np.uint8)
        for label, outline in self._state.outlines.items():
            labels[tuple(outline.where.T)] = label
        return restore(labels, self.scan.volume)

    # ---- how an edit is made ------------------------------------------------------------------------------------

    @property
    def _state(self) -> _State:
        return self._states[-1]

    def _edit(
        self, kind: Kind, label: int, new: Outline, clicks: tuple[Click, ...], *, says: str, at: Sequence[float],
        positive: bool | None = None, begun: float,
    ) -> Finding:  # fmt: skip
        """Take an outline in: measure it, and keep the edit."""
        state = self._state
        old = state.outlines.get(label, EMPTY)
        finding = self._measured(label, new, state.findings.get(label))
        edit = _edit_of(len(state.edits) + 1, kind, label, old, new, says=says, at=at, positive=positive,
                        seconds=time.perf_counter() - begun)  # fmt: skip
        self._push(
            _State(
                findings={**state.findings, label: finding},
                outlines={**state.outlines, label: new},
                clicks={**state.clicks, label: clicks},
                edits=(*state.edits, edit),
            ),
            edit,
        )
        return finding

    def _push(self, state: _State, edit: Edit) -> None:
        self._states.append(state)
        self._result = None
        self._say("edited", {"edit": edit})

    def _say(self, event: str, facts: Mapping[str, Any]) -> None:
        if self.log is not None:
            self.log.append(event, facts)

    def _measured(self, label: int, outline: Outline, before: Finding | None) -> Finding:
        """The finding on its new outline. The score stays that of the program, or is asked for where there is none."""
        where = outline.where
        judged = Judged(None, before.score, before.gates) if before is not None else self._judged(where)  # type: ignore[arg-type]
        found = finding_of(label, judged, where, self.volume, self.pipeline.operating)
        world = to_world(self.volume.affine, where)
        source = np.round(to_index(self.scan.volume.affine, world)).astype(int)
        order = np.lexsort(source.T[::-1])
        side = side_of(found.center_mm[0], self.start.answer.lung_middle_mm)
        return self._described(replace(found, side=side, mask=source[order]), outline)

    def _described(self, finding: Finding, outline: Outline) -> Finding:
        """Attributes and suspicion of the new outline, where the pipeline has a describer: the old ones do not hold."""
        describer = getattr(self.pipeline, "describer", None)
        if describer is None:
            return finding
        said = describer.read([measured(crop_of(self.volume, outline.low, outline.mask))])[0]
        place = place_of(np.array(finding.center_mm), self.volume, self.seen)
        return replace(finding, attributes={**said.attributes, "location": place}, malignancy=said.malignancy)

    def _judged(self, where: Array) -> Judged:
        """What the program would have said about a place that a person added."""
        grid = self.seen.grid
        index = np.round(grid.from_source(where)).astype(int)
        index = np.unique(np.clip(index, 0, np.array(grid.values.shape) - 1), axis=0)
        low = index.min(axis=0)
        mask = np.zeros(np.ptp(index, axis=0) + 1, bool)
        mask[tuple((index - low).T)] = True
        chance = float(np.clip(self.seen.heat[tuple(index.T)].max(), 1e-5, 1 - 1e-5))
        centre = grid.from_source(where.mean(axis=0))
        candidate = Candidate(
            centre=centre, low=low, mask=mask, logit=float(np.log(chance / (1 - chance))), crop=cut(grid.values, centre)
        )
        return self.pipeline.judged([candidate], self.record.get("indication"))[0]

    def _free(self, outline: Outline, label: int | None) -> Outline:
        """The outline without voxels of other findings."""
        mask = outline.mask.copy()
        for other, each in self._state.outlines.items():
            if other != label and mask.any():
                mask &= ~each.on(outline.low, outline.low + outline.mask.shape)
        return Outline.of(np.argwhere(mask) + outline.low)

    def _new(self) -> int:
        label = 1 + max(
            [*self._state.outlines, *(edit.finding for edit in self._state.edits), *self._states[0].outlines], default=0
        )
        if label > MOST:
            raise InputError(f"a label map holds {MOST} findings, and all are taken")
        return label

    def _known(self, finding: int) -> int:
        if finding not in self._state.findings:
            raise UnknownName("finding", str(finding), map(str, self._state.findings))
        return finding


def _seen(pipeline: NodulePipeline, scan: Scan, volume: Volume) -> Seen:
    seen, _ = pipeline._looked(scan, volume)
    if seen is None:
        raise InputError("there is nothing to correct: no lung was found in the scan")
    return seen


def _edit_of(
    number: int, kind: Kind, label: int, old: Outline, new: Outline, *, says: str, at: Sequence[float] = (),
    positive: bool | None = None, seconds: float,
) -> Edit:  # fmt: skip
    return Edit(
        number=number, kind=kind, finding=label, says=says, positive=positive,
        at_mm=tuple(round(float(each), 2) for each in at), before=digest_of(old), after=digest_of(new),
        voxels_before=len(old.where), voxels_after=len(new.where), seconds=round(seconds, 4),
    )  # fmt: skip


def _clicked(index: Array, positive: bool) -> Click:
    i, j, k = (float(each) for each in index)
    return Click(at=(i, j, k), positive=positive)
