"""The inspection certificate: the verified report of a unit, with which unit it was, when, and where every number is
from. It measures nothing again: `knowledge/reports` does when the report is made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ....core.result import Source
from ....knowledge.reports import Key, Report, Rows, Section

if TYPE_CHECKING:
    from .inspected import Inspection


def certificate(made: Inspection) -> Report:
    """The report as a certificate of this unit."""
    report = made.result.report
    assert isinstance(report, Report)
    origins = Section(
        heading="Where each number comes from",
        tables=(
            Rows(header=("number", "value", "measured from"), rows=_origins(made)),
            Rows(
                header=("file", "name", "SHA-256"),
                rows=tuple((each.modality, each.path or "-", each.sha256) for each in made.result.inputs),
                caption="What was inspected: these digests are of the files as they were read.",
            ),
        ),
    )
    unit = Key(label="Unit", value=made.name, note=f"inspected {made.at}")
    return replace(
        report,
        title="Inspection certificate",
        keys=(unit, *report.keys),
        sections=(*report.sections, origins),
        provenance={"unit": made.name, "inspected": made.at, **report.provenance},
    )


def _origins(made: Inspection) -> tuple[tuple[str, str, str], ...]:
    """Every number of the head of the certificate, and of each sense."""
    answer, told = made.result.answer, made.told
    files = {each.modality: each for each in made.result.inputs}
    weights = f"model {str(made.result.model.get('sha256', 'not saved'))[:12]}"
    rows: list[tuple[str, str, str]] = []
    if answer.judged:
        rows.append(("score", f"{answer.score:.2f}", f"{' + '.join(answer.judged)}, by {weights}"))
        good = told["good"]
        if good is not None:
            rows += [
                ("threshold", f"{answer.threshold:.2f}", f"{good['count']} good units of the calibration, {weights}"),
                ("p-value", f"{answer.p_value:.4f}", f"(1 + {good['beyond']}) / ({good['count']} + 1) of them"),
                ("share as high", f"{good['low']:.1%} to {good['high']:.1%}", "95 % interval of Clopper and Pearson"),
            ]
    for sense, value in answer.scores.items():
        if np.isfinite(value):
            rows.append((f"raw score of {sense}", f"{value:.3f}", _file(files.get(sense))))
    if answer.registration is not None:
        made_of = f"{_file(files.get('scan'))} on {_file(files.get('nominal'))}"
        rows.append(("registration residual", f"{answer.registration.residual_mm:.3f} mm", made_of))
    for each in told["dimensions"]:
        if each["verdict"] != "not evaluable":
            said = f"{each['value']:.3f} ± {each['uncertainty']:.3f} mm"
            rows.append((each["name"], said, f"fitted to {_file(files.get('scan'))}, k = 2"))
    rows.append(("tolerance", f"{answer.tolerance_mm:g} mm", "setting of the inspector"))
    return tuple(rows)


def _file(source: Source | None) -> str:
    return "-" if source is None else f"{source.path or source.modality} ({source.sha256[:12]})"
