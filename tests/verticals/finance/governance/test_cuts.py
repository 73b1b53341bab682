from __future__ import annotations

import numpy as np

from colonnade.verticals.finance.governance.cuts import held_against, total

VALUES = np.array([[1.0, np.nan], [2.0, 3.0], [4.0, np.inf], [5.0, 6.0]])


def test_what_is_said_again_holds_with_what_is_missing_in_its_place():
    (cut,) = held_against(VALUES, ((3, lambda: VALUES[:3]),))
    assert cut.held
    assert (cut.rows, cut.values, cut.moved) == (3, 6, 0)


def test_rows_from_the_cut_on_may_be_anything():
    later = VALUES.copy()
    later[2:] = -1
    (cut,) = held_against(VALUES, ((2, lambda: later),))
    assert cut.held


def test_a_value_that_moves_or_goes_missing_is_counted():
    moved = VALUES.copy()
    moved[0, 0], moved[1, 1] = 1.0000001, np.nan
    cuts = held_against(VALUES, ((4, lambda: moved), (1, lambda: moved)))
    assert [cut.moved for cut in cuts] == [2, 1]
    assert total(cuts) == (5, 10, 3)
    assert not cuts[0].held


def test_rounding_is_forgiven_only_where_it_is_said():
    moved = VALUES + 1e-12
    assert not held_against(VALUES, ((4, lambda: moved),))[0].held
    assert held_against(VALUES, ((4, lambda: moved),), within=1e-9)[0].held


def test_a_comparison_of_nothing_does_not_hold():
    assert not held_against(VALUES, ((0, lambda: VALUES[:0]),))[0].held
