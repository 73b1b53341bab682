"""The chapter on ablations: each group of features put back to what is usual, and dealt anew among the payments.

A group whose shuffled values do as well as its own adds nothing but numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say, track
from .....core.random import numpy_generator
from .....core.result import Interval
from .....core.trust.ranking import compare
from .....core.types import Array
from .....knowledge.reports import Rows
from ...fraud.reasons import members
from ...fraud.recipes import OPTIONAL, absent
from ...fraud.records import DAY
from ..dossier import Chapter, expect
from ..written import span
from .case import Case

CHAPTER = "controls"


def controls(case: Case) -> Chapter:
    """Average precision with each group as usual, and with it shuffled; less that of the model as it is."""
    rows, weights = case.thinned()
    events, labels = case.payments
    assert labels is not None
    values = case.rows(rows)
    groups = {name: columns for name, columns in members(case.model.names).items() if len(columns)}
    modalities = _modalities(case, values)
    scores = {"as it is": case.model.logits(values)}
    order = numpy_generator(case.seed, "shuffled").permutation(len(values))
    say("controls: leaving out and shuffling groups of features")
    for name, columns in track({**groups, **modalities}.items(), "controls", len(groups) + len(modalities)):
        scores[f"{name} left out"] = case.model.logits(_with(values, columns, _without(case, name, columns)))
        scores[f"{name} shuffled"] = case.model.logits(_with(values, columns, values[order][:, columns]))
    found = compare(
        scores, labels.fraud[rows], groups=events.time[rows] // DAY, weights=weights, against="as it is", seed=case.seed
    )
    less = {name: each.less["average_precision"] for name, each in found.items() if name != "as it is"}
    whole = found["as it is"].metrics["average_precision"]
    return Chapter(
        heading="Ablations and shuffled controls",
        facts={
            "average_precision": asdict(whole), "less": {name: asdict(each) for name, each in less.items()},
            "modalities": list(modalities),
        },
        tables=(_table(case, groups, modalities, less),),
        notes=(
            f"Average precision as it is: {span(whole)}; the table holds differences from it with days redrawn. Left"
            " out: a group as it usually is for honest payments, a modality as if it were not given. Shuffled: the"
            " values of another payment. The model is not fitted again.",
        ),
        expects=_expects(less, groups, modalities),
    )  # fmt: skip


def _modalities(case: Case, values: Array) -> dict[str, Array]:
    """Columns that need an optional modality, where the model reads them and the data have it."""
    found = {f"modality {kind}": np.flatnonzero(absent(case.model.names, (kind,))) for kind in OPTIONAL}
    return {name: at for name, at in found.items() if len(at) and np.isfinite(values[:, at]).any()}


def _without(case: Case, name: str, columns: Array) -> Array:
    return np.full(len(columns), np.nan) if name.startswith("modality ") else case.model.usual[columns]


def _with(values: Array, columns: Array, instead: Array) -> Array:
    changed = values.copy()
    changed[:, columns] = instead
    return changed


def _table(
    case: Case, groups: Mapping[str, Array], modalities: Mapping[str, Array], less: Mapping[str, Interval]
) -> Rows:
    rows = tuple(
        (name, str(len(columns)), span(less[f"{name} left out"], sign=True), span(less[f"{name} shuffled"], sign=True))
        for name, columns in {**groups, **modalities}.items()
    )
    return Rows(
        header=("group of features", "features", "left out", "shuffled"), rows=rows,
        caption="Average precision less that of the model as it is. Below zero: the group is worth something.",
    )  # fmt: skip


def _expects(
    less: Mapping[str, Interval], groups: Mapping[str, Array], modalities: Mapping[str, Array]
) -> tuple[Expectation, ...]:
    idle = [name for name in groups if max(less[f"{name} {how}"].low for how in ("shuffled", "left out")) > 0]
    what = "Each modality given is worth more than its shuffled values"
    line = expect(
        CHAPTER,
        "No group of features does harm beyond chance",
        f"{len(groups)} groups left out, and shuffled",
        not idle,
        f"better without: {', '.join(idle)}" if idle else "none is better without",
    )
    if not modalities:
        return line, expect(CHAPTER, what, "nothing", None, "no optional modality is in the data and read by the model")
    empty = [name for name in modalities if not less[f"{name} shuffled"].high < 0]
    said = "; ".join(f"{name} shuffled {span(less[f'{name} shuffled'], sign=True)}" for name in modalities)
    return line, expect(CHAPTER, what, "shuffled modalities", not empty, said)
