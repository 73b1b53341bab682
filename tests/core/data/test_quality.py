"""Faults planted in clean data are found, by name, and clean data are left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.data.quality import Rows, examine, weighted, weights_of
from colonnade.core.errors import FormatError
from colonnade.core.random import numpy_generator


def clean(count: int = 300, seed: int = 0, *, names: tuple[str, ...] = ("size", "weight", "speed")) -> Rows:
    """Correlated normal numbers whose label follows the first."""
    values = numpy_generator(seed, "clean rows").normal(size=(count, len(names)))
    values[:, 1] += values[:, 0]
    labels = tuple("big" if value > 0 else "small" for value in values[:, 0])
    ids = tuple(f"{seed}/{row}" for row in range(count))
    return Rows(
        names=names, values=values, ids=ids, digests=tuple(f"{seed}-{row}" for row in range(count)), labels=labels
    )


def planted(rows: Rows, **changes) -> Rows:
    from dataclasses import replace

    return replace(rows, **changes)


def rules(found) -> dict[str, tuple[str, ...]]:
    return {each.rule: each.rows for each in found.findings}


def test_clean_rows_are_left_in_peace():
    for seed in range(4):
        found = examine(clean(seed=seed))
        assert "outlier" not in rules(found) or len(found.weights) <= 2
        assert not set(rules(found)) - {"outlier"}


def test_copies_count_together_once():
    rows = clean()
    digests = (*rows.digests[:-2], rows.digests[0], rows.digests[0])
    labels = (*rows.labels[:-2], rows.labels[0], rows.labels[0])
    found = examine(planted(rows, digests=digests, labels=labels))
    assert set(rules(found)["duplicate"]) == set(rows.ids[-2:])
    assert [found.weights[name] for name in (rows.ids[0], *rows.ids[-2:])] == [pytest.approx(1 / 3)] * 3


def test_the_same_content_under_two_labels_is_a_conflict():
    rows = clean()
    other = "small" if rows.labels[0] == "big" else "big"
    found = examine(planted(rows, digests=(*rows.digests[:-1], rows.digests[0]), labels=(*rows.labels[:-1], other)))
    assert set(rules(found)["label conflict"]) == {rows.ids[0], rows.ids[-1]}
    assert found.weights[rows.ids[0]] == pytest.approx(0.1)


def test_copies_in_two_groups_leak():
    rows = clean()
    groups = tuple(f"g{row // 2}" for row in range(len(rows)))
    labels = (*rows.labels[:-1], rows.labels[0])
    found = examine(planted(rows, groups=groups, digests=(*rows.digests[:-1], rows.digests[0]), labels=labels))
    assert rows.ids[-1] in rules(found)["leakage between groups"]


def test_rows_that_the_test_data_hold_too_are_named():
    rows, test = clean(), clean(seed=1)
    leaked = planted(test, digests=(rows.digests[3], *test.digests[1:]))
    assert rules(examine(rows, others={"the test data": leaked}))["leakage"] == (rows.ids[3],)
    assert "leakage" not in rules(examine(rows, others={"the test data": test}))


def test_columns_that_stand_still_or_are_mostly_missing_are_named():
    rows = clean()
    values = rows.values.copy()
    values[:, 1], values[:100, 2] = 7.0, np.nan
    found = rules(examine(planted(rows, values=values)))
    assert found["constant"] == ("weight",)
    assert found["not a number"] == ("speed",)


def test_a_row_far_off_in_a_direction_that_no_single_number_shows_is_an_outlier():
    rows = clean()
    values = rows.values.copy()
    values[5, :2] = 2.5, -6.0  # each is possible, together they are not
    found = examine(planted(rows, values=values))
    assert rows.ids[5] in rules(found)["outlier"]
    assert found.weights[rows.ids[5]] < 0.9


def test_outliers_do_not_hide_each_other():
    rows = clean()
    values = rows.values.copy()
    values[:12] += 40.0
    assert set(rows.ids[:12]) <= set(rules(examine(planted(rows, values=values)))["outlier"])


def test_a_flipped_label_is_odd_among_its_neighbours():
    rows = clean(600)
    deep = int(np.argmax(rows.values[:, 0] * (np.abs(rows.values).max(axis=1) < 2)))
    labels = tuple("small" if row == deep else label for row, label in enumerate(rows.labels))
    found = examine(planted(rows, labels=labels))
    assert rows.ids[deep] in rules(found)["odd label"]


def test_a_shift_is_told_with_the_numbers_that_differ_and_its_absence_too():
    rows, same, moved = clean(), clean(seed=1), clean(seed=2)
    values = moved.values.copy()
    values[:, 2] += 1.5
    found = examine(rows, others={"alike": same, "moved": planted(moved, values=values)})
    alike, other = found.shifts
    assert alike.verdict == "not told apart from"
    assert alike.low < 0.55 < other.low
    assert other.verdict != "not told apart from"
    assert other.differs[0]["feature"] == "speed"
    assert other.low < other.auroc < other.high


def test_rows_of_one_group_are_never_learnt_from_and_judged_at_once():
    """Groups of near copies would otherwise be told apart by memory."""
    generator = numpy_generator(0, "groups")

    def grouped(seed: int) -> Rows:
        centres = np.repeat(generator.normal(size=(12, 3)), 20, axis=0)
        rows = clean(240, seed)
        values = centres + 0.01 * rows.values
        return planted(rows, values=values, groups=tuple(f"p{row // 20}" for row in range(240)), labels=())

    assert examine(grouped(1), others={"others": grouped(2)}).shifts[0].low < 0.6


def test_weights_hold_inside_only():
    with weighted({"a": 0.25}):
        assert weights_of(["a", "b"]).tolist() == [0.25, 1.0]
    assert weights_of(["a", "b"]).tolist() == [1.0, 1.0]


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(FormatError, match="need an id, a digest"):
        Rows(names=("x",), values=np.zeros((2, 1)), ids=("a",), digests=("a", "b"))
