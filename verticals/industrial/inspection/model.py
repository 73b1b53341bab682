"""The fused inspector: three experts, and the core's model over their numbers, for any subset of senses.

The core's model reads each expert's numbers as a table (in spreads of good units), so it holds for any part whose
experts were fitted; its answer is good or defective, its start the product of single experts. It knows no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ....core.classifier import Classifier, train, untrained
from ....core.data.labelled import Labelled
from ....core.data.splits import grouped_split
from ....core.encoders.table import TableConfig, statistics
from ....core.fusion.start import LargestConfig
from ....core.random import numpy_generator
from ....core.training.run import TrainingConfig
from ....core.trust.subsets import subset_name, subsets_of
from ....core.types import Array, Table
from ..records import SENSES, Unit
from ..simulate.defects import seen_by
from .decision import FALSE_REJECTS, Threshold, fit_thresholds
from .experts import COLUMNS, LINES, SCORE, SURPRISE, Experts, Scale, Seen

WIDTH, RATE = 32, 5e-4
LABELS = ("good", "defect")
SIDES = 10  # groups that the rows are dealt to before they are recombined
MIXTURES = 6  # recombined rows for each one that was observed
TOWARDS, AMONG = (
    (0.4, 1.4),
    (-0.3, 1.3),
)  # how far along the line from a good unit to the defect, or to another good one
Observed = Mapping[str, Seen]  # what the senses of one unit gave


class Row(NamedTuple):
    """What the senses of one unit gave, and the unit."""

    observed: Observed
    unit: Unit


@dataclass(frozen=True, kw_only=True, eq=False)
class Naming:
    """What a defect is: probabilities over kinds, of a unit that is taken to be defective, from any senses."""

    kinds: tuple[str, ...]
    classifier: Classifier

    def probabilities(self, record: Mapping[str, Any]) -> dict[str, float]:
        """Likeliest first."""
        found = self.classifier.probabilities([limited(self.classifier, record)], tuple(record))[0]
        order = np.argsort(-found)
        return {self.kinds[index]: float(found[index]) for index in order}


@dataclass(frozen=True, kw_only=True, eq=False)
class Inspector:
    """Everything that judges a unit. Without a fused model (one sense only) the score is the raw one in spreads."""

    experts: Experts
    scale: Scale
    fused: Classifier | None
    thresholds: Mapping[str, Threshold]
    naming: Naming | None = None
    groups: tuple[str, ...] = ()
    floor_mm: float = 0.1  # deviation that 99 of 100 good units stay below
    notes: Mapping[str, Any] = field(default_factory=dict)

    def tables(self, observed: Observed) -> dict[str, Any]:
        """The record that the fused model reads: senses that are usable and were learned."""
        return {sense: self.scale.table(sense, seen) for sense, seen in observed.items() if self.judges(sense, seen)}

    def judges(self, sense: str, seen: Seen) -> bool:
        return seen.usable and sense in self.scale.centre

    def score(self, observed: Observed) -> float:
        """Log-odds of a defect by the fused model; the raw score in spreads where one sense was learned."""
        return float(self.scores([observed])[0])

    def scores(self, observed: Sequence[Observed], *, late: bool = False) -> Array:
        """The same for many units with any senses; `late`: the plain product of experts. 0 where nothing is usable."""
        records = [self.tables(each) for each in observed]
        answer = np.zeros(len(records))
        some = [index for index, record in enumerate(records) if record]
        if not some:
            return answer
        if self.fused is None:
            for index in some:
                (sense,) = records[index]
                answer[index] = self.scale.z(sense, observed[index][sense].score)
            return answer
        logits = self.fused.logits([limited(self.fused, records[index]) for index in some], late=late)
        answer[some] = logits[:, 1] - logits[:, 0]
        return answer

    def kinds(self, observed: Observed) -> dict[str, float]:
        """The probability of each kind of defect, were the unit defective; empty where none was learned."""
        record = self.tables(observed)
        return self.naming.probabilities(record) if self.naming is not None and record else {}

    def gates(self, observed: Observed) -> dict[str, float]:
        """How far each sense was listened to; exactly 0 where it is absent or could not be used."""
        record = self.tables(observed)
        if not record:
            return dict.fromkeys(SENSES, 0.0)
        if self.fused is None:
            return {sense: float(sense in record) for sense in SENSES}
        found = self.fused.gates(limited(self.fused, record))
        return {sense: found.get(sense, 0.0) for sense in SENSES}


def numbers_read(classifier: Classifier, sense: str) -> tuple[str, ...]:
    """The columns that a classifier reads of a sense."""
    return tuple(classifier.config.encoders[sense].numbers)


def limited(classifier: Classifier, record: Mapping[str, Any]) -> dict[str, Table]:
    """The record with the columns that the classifier reads."""
    return {
        sense: Table(numbers={name: table.numbers[name] for name in numbers_read(classifier, sense)})
        for sense, table in record.items()
    }


def fuse(
    start: Classifier | None,
    scale: Scale,
    rows: Sequence[Row],
    *,
    seed: int,
    epochs: int | None = None,
    method: str = "full",
) -> tuple[Classifier | None, dict[str, Any]]:
    """The fused model trained on good and defective rows; None where fewer than two senses were learned.

    `start` is a model of the same senses to go on from; its inputs are in spreads of good units, so it fits any part.
    """
    senses = tuple(sense for sense in SENSES if sense in scale.centre)
    if len(senses) < 2:
        return None, {}
    labelled = []
    for number, (observed, unit) in enumerate(rows):
        record = _tables(scale, observed)
        if record:
            labelled.append(
                Labelled(id=str(number), record=record, label=int(not unit.good), group=unit.group, source=unit.name)
            )
    if start is None or start.model.modalities != senses:
        start = _fresh({sense: _fused_columns(sense) for sense in senses}, labelled, seed)
    labelled = [replace(each, record=limited(start, each.record)) for each in labelled]
    split = grouped_split([each.group for each in labelled], shares=(0.6, 0.2, 0.2), seed=seed)
    parts = [[labelled[index] for index in part] for part in split]
    config = TrainingConfig(epochs=epochs or 20, rate=RATE, patience=5, seed=seed)
    minimum = tuple((sense,) for sense in senses)
    fused, told = train(start, *parts, minimum=minimum, config=config, method=method)
    by_rule(fused)
    return fused, told


def by_rule(fused: Classifier) -> None:
    """One sense alone answers by the rule that the answers start from: that keeps the order of its surprise.

    Validation rows of one sense are recombined from few units, and what they seemed to prove did not hold.
    """
    for index in range(len(fused.model.modalities)):
        fused.model.blend.scale[:, 2**index] = 0
        fused.model.blend.powers[:, 2**index] = 0


def name_kinds(
    scale: Scale, rows: Sequence[Row], *, seed: int, epochs: int | None = None
) -> tuple[Naming | None, dict[str, Any]]:
    """A naming learned from the defective rows; None with one kind, one sense, or fewer than four rows a kind."""
    senses = tuple(sense for sense in SENSES if sense in scale.centre)
    bad = [row for row in rows if not row.unit.good]
    kinds = tuple(sorted({row.unit.defect for row in bad}))
    if len(senses) < 2 or len(kinds) < 2 or len(bad) < 4 * len(kinds):
        return None, {}
    labelled = [
        Labelled(
            id=str(number),
            record=_tables(scale, row.observed),
            label=kinds.index(row.unit.defect),
            group=row.unit.name,
        )
        for number, row in enumerate(bad)
    ]
    labelled = [each for each in labelled if each.record]
    start = _fresh({sense: COLUMNS[sense] for sense in senses}, labelled, seed, labels=len(kinds))
    split = grouped_split([each.group for each in labelled], shares=(0.7, 0.15, 0.15), seed=seed)
    parts = [[labelled[index] for index in part] for part in split]
    config = TrainingConfig(epochs=epochs or 20, rate=2 * RATE, patience=5, seed=seed)
    classifier, told = train(start, *parts, minimum=tuple((sense,) for sense in senses), config=config)
    return Naming(kinds=kinds, classifier=classifier), {f"kinds_{name}": value for name, value in told.items()}


def mixed(good: Sequence[Row], bad: Sequence[Row], *, seed: int) -> list[Row]:
    """The rows, and new ones between them, dealt to sides so that a split by group remains honest.

    The senses of a unit err independently, so the scan of one good unit beside the sound of another is as good as
    either. A new defective row keeps a defect in the senses that can see it, weaker or stronger by a share drawn on the
    line from a good unit's numbers to its own; its other senses, and all of a new good row's, lie between good units.
    """
    generator = numpy_generator(seed, "recombined")
    names = sorted({row.unit.group for row in (*good, *bad)})
    pools = [[row.observed for row in good if _side(row, names) == side] for side in range(SIDES)]
    rows = []
    for row in (*good, *bad):
        side = _side(row, names)
        unit = replace(row.unit, group=f"side {side}")
        rows.append(Row(row.observed, unit))
        keep = _carried(row.unit)
        for _ in range(MIXTURES if pools[side] else 0):
            observed = {sense: _between(sense, row, sense in keep, pools[side], generator) for sense in row.observed}
            rows.append(Row(observed, unit))
    return rows


def _between(sense: str, row: Row, keep: bool, pool: Sequence[Observed], generator: np.random.Generator) -> Seen:
    """What a sense could have given: between two good units, or from a good one towards the defect."""
    mine = row.observed[sense]
    drawn = [pool[int(index)].get(sense) for index in generator.integers(len(pool), size=2)]
    share = float(generator.uniform(*(TOWARDS if keep else AMONG)))
    base, goal = drawn[0], mine if keep else drawn[1]
    if base is None or goal is None or not (base.usable and goal.usable):
        return mine
    numbers = {name: base.numbers[name] + share * (goal.numbers[name] - base.numbers[name]) for name in base.numbers}
    return Seen(numbers=numbers, score=base.score + share * (goal.score - base.score))


def _carried(unit: Unit) -> tuple[str, ...]:
    """The senses in which the defect is: what the truth says, else those that a defect of its kind can be in."""
    if unit.good:
        return ()
    told = unit.truth.get("visible")
    return tuple(sense for sense, seen in told.items() if seen) if told else seen_by(unit.defect)


def _side(row: Row, names: Sequence[str]) -> int:
    return names.index(row.unit.group) % SIDES


def _tables(scale: Scale, observed: Observed) -> dict[str, Table]:
    """What the learned senses gave, in spreads of good units."""
    usable = {sense: seen for sense, seen in observed.items() if sense in scale.centre and seen.usable}
    return {sense: scale.table(sense, seen) for sense, seen in usable.items()}


def _fused_columns(sense: str) -> tuple[str, ...]:
    """What fusion reads: a line of the sound tells kinds apart, and no good unit from a bad one."""
    return tuple(name for name in COLUMNS[sense] if name not in LINES)


def _fresh(
    columns: Mapping[str, Sequence[str]], labelled: Sequence[Labelled], seed: int, labels: int = len(LABELS)
) -> Classifier:
    """A model drawn from the seed, whose encoders know the ranges of the training rows."""
    configs = {
        sense: TableConfig(width=WIDTH, numbers=(*names, SCORE, SURPRISE), features="piecewise", depth=0)
        for sense, names in columns.items()
    }
    rule = LargestConfig(column=SURPRISE) if labels == len(LABELS) else None
    start = untrained(configs, labels=labels, seed=seed, start=rule)
    for sense, config in configs.items():
        rows = [each.record[sense] for each in labelled if sense in each.record]
        start.model.encoders[sense].use(statistics(rows, config))  # type: ignore[operator]
    return start


def calibrate(inspector: Inspector, good: Sequence[Observed], rate: float = FALSE_REJECTS) -> dict[str, Threshold]:
    """A conformal threshold for every subset of the learned senses, from good units that nothing was learned from."""
    senses = tuple(sense for sense in SENSES if sense in inspector.scale.centre)
    scores = {}
    for subset in subsets_of(senses):
        rows = [{sense: each[sense] for sense in subset if sense in each and each[sense].usable} for each in good]
        whole = [row for row in rows if len(row) == len(subset)]
        if whole:
            scores[subset_name(subset)] = [float(score) for score in inspector.scores(whole)]
    return fit_thresholds(scores, rate)
