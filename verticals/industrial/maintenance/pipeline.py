"""`industrial/maintenance`: the verbs for one machine, from sensors and vibration to what to do, with evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ....core.checkpoint import Checkpoint
from ....core.errors import CheckpointError, FormatError, InputError, MissingModality, UnknownName
from ....core.pipeline import Answered, FitOptions, Pipeline
from ....core.result import Evaluation, Interval
from .. import industrial
from ..tasks import maintenance
from .answers import Action, Fault, Maintained
from .bounds import COVERAGE
from .faults import FaultModel, numbers_of
from .life import Course, LifeModel
from .machines import read_machine
from .records import CAP, FAULTS, FIRST, History, Machine, Vibration
from .sources import read_sensors
from .vibrations import UNIT, read_vibration

if TYPE_CHECKING:
    from ....core.export.program import Program

__all__ = ["MaintenancePipeline", "industrial"]

LEAD = 20.0  # cycles that a planned maintenance takes to come about
STRANGE = 10.0  # spreads of the fleet: rather another unit or machine than wear
READERS: Mapping[str, Callable[[Any], Any]] = {
    "sensors": read_sensors, "vibration": read_vibration, "machine": read_machine,
}  # fmt: skip


@dataclass
class MaintenancePipeline(Pipeline):
    """Remaining life and health from sensor series, the bearing's state from vibration; either is enough.

    `lead` is how many cycles before failure a maintenance must be called: below it the answer is to act.
    """

    life: LifeModel | None
    faults: FaultModel | None
    card: Mapping[str, Any] = field(default_factory=dict)
    lead: float = LEAD

    task = maintenance
    weights = Path(__file__).parents[1] / "weights" / "maintenance"
    explains = "health index (1 new, 0 failed; the fleet's mean where nothing is given)"

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        from .store import unpack

        return cls(*unpack(checkpoint), checkpoint.card, float(checkpoint.config["lead"]))

    @classmethod
    def start(cls, checkpoint: str | Path | None, *, seed: int) -> Self:
        """Without a checkpoint, the weights that ship; where those are not made yet, nothing."""
        if checkpoint is None and not (cls.weights / "config.json").is_file():
            return cls(None, None)
        return cls.from_pretrained(checkpoint)

    def to_checkpoint(self) -> Checkpoint:
        from .store import pack

        return pack(self.life, self.faults, kind=self.task.name, card=self.card, lead=self.lead)

    def read(self, modality: str, value: Any) -> Any:
        return READERS[modality](value)

    def setting(self, name: str, value: str) -> Self:
        """`lead`: how many cycles a planned maintenance takes to come about."""
        if name != "lead":
            raise UnknownName(f"setting of {self.task.name}", name, ("lead",))
        try:
            lead = float(value)
        except ValueError as error:
            raise InputError(f"lead is a number of cycles, got {value!r}") from error
        if not 0 <= lead < CAP:
            raise InputError(f"lead is a number of cycles from 0 to below {CAP:g}, got {value!r}")
        made = replace(self, lead=lead)
        made.model = self.model
        return made

    # ---- predict ------------------------------------------------------------------------------------------------

    def answer(self, record: Mapping[str, Any]) -> Answered:
        warnings = [note for value in record.values() for note in getattr(value, "notes", ())]
        machine: Machine = record.get("machine", Machine())
        if "vibration" not in record:  # a default geometry matters to nobody
            warnings = [note for note in warnings if note not in machine.notes]
        course = self._course(record, machine, warnings) if "sensors" in record else None
        fault = self._fault(record["vibration"], machine, warnings) if "vibration" in record else None
        answer = decided(course, fault, self.lead)
        from .report import write

        warnings = list(dict.fromkeys(warnings))
        report = write(answer, record, self, warnings=warnings)
        return Answered(answer=answer, warnings=tuple(warnings), report=report)

    def _course(self, record: Mapping[str, Any], machine: Machine, warnings: list[str]) -> Course:
        if self.life is None:
            raise CheckpointError("this checkpoint learned no fleet: fit on sensor series, or give vibration alone")
        history: History = record["sensors"]
        if len(history) < FIRST:
            raise FormatError(
                f"sensors: machine {history.machine} has {len(history)} cycles: at least {FIRST} are needed to "
                "see a trend"
            )
        warnings += self._noticed(history)
        if machine.age is not None and machine.age > 0:
            warnings.append(
                f"the machine ran {machine.age:g} cycles before the first row: drift is counted from the first row on"
            )
        return self.life.course(history)

    def _noticed(self, history: History) -> list[str]:
        """Sensors that stand still or lie where no machine of the fleet did.

        Raises:
            FormatError: over a third of them lie there: other units, or another kind of machine.
        """
        assert self.life is not None
        scale = self.life.scale
        values = history.columns(scale.sensors)
        away = np.abs(np.median(values, axis=0) - scale.mean) / scale.spread
        strange = [name for name, far in zip(scale.sensors, away, strict=True) if far > STRANGE]
        if len(strange) * 3 > len(scale.sensors):
            worst = int(away.argmax())
            raise FormatError(
                f"sensors: {len(strange)} of {len(scale.sensors)} lie over {STRANGE:g} spreads from the fleet that was "
                f"learned ({scale.sensors[worst]}: median {np.median(values[:, worst]):g}, fleet "
                f"{scale.mean[worst]:g}): are "
                "the units the same? If it is another kind of machine, fit on its own fleet"
            )
        notes = [f"sensor {name} lies over {STRANGE:g} spreads from the fleet: check its unit" for name in strange]
        still = [name for name, column in zip(scale.sensors, values.T, strict=True) if np.ptp(column[-30:]) == 0]
        if still and len(history) >= 30:
            notes.append(f"{', '.join(still)} did not move over the last 30 cycles: is the sensor stuck?")
        return notes

    def _fault(self, vibration: Vibration, machine: Machine, warnings: list[str]) -> Fault:
        if self.faults is None:
            raise CheckpointError("this checkpoint learned no recordings: fit on vibration, or give sensors alone")
        rpm = machine.rpm if machine.rpm is not None else vibration.rpm
        if rpm is None:
            raise MissingModality(
                'vibration: the shaft speed is missing: give a machine with "rpm", or put it into the file\'s name '
                "(1797_run.wav)"
            )
        if machine.rpm is not None and vibration.rpm is not None and abs(machine.rpm - vibration.rpm) > 0.02 * rpm:
            warnings.append(
                f"the file's name says {vibration.rpm:g} turns a minute, the machine {rpm:g}: that was used"
            )
        in_g = UNIT not in vibration.notes
        numbers = numbers_of(vibration.wave, rpm, machine.bearing, in_g=in_g)
        probabilities = self.faults.probabilities(numbers)
        label = max(probabilities, key=probabilities.__getitem__)
        if in_g and self.faults.damaged is not None:
            warnings.append(
                "whether the bearing is sound was judged with its level in g, which is a machine's own: fit on normal "
                "recordings of yours"
            )
        return Fault(
            label=label, probability=probabilities[label], probabilities=probabilities, evidence=numbers,
            orders=machine.bearing.orders, rpm=rpm,
        )  # fmt: skip

    # ---- explain, fit, evaluate, export -------------------------------------------------------------------------

    def measure(self, record: Mapping[str, Any]) -> float:
        """The health index of whatever can be judged; the fleet's mean where nothing can."""
        machine: Machine = record.get("machine", Machine())
        found = []
        if "sensors" in record:
            found.append(float(self._course(record, machine, []).health[-1]))
        speed = "vibration" in record and (machine.rpm or record["vibration"].rpm)
        if speed:
            found.append(self._fault(record["vibration"], machine, []).probabilities[FAULTS[0]])
        return min(found, default=self.life.health.mean if self.life is not None else 0.5)

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """How each sensor moved the wear line from the machine's start, and the comb heights of the vibration."""
        found: dict[str, Any] = {}
        if "sensors" in record and self.life is not None:
            from .features import START

            standard = self.life.scale.standard(record["sensors"])[:, :-1]
            moved = standard[-START:].mean(axis=0) - standard[:START].mean(axis=0)
            shares = (moved * self.life.scale.wear).tolist()
            found["cycles_of_life_by_sensor"] = dict(zip(self.life.scale.sensors, shares, strict=True))
        machine: Machine = record.get("machine", Machine())
        if "vibration" in record and (machine.rpm or record["vibration"].rpm):
            found["combs"] = dict(self._fault(record["vibration"], machine, []).evidence)
        return found

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        from .evaluation import evaluate

        return evaluate(self, data, layout=layout, seed=seed)

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        from . import recipes

        before = recipes.Made(life=self.life, faults=self.faults, card=self.card)
        made = recipes.fit(before, data, options, task=self.task.name)
        return type(self)(made.life, made.faults, made.card, self.lead)

    def labelled_in(self, data: Path) -> Iterable[tuple[str, Mapping[str, Any], str, str]]:
        from ....core.types import Series
        from .data import read_labelled

        labelled = read_labelled(data)
        for history in (*labelled.failed, *labelled.cut):
            series = Series(values=history.values, times=history.cycles, channels=history.sensors)
            yield f"machine {history.machine}", {"sensors": series}, "", history.machine
        for each in labelled.recordings:
            yield each.path.stem, {"vibration": read_vibration(each.path).wave}, each.fault, each.group

    def program(self) -> Program:
        from .store import program

        return program(self.life)


def decided(course: Course | None, fault: Fault | None, lead: float) -> Maintained:
    """What to do: act where the interval reaches below the lead time or a fault is likely, plan where it nears it."""
    reasons: list[str] = []
    actions: list[Action] = ["run"]
    health: dict[str, float] = {}
    life = None
    if course is not None:
        value, low, high = (float(each[-1]) for each in (course.life, course.low, course.high))
        life = Interval(value=value, low=low, high=high, coverage=COVERAGE)
        health["sensors"] = float(course.health[-1])
        if low <= lead:
            actions.append("act")
            reasons.append(f"the lower bound of the remaining life, {low:.0f} cycles, is within the lead of {lead:g}")
        elif low <= 2 * lead:
            actions.append("plan")
            reasons.append(f"the lower bound of the remaining life, {low:.0f} cycles, nears the lead of {lead:g}")
    if fault is not None:
        health["vibration"] = fault.probabilities[FAULTS[0]]
        if fault.label != FAULTS[0]:
            actions.append("act" if fault.probability >= 0.8 else "plan")
            reasons.append(f"the vibration says {fault.label} with probability {fault.probability:.2f}")
    order: tuple[Action, ...] = ("act", "plan", "run")
    action = next(each for each in order if each in actions)
    return Maintained(
        action=action,
        remaining_life=life,
        at_least=life is not None and life.high >= CAP - 1e-6,
        health_index=min(health.values()),
        health=health,
        fault=fault,
        cycle=float(course.cycles[-1]) if course is not None else None,
        reasons=tuple(reasons) or ("nothing calls for maintenance within the lead time",),
        lead=lead,
        course=course,
    )
