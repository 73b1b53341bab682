"""Backends: good rows lie near, strange rows far, and the scale comes from rows that were not fitted."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.industrial.sound.backends import BACKENDS, fit_backend, held_out


def good(count, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, 3)) @ generator.normal(size=(3, 10)) + 0.1 * generator.normal(size=(count, 10))


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_strange_row_is_farther_than_good_ones(kind):
    rows = good(60)
    backend = fit_backend(kind, rows[:50])
    strange = rows[50:] + 4 * np.eye(10)[:10] * rows.std(axis=0).max()
    assert backend.distance(strange).min() > np.median(backend.distance(rows[50:]))


@pytest.mark.parametrize("kind", BACKENDS)
def test_the_scale_is_that_of_rows_outside_the_fit(kind):
    rows = good(200)
    centre, spread = held_out(kind, rows[:100])
    seen = fit_backend(kind, rows[:100]).distance(rows[100:])
    assert abs(np.median(seen) - centre) < 2 * spread


def test_one_row_makes_a_backend_of_every_kind():
    for kind in BACKENDS:
        backend = fit_backend(kind, good(1))
        assert np.isfinite(backend.distance(good(3, seed=1))).all()
        assert held_out(kind, good(1)) == (1.0, 1.0)
