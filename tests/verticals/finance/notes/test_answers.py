from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.verticals.finance.notes.candidates import candidates
from colonnade.verticals.finance.notes.features import COUNT, features_of
from colonnade.verticals.finance.notes.grounding import ground
from colonnade.verticals.finance.notes.metric import score
from colonnade.verticals.finance.notes.programs import OPERATIONS, Program, answer_of, execute, rounded
from colonnade.verticals.finance.notes.records import Filing
from colonnade.verticals.finance.notes.scorer import answered
from colonnade.verticals.finance.notes.training import Asked, fit, lesson_of, operation_of

ASKED = [
    ("What was the change in {} in 2024 from 2023?", "arithmetic", "difference"),
    ("What was the percentage change in {} between 2023 and 2024?", "arithmetic", "change"),
    ("What is the average of {} for 2023 and 2024?", "arithmetic", "average"),
    ("What was {} in 2023?", "span", "cell"),
]
ROWS = ("Lamps", "Sensors", "Total revenue", "Gross profit", "Operating income", "Inventories", "Bank debt")


def _asked(filing: Filing) -> list[Asked]:
    found = []
    for label in ROWS:
        grid = next(grid for grid in filing.tables if label in grid.labels.values())
        row = next(row for row, name in grid.labels.items() if name == label)
        new, old = (next(c for c in grid.row(row) if c.period == year) for year in ("2024", "2023"))
        truth = {
            "difference": (f"{new.value - old.value:g}", "thousand", f"{new.text}-{old.text}"),
            "change": (
                f"{rounded(100 * (new.value - old.value) / old.value)}",
                "percent",
                f"({new.text}-{old.text})/{old.text}",
            ),
            "average": (f"{(new.value + old.value) / 2:.2f}", "thousand", f"({new.text}+{old.text})/2"),
            "cell": (old.text, "thousand", ""),
        }
        for form, kind, operation in ASKED:
            value, scale, derivation = truth[operation]
            found.append(
                Asked(
                    question=form.format(label),
                    values=(value,),
                    scale=scale,
                    kind=kind,
                    derivation=derivation,
                    source="table",
                )
            )
    return found


def test_a_fitted_scorer_answers_questions_on_rows_that_it_has_not_seen(filing: Filing):
    asked = _asked(filing)
    seen, unseen = asked[: -2 * len(ASKED)], asked[-2 * len(ASKED) :]
    scorer = fit([lesson_of(each, filing) for each in seen])
    for each in unseen:
        answer = answered(each.question, filing, scorer)
        assert answer is not None
        assert score(answer.values, answer.scale, each.values, each.scale, kind=each.kind)[0] == 1.0, each
        assert answer.cells


def test_a_probe_stays_nearer_to_the_weights_it_starts_from_than_a_fit_from_nothing(filing: Filing):
    import numpy as np

    asked = _asked(filing)
    start = fit([lesson_of(each, filing) for each in asked])
    few = [lesson_of(each, filing) for each in asked[-20:]]
    probe, anew = fit(few, start=start), fit(few)
    away = [float(np.abs(each.programs - start.programs).sum()) for each in (probe, anew)]
    assert 0 < away[0] < 0.5 * away[1]


def test_too_few_questions_are_refused(filing: Filing):
    with pytest.raises(FormatError, match="too few"):
        fit([lesson_of(each, filing) for each in _asked(filing)[:3]])


def test_the_operation_is_read_off_the_published_answer(filing: Filing):
    for each, (_, _, operation) in zip(_asked(filing), ASKED * len(ROWS), strict=True):
        assert operation_of(each, ground(each.question, filing)) == operation


def test_rows_and_columns_fit_by_their_words_and_years(filing: Filing):
    found = ground("What was the gross profit in 2023?", filing)
    assert found.grid.labels[found.order[0]] == "Gross profit"
    assert [column for column, fit_ in found.columns.items() if fit_[0]] == [2]


def test_every_operation_has_programs_with_numbers(filing: Filing):
    grounded = ground("In how many years did total revenue exceed 62,000 thousand?", filing)
    for operation in OPERATIONS[:-1]:
        tried = list(candidates(grounded, operation))
        assert tried, operation
        assert features_of(tried[0], grounded).shape == (COUNT,)
        assert np.isfinite(features_of(tried[0], grounded)).all()
    counted = {execute(each).values for each in candidates(grounded, "count")}  # type: ignore[union-attr]
    assert ("2",) in counted


def test_a_division_by_zero_has_no_answer(filing: Filing):
    from dataclasses import replace

    cell = next(filing.cells())
    nothing = replace(cell, value=0.0)
    assert answer_of("?", Program(operation="ratio", cells=(cell, nothing)), 1.0) is None


@pytest.mark.parametrize(
    ("values", "scale", "gold", "gold_scale", "kind", "exact"),
    [
        (("12.6",), "million", ("12.6",), "million", "arithmetic", 1.0),
        (("12.6",), "", ("12.6",), "million", "arithmetic", 0.0),
        (("0.2222",), "", ("22.22",), "percent", "arithmetic", 1.0),
        (("$1,496.5",), "million", ("1496.5",), "million", "span", 1.0),
        (("2018", "2019"), "", ("2019", "2018"), "", "multi-span", 1.0),
        (("The lamps.",), "", ("lamps",), "", "span", 1.0),
        (("4",), "", ("3",), "", "count", 0.0),
    ],
)  # fmt: skip
def test_the_metric_counts_scales_and_not_the_order(values, scale, gold, gold_scale, kind, exact):
    assert score(values, scale, gold, gold_scale, kind=kind)[0] == exact


def test_f1_counts_shared_words():
    assert score(("due to lower prices",), "", ("lower prices",), "", kind="span") == (0.0, pytest.approx(0.67))
