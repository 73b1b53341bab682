"""The gate between an adapted detector and the one it would replace: both on a frozen test set, scan by scan.

Not worse by more than a margin, in CPM, Dice and calibration, overall (95 % intervals, patients redrawn) and in every
group of size and slice thickness that is large enough. What is not shown is refused, and the old weights stay. The
protocol follows the modification plans of the FDA's guidance on PCCP (2024). It trains nothing, and signs nothing:
ledger.py does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ....core import digest
from ....core.errors import ColonnadeError, FormatError
from ....core.trust.calibration import calibration_error
from ....core.trust.intervals import bootstrap
from ....core.types import Array
from ..detection.findings import ALONE, Operating
from ..evaluate import Tally, tallied
from ..layouts.pair import Pair
from ..metrics import Marked, cpm
from ..simulation.cases import Case
from .ledger import fault_in

if TYPE_CHECKING:
    from ..pipeline import NodulePipeline

LEAST_SCANS, LEAST_NODULES, LEAST_IN_GROUP = 8, 15, 10
SHARE = 0.25  # of the patients are frozen, where the data set names no test
MARGINS = {"froc_cpm": 0.05, "dice": 0.03, "ece": 0.05}  # what is lost at most; ECE may rise by so much
GROUP_MARGIN = 0.10  # of a group, which few nodules make
SIZES = ((0.0, 6.0), (6.0, 10.0), (10.0, 1000.0))  # mm
THICK = 2.5  # mm between slices
ROUNDS = 1000


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One number of both detectors, higher better (ECE is negated); the interval of the difference new - old."""

    name: str
    old: float
    new: float
    margin: float
    low: float
    high: float
    n: int

    @property
    def difference(self) -> float:
        return self.new - self.old

    @property
    def holds(self) -> bool:
        """Overall numbers by the interval's end; groups, which are small, by the difference itself."""
        return (self.difference if ", " in self.name else self.low) >= -self.margin

    def said(self) -> str:
        sign = -1 if self.name.startswith("ece") else 1
        return (
            f"{self.name} {sign * self.new:.3f} against {sign * self.old:.3f} "
            f"(difference {self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}], margin {self.margin:g})"
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the gate says: the numbers, what could not be measured, and why it was not run if it was not."""

    status: Literal["accepted", "refused", "not run"]
    compared: tuple[Compared, ...] = ()
    not_measured: tuple[str, ...] = ()
    scans: int = 0
    nodules: int = 0
    reason: str = ""


def frozen(pairs: Sequence[Pair], *, learnt: Collection[str] = ()) -> tuple[list[Pair], list[Pair]]:
    """The test set and the rest, by patient: what the data set calls its test, or the patients of the lowest digests.

    A digest of the patient's name decides, neither the order nor a seed nor who else is there, so a later fit keeps
    the same patients apart again. Patients whom an earlier fit has `learnt` from cannot test a later one. Where too
    few would be left to learn from, nothing is frozen.

    Raises:
        FormatError: the data set calls someone its test whom an earlier fit has learnt from.
    """
    named = {each.whose for each in pairs if each.part == "test"}
    if known := sorted(named & set(learnt)):
        raise FormatError(f"{', '.join(known)} cannot be in the test: an earlier fit of these weights learnt from them")
    if not named:
        draws = sorted((_draw(patient), patient) for patient in {each.whose for each in pairs} - set(learnt))
        count = max(sum(draw < SHARE for draw, _ in draws), LEAST_SCANS)
        named = {patient for _, patient in draws[:count]} if len(draws) >= 2 * LEAST_SCANS else set()
    return [each for each in pairs if each.whose in named], [each for each in pairs if each.whose not in named]


def _draw(patient: str) -> float:
    """A number from 0 to 1 that is the patient's for good."""
    return int(hashlib.sha256(patient.encode()).hexdigest()[:12], 16) / 16**12


@dataclass(frozen=True, kw_only=True, eq=False)
class Paired:
    """One frozen scan, as both detectors read it."""

    patient: str
    step: float  # mm between slices
    old: Tally
    new: Tally


def paired(old: NodulePipeline, new: NodulePipeline, cases: Iterable[tuple[str, Case]]) -> list[Paired]:
    """Both detectors on every case, given with its patient; one case at a time is held in memory."""
    return [
        Paired(patient=patient, step=case.volume.spacing[2], old=tallied(old, [case]), new=tallied(new, [case]))
        for patient, case in cases
    ]


def judged(scans: Sequence[Paired], old: Operating, new: Operating, *, seed: int = 0) -> Verdict:
    """The verdict on both detectors' tallies."""
    nodules = sum(len(each.old.sizes) for each in scans)
    if len({each.patient for each in scans}) < LEAST_SCANS or nodules < LEAST_NODULES:
        reason = (
            f"{len(scans)} frozen scans with {nodules} nodules are too few to compare two detectors: at least "
            f"{LEAST_SCANS} patients with {LEAST_NODULES} nodules are needed"
        )
        return Verdict(status="not run", scans=len(scans), nodules=nodules, reason=reason)
    platts = {"old": old.calibration[ALONE], "new": new.calibration[ALONE]}

    def calibration(side: str, some: Sequence[Paired]) -> float:
        return -_ece(side, some, platts[side])

    compared, missing = [_froc(scans, "froc_cpm", MARGINS["froc_cpm"], seed)], []
    if _outlined(scans):
        compared.append(_compared(scans, "dice", _dice, MARGINS["dice"], seed))
    else:
        missing.append("dice: no outline is known, or none was found")
    compared.append(_compared(scans, "ece", calibration, MARGINS["ece"], seed))
    for name, part in _groups(scans):
        count = sum(len(each.old.sizes) for each in part)
        if count < LEAST_IN_GROUP:
            missing.append(f"{name}: {count} nodules, at least {LEAST_IN_GROUP} are needed")
            continue
        compared.append(_froc(part, f"froc_cpm, {name}", GROUP_MARGIN, seed))
        if _outlined(part):
            compared.append(_compared(part, f"dice, {name}", _dice, GROUP_MARGIN, seed))
        if any(each.old.scored for each in part):
            compared.append(_compared(part, f"ece, {name}", calibration, GROUP_MARGIN, seed))
    missing.append("ece by size: a false mark has no true size")
    holds = all(each.holds for each in compared)
    return Verdict(
        status="accepted" if holds else "refused", compared=tuple(compared), not_measured=tuple(missing),
        scans=len(scans), nodules=nodules,
    )  # fmt: skip


def _groups(scans: Sequence[Paired]) -> list[tuple[str, list[Paired]]]:
    """The scans with nodules of one size only, and those of one slice thickness."""
    found = []
    for low, high in SIZES:
        name = f"{low:g} to {high:g} mm" if high < SIZES[-1][1] else f"{low:g} mm and more"
        found.append(
            (name, [replace(each, old=_sized(each.old, low, high), new=_sized(each.new, low, high)) for each in scans])
        )
    thin, thick = ([each for each in scans if (each.step > THICK) == is_thick] for is_thick in (False, True))
    return [*found, (f"slices up to {THICK:g} mm", thin), (f"slices of more than {THICK:g} mm", thick)]


def _sized(tally: Tally, low: float, high: float) -> Tally:
    kept = np.array([low <= size < high for size in tally.sizes], bool)
    marks = [Marked(found=scan.found[kept], false=scan.false) for scan in tally.marks[ALONE]]
    outlined = {
        outline: [each for each in found if low <= each.ratio * each.diameter < high]
        for outline, found in tally.outlined.items()
    }
    return Tally(marks={ALONE: marks}, outlined=outlined, sizes=[size for size in tally.sizes if low <= size < high])


def _outlined(scans: Sequence[Paired]) -> bool:
    """Whether both sides have outlines to compare."""
    return all(any(_dices(side, each) for each in scans) for side in ("old", "new"))


def _froc(scans: Sequence[Paired], name: str, margin: float, seed: int) -> Compared:
    def value(side: str, some: Sequence[Paired]) -> float:
        return cpm([getattr(each, side).marks[ALONE][0] for each in some])

    return _compared(scans, name, value, margin, seed)


def _compared(scans: Sequence[Paired], name: str, value: Any, margin: float, seed: int) -> Compared:
    """Old, new, and the interval of their difference over redrawn patients; without one only where it is exact."""

    def gained(index: Array) -> float:
        some = [scans[int(i)] for i in index]
        return float(value("new", some) - value("old", some))

    _, patients = np.unique([each.patient for each in scans], return_inverse=True)
    old, new = float(value("old", scans)), float(value("new", scans))
    try:
        found = bootstrap(gained, np.arange(len(scans)), groups=patients, rounds=ROUNDS, seed=seed)
        low, high = found.low, found.high
    except ColonnadeError:  # too few draws give a number: nothing is shown
        low, high = -np.inf, np.inf
    count = sum(len(each.old.sizes) for each in scans)
    return Compared(name=name, old=old, new=new, margin=margin, low=low, high=high, n=count)


def _dices(side: str, scan: Paired) -> list[float]:
    return [found.dice for outlined in getattr(scan, side).outlined.values() for found in outlined]


def _dice(side: str, scans: Sequence[Paired]) -> float:
    found = [dice for each in scans for dice in _dices(side, each)]
    return float(np.mean(found)) if found else float("nan")


def _ece(side: str, scans: Sequence[Paired], platt: Any) -> float:
    scored = [row for each in scans for row in getattr(each, side).scored]
    if not scored:
        return float("nan")
    chances = platt.probabilities(np.array([alone for alone, _, _ in scored]))
    return float(calibration_error(chances, np.array([hit for _, _, hit in scored]), bins=10))


def refuse(verdict: Verdict) -> None:
    """Raise where the gate says no, with the numbers that do not hold."""
    if verdict.status == "refused":
        faults = "; ".join(each.said() for each in verdict.compared if not each.holds)
        raise ColonnadeError(
            f"the adapted detector is not accepted, and nothing was written: on {verdict.scans} frozen scans with "
            f"{verdict.nodules} nodules it is not shown to be as good as the one it would replace: {faults}"
        )


def facts_of(verdict: Verdict) -> dict[str, Any]:
    """What a record says of the verdict."""
    return {
        "status": verdict.status, "reason": verdict.reason, "scans": verdict.scans, "nodules": verdict.nodules,
        "compared": [{**asdict(each), "difference": each.difference, "holds": each.holds} for each in verdict.compared],
        "not_measured": list(verdict.not_measured), "margins": {**MARGINS, "group": GROUP_MARGIN},
    }  # fmt: skip


def scan_digest(pair: Pair) -> str:
    """Of a scan's files, whatever they are called."""
    files = [each for each in (pair.image, pair.label, pair.readings) if each is not None]
    return digest.of_value([digest.of_file(each) for each in files])


def learnt_by(card: Mapping[str, Any]) -> set[str]:
    """The digests of the scans that the fits before have learnt from."""
    return {each for line in card.get("acceptance", ()) for each in line.get("learnt", ())}


def refuse_changed(test: Mapping[str, str], earlier: Sequence[Mapping[str, Any]], *, key: bytes | None) -> None:
    """Raise where the records do not hold, or a frozen scan is not what it was when they were written.

    Raises:
        FormatError: with what has changed.
    """
    if fault := fault_in(earlier, key=key if all("signature" in each for each in earlier) else None):
        raise FormatError(f"the records of the weights that the fit starts from do not hold: {fault}")
    for line in earlier:
        before = line.get("test", {})
        if not isinstance(before, Mapping):  # an older record, which has the names only
            continue
        changed = sorted(name for name, each in test.items() if before.get(name, each) != each)
        if changed:
            raise FormatError(
                f"{', '.join(changed)} of the frozen test set changed since {line.get('time')}: a test set that moves "
                "tests nothing; put the scans and labels back as they were, or give them new names"
            )


def weights_digest(pipeline: NodulePipeline) -> str:
    """The SHA-256 that the checkpoint's model.safetensors has or will have."""
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(each) for name, each in pipeline.to_checkpoint().tensors.items()}
    return hashlib.sha256(save(tensors)).hexdigest()
