"""What guidelines say about a study: its findings, its patient, each answer with the proof that carries it.

A guideline speaks about the study by its most urgent nodule. What is not known stays open: a `Choice` for each row that
is still possible, with what would have to hold for it. It knows no images and writes no report.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ....knowledge.rules import Condition, Proof, Rule, Statement, derive
from ..followup.growth import Change
from ..records import Finding
from . import bts as bts_2015
from . import fleischner, lung_rads
from .ask import Asked, Facts, ask_bts, ask_fleischner, ask_lung_rads
from .facts import NOTHING_ADDED, PREDICATES, SURE, Reading, seen_of
from .patient import Patient
from .risk import Chance
from .tables import Open, Table

_OPEN = "it is not known whether it is a screening scan"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A row that is possible: its id, its sentence, whose it is, and what must hold of what is not known.

    `category` is empty where the guideline has none, `provided` where nothing is open. `proof` ends in the management
    (its leaves are facts given with their source, or "not known, assumed ...").
    """

    row: str
    says: str
    category: str
    label: int | None
    provided: tuple[str, ...]
    proof: Proof


@dataclass(frozen=True, kw_only=True)
class Managed:
    """One guideline about one study. `label`: the finding that decides. One choice: it is decided; none: it is silent.

    `because` says why this guideline was asked, `missing` which inputs would decide between the choices or whether it
    applies at all, `notes` what a reader of it must know beside.
    """

    guideline: str
    source: str
    because: str
    label: int | None
    choices: tuple[Choice, ...]
    decided_by: tuple[str, ...]
    missing: tuple[str, ...]
    silent_because: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    chance: Chance | None = None

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.row for each in self.choices))

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.category for each in self.choices if each.category))

    def to_dict(self) -> dict[str, Any]:
        """What a program wants; proofs as trees of text."""
        names = ("guideline", "source", "because", "label", "rows", "categories", "decided_by", "missing")
        return {
            **{name: getattr(self, name) for name in (*names, "silent_because", "notes", "chance")},
            "choices": [
                {"row": each.row, "says": each.says, "category": each.category, "label": each.label,
                 "provided": each.provided, "proof": each.proof.tree().splitlines()}
                for each in self.choices
            ],
        }  # fmt: skip


def manage(
    findings: Sequence[Finding],
    patient: Patient,
    *,
    screening: bool | None,
    changes: Sequence[Change] = (),
    days: float | None = None,
    reading: Reading = NOTHING_ADDED,
    bts: bool = False,
    sure: float = SURE,
) -> tuple[Managed, ...]:
    """One entry a guideline: Fleischner 2017 where the scan is not a screening scan, Lung-RADS v2022 where it is, both
    where that is not known (`screening=None`), and BTS 2015 where `bts` asks for it.

    `changes` are those of `growth.changes` against an earlier scan `days` before. Both left out: there is none, and the
    scan is read as a first one, with a note. `days` without a change of a finding: how it stands to it stays open.
    `reading` is what a reader adds (a juxtapleural nodule, a benign pattern of calcification, an earlier category).
    An attribute of a finding counts as known where its probability is at least `sure`, and there being several nodules
    where that is at least as probable by the scores; otherwise it stays open.

    Raises:
        InputError: a size or age that cannot be, or facts that contradict each other.
    """
    seen = [seen_of(each, findings, changes, days=days, reading=reading, sure=sure) for each in findings]
    told = replace(patient, screening=screening)
    entries = []
    if screening is not True:
        entries.append(_fleischner([ask_fleischner(each, told) for each in seen], told))
    if screening is not False:
        entries.append(
            _lung_rads([ask_lung_rads(each) for each in seen], screening, reading, first=not changes and days is None)
        )
    if bts:
        entries.append(_bts([ask_bts(each, patient, len(seen)) for each in seen], patient))
    return tuple(entries)


def _fleischner(asked: Sequence[Asked], patient: Patient) -> Managed:
    because = "the scan is not a screening scan" if patient.screening is False else _OPEN
    scope = [name for name in fleischner.SCOPE if getattr(patient, name) is None]
    grown = [each.seen.label for each in asked if each.seen.change is not None and each.seen.change.status == "grown"]
    notes = tuple(f"finding {label} has grown since the earlier scan: this table does not ask for growth"
                  for label in grown)  # fmt: skip
    return decided(fleischner.TABLE, asked, because=because, scope=scope, notes=notes)


def _lung_rads(asked: Sequence[Asked], screening: bool | None, reading: Reading, *, first: bool) -> Managed:
    because = "the scan is a screening scan" if screening else _OPEN
    notes: tuple[str, ...] = (
        ("read as a first scan, since no earlier one was given: with one the category may change",) if first else ()
    )
    if asked:
        notes += ("findings are read as nodules of the lung's tissue: one in an airway, or a cyst, has other rows",)
    if reading.other_finding:
        notes += ("modifier S: a significant finding that is not of lung cancer",)
    scope = ("screening",) if screening is None else ()
    incomplete = reading.incomplete
    if asked and incomplete == "no":
        return decided(lung_rads.TABLE, asked, because=because, scope=scope, notes=notes)
    facts = {
        Statement("study", "incomplete", incomplete): "a reader's word" if incomplete != "no" else "nothing was added",
        Statement("study", "nodules", float(len(asked))): f"{len(asked)} findings at the operating point",
    }
    read = lung_rads.EXAM.read({each.predicate: each.value for each in facts})
    choices = tuple(_choice(lung_rads.EXAM.rules(), each, "study", None, facts, {}) for each in read.rows)
    return Managed(
        guideline=lung_rads.GUIDELINE, source=lung_rads.SOURCE, because=because, label=None, choices=choices,
        decided_by=read.decided_by, missing=scope, notes=notes,
    )  # fmt: skip


def _bts(asked: Sequence[Asked], patient: Patient) -> Managed:
    meant = patient.ever_smoked or (patient.age or 0.0) >= bts_2015.FROM_AGE
    notes = (
        () if meant else (f"BTS asks for Brock's risk in those who ever smoked or are {bts_2015.FROM_AGE:g} or older",)
    )
    return decided(bts_2015.TABLE, asked, because="it was asked for", scope=(), notes=notes if asked else ())


def decided(
    table: Table, asked: Sequence[Asked], *, because: str, scope: Sequence[str], notes: tuple[str, ...] = ()
) -> Managed:
    """The study by its most urgent nodule: rows below what another nodule needs at least are not open any more.

    `scope`: inputs that are not known and say whether the guideline applies at all.
    """
    silent = tuple(f"finding {each.seen.label}: {why}" for each in asked for why in each.advice.silent_because)
    if silent or not asked:
        return Managed(
            guideline=table.guideline, source=table.source, because=because, label=None, choices=(), decided_by=(),
            missing=(), silent_because=silent or ("there is no finding",), notes=notes,
        )  # fmt: skip
    least = max(min(each.row.rank for each in one.advice.open) for one in asked)
    lead = max(asked, key=lambda one: (max(each.row.rank for each in one.advice.open), one.seen.diameter_mm))
    choices: dict[str, Choice] = {}
    of_table = table.rules()
    for one in sorted(asked, key=lambda one: (one is not lead, -one.seen.diameter_mm)):
        for each in one.advice.open:
            if each.row.rank >= least and each.row.id not in choices:
                rules = (*of_table, *one.rules)
                choices[each.row.id] = _choice(rules, each, one.seen.subject, one.seen.label, one.facts, one.told)
    used = [one for one in asked if any(each.label == one.seen.label for each in choices.values())]
    wanted = dict.fromkeys(name for one in used for name in one.advice.missing)
    missing = tuple(dict.fromkeys((*(wanted if len(choices) > 1 else ()), *scope)))
    return Managed(
        guideline=table.guideline,
        source=table.source,
        because=because,
        label=lead.seen.label,
        choices=tuple(sorted(choices.values(), key=lambda each: table[each.row].rank)),
        decided_by=tuple(dict.fromkeys(n for one in used for n in one.advice.decided_by if n not in missing)),
        missing=missing,
        notes=notes,
        chance=lead.chance,
    )


def _choice(
    rules: Sequence[Rule], opened: Open, subject: str, label: int | None, facts: Facts, sources: Mapping[str, str]
) -> Choice:
    assumed = {
        Statement(subject, each.predicate, _value(each)): f"not known, assumed {each}" for each in opened.provided
    }
    met = {
        Statement(subject, each.predicate, value):
            f"{sources.get(each.predicate, 'several values')}: whatever is possible, {each}"
        for each, value in opened.met
    }  # fmt: skip
    proofs = derive({**facts, **met, **assumed}, rules, PREDICATES)
    return Choice(
        row=opened.row.id,
        says=opened.row.says,
        category=opened.row.category,
        label=label,
        provided=tuple(str(each) for each in opened.provided),
        proof=proofs[Statement(subject, "management", opened.row.says)],
    )


def _value(condition: Condition) -> Any:
    """A value that meets the condition, to stand for all that do."""
    if condition.among is not None:
        return sorted(condition.among, key=str)[0]
    return condition.low if condition.low > -math.inf else 0.0
