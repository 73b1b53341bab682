"""Are these data fit to learn from? Three stages before training, a report, and weights instead of silent removal.

1. Rules: missing numbers, duplicates, the same content under two labels or on two sides, columns that never change.
2. Meaning: rows far from the rest (robust distance), and labels that no neighbour shares.
3. Adversarial validation: can a classifier tell these rows from others (a test set, what the model was trained on)?

A task gives its data as `Rows` (numbers that describe each record, with a digest of its content); what they mean is the
task's affair. Nothing is removed: a row is told, and its weight falls in the training of tasks that ask for weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from ..errors import FormatError
from ..random import numpy_generator
from ..types import Array

MOST = 2000  # rows that are looked at; of more, so many drawn by the seed
SHOWN = 20  # rows named by a finding
DUPLICATE, CONFLICT, STRANGER = 0.5, 0.1, 0.5  # weights: a copy shares its one weight with the original
FAR = 0.9995  # quantile of the chi-squared distribution beyond which a row is far from the rest
NEAREST = 10
STORED = 300  # rows that a checkpoint keeps, so that new data can be told from those it was trained on


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Records as numbers `[row, feature]` (NaN: not known), with ids, digests of content, labels and groups."""

    names: tuple[str, ...]
    values: Float[Array, "row feature"]
    ids: tuple[str, ...]
    digests: tuple[str, ...]
    labels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = np.asarray(self.values, np.float64)
        for name in ("labels", "groups"):
            if not getattr(self, name):
                object.__setattr__(self, name, ("",) * len(self.ids))
        sizes = {len(values), len(self.ids), len(self.digests), len(self.labels), len(self.groups)}
        if len(sizes) > 1 or values.ndim != 2 or values.shape[1] != len(self.names):
            raise FormatError(f"rows need an id, a digest and {len(self.names)} numbers each, got {values.shape}")
        object.__setattr__(self, "values", np.where(np.isfinite(values), values, np.nan))

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Array) -> Rows:
        """Those rows."""

        def kept(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[row] for row in rows)

        return replace(
            self, values=self.values[rows], ids=kept(self.ids), digests=kept(self.digests), labels=kept(self.labels),
            groups=kept(self.groups),
        )  # fmt: skip

    def sampled(self, most: int, seed: int) -> Rows:
        """At most so many, drawn by the seed, in their order."""
        if len(self) <= most:
            return self
        return self.take(np.sort(numpy_generator(seed, "quality sample").permutation(len(self))[:most]))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a person should know: by which rule, what it says, and the ids of the rows (the first of them)."""

    stage: str
    rule: str
    says: str
    count: int
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How well a classifier tells two sets of rows apart: 0.5 not at all, 1 always; and what differs most."""

    against: str
    auroc: float
    low: float
    high: float
    verdict: str
    differs: tuple[Mapping[str, Any], ...]
    identical: int


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What the three stages found. `weights` are by id, 1 where a row is not named."""

    rows: int
    looked_at: int
    features: int
    findings: tuple[Finding, ...]
    shifts: tuple[Shift, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For a card: all but the weights of single rows."""
        from ..result import plain

        told = plain({"findings": list(self.findings), "shifts": list(self.shifts)})
        lowered = [weight for weight in self.weights.values() if weight < 1]
        return {
            "rows": self.rows, "looked_at": self.looked_at, "features": self.features, **told,
            "down_weighted": len(lowered), "weight_lost": round(sum(1 - weight for weight in lowered), 2),
        }  # fmt: skip

    def lines(self) -> list[str]:
        """Sentences for a person."""
        said = [f"{each.stage}: {each.says}" for each in self.findings]
        for shift in self.shifts:
            said.append(f"shift: {told_shift(shift)}")
        return said or ["nothing stands out"]


def told_shift(shift: Shift) -> str:
    """One sentence."""
    line = f"{shift.verdict} {shift.against} (AUROC {shift.auroc:.2f}, {shift.low:.2f} to {shift.high:.2f})"
    names = ", ".join(str(each["feature"]) for each in shift.differs[:3])
    return f"{line}; most in {names}" if names and shift.verdict != "not told apart from" else line


def examine(rows: Rows, *, others: Mapping[str, Rows] | None = None, seed: int = 0, most: int = MOST) -> Quality:
    """All three stages. `others` are rows to tell these from, by what they are ("the test data")."""
    from .outliers import adversarial, odd_labels, outliers

    looked = rows.sampled(most, seed)
    findings, weights = _rules(looked)
    for told, lowered in (outliers(looked), odd_labels(looked)):
        findings += [told] if told is not None else []
        for name, weight in lowered.items():
            weights[name] = min(weight, weights.get(name, 1.0))
    shifts = []
    for name, other in (others or {}).items():
        other = other.sampled(most, seed)
        leaked = sorted({*looked.digests} & {*other.digests})
        if leaked:
            ids = [
                rows_id for rows_id, content in zip(looked.ids, looked.digests, strict=True) if content in set(leaked)
            ]
            says = f"{len(ids)} rows are in {name} too, digest for digest: what they teach cannot be tested there"
            findings.append(finding("rules", "leakage", says, ids))
        shifts.append(adversarial(looked, other, against=name, seed=seed))
    return Quality(
        rows=len(rows), looked_at=len(looked), features=len(rows.names), findings=tuple(findings), shifts=tuple(shifts),
        weights=weights,
    )  # fmt: skip


def _rules(rows: Rows) -> tuple[list[Finding], dict[str, float]]:
    """The first stage."""
    findings: list[Finding] = []
    weights: dict[str, float] = {}
    same: dict[str, list[int]] = {}
    for row, content in enumerate(rows.digests):
        same.setdefault(content, []).append(row)
    copies = [places for places in same.values() if len(places) > 1]
    clash = [places for places in copies if len({rows.labels[row] for row in places}) > 1]
    twice = [places for places in copies if len({rows.labels[row] for row in places}) == 1]
    sides = [places for places in twice if len({rows.groups[row] for row in places}) > 1]
    for rule, found, weight, says in (
        ("label conflict", clash, CONFLICT, "rows have the same content and different labels"),
        ("duplicate", twice, None, "rows are copies of another row: together they are worth one"),
        (
            "leakage between groups",
            sides,
            None,
            "copies are in different groups, so that a split puts them on both sides",
        ),
    ):
        ids = [rows.ids[row] for places in found for row in (places if rule != "duplicate" else places[1:])]
        if not ids:
            continue
        findings.append(finding("rules", rule, f"{len(ids)} {says}", ids))
        for places in found:
            for row in places:
                weights[rows.ids[row]] = weight if weight is not None else 1 / len(places)
    empty = np.isnan(rows.values).mean(axis=1) > 0.5
    if empty.any():
        ids = [rows.ids[row] for row in np.flatnonzero(empty)]
        findings.append(finding("rules", "missing", f"{len(ids)} rows lack more than half of their numbers", ids))
        weights |= {name: min(STRANGER, weights.get(name, 1.0)) for name in ids}
    findings += _columns(rows)
    return findings, weights


def _columns(rows: Rows) -> Iterator[Finding]:
    """Rules on columns and labels: they name features, and weigh nothing."""
    if len(rows) < 2:
        return
    gone = np.isnan(rows.values).mean(axis=0)
    with np.errstate(invalid="ignore"):
        low = np.min(np.where(np.isnan(rows.values), np.inf, rows.values), axis=0)
        high = np.max(np.where(np.isnan(rows.values), -np.inf, rows.values), axis=0)
    still = (low == high) & (gone < 1)
    for rule, which, says in (
        ("constant", still, "never change"),
        ("not a number", gone > 0.2, "are missing in more than a fifth of the rows"),
    ):
        names = [rows.names[column] for column in np.flatnonzero(which)]
        if names:
            yield finding("rules", rule, f"{', '.join(names[:5])}{', ...' if len(names) > 5 else ''} {says}", names)
    labels = [label for label in rows.labels if label]
    if labels and len(set(labels)) == 1:
        yield finding("rules", "one label", f"every row is labelled {labels[0]!r}: there is nothing to tell apart", [])
    elif labels:
        rare = [label for label in sorted(set(labels)) if labels.count(label) < 5]
        if rare:
            says = f"{', '.join(rare[:5])}: fewer than five rows of each"
            yield finding("rules", "rare label", says, rare)


def finding(stage: str, rule: str, says: str, rows: Sequence[str]) -> Finding:
    """A finding that names the first of its rows."""
    return Finding(stage=stage, rule=rule, says=says, count=len(rows), rows=tuple(rows[:SHOWN]))


# ---- weights, while a fit runs ----------------------------------------------------------------------------------


@dataclass
class Weighing:
    """Weights by id, and whether a training asked for them."""

    weights: Mapping[str, float]
    asked: bool = False


_weighing: ContextVar[Weighing] = ContextVar("weights of rows")


@contextmanager
def weighted(weights: Mapping[str, float]) -> Iterator[Weighing]:
    """Inside, rows of these ids count for less in every training that asks by `weights_of`."""
    weighing = Weighing(weights)
    token = _weighing.set(weighing)
    try:
        yield weighing
    finally:
        _weighing.reset(token)


def weights_of(ids: Sequence[str]) -> Float[Array, " row"]:
    """The weight of each row, 1 unless something was found."""
    weighing = _weighing.get(Weighing({}))
    weighing.asked = True
    return np.array([weighing.weights.get(name, 1.0) for name in ids])
