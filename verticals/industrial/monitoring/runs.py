"""How long a chart runs before it signals: the mean number of values, of a process in control or shifted.

By the Markov chain of Brook and Evans (Biometrika 59, 1972), for independent normal values. This is what a chart's
settings promise: a false signal every so many units, a shift found after so many.
"""

from __future__ import annotations

import math

import numpy as np

from ....core.types import Array

STATES = 201


def ewma_run_length(*, weight: float = 0.1, width: float = 3.0, shift: float = 0.0) -> float:
    """Mean run length of a two-sided EWMA (limits as after many values) at a shift in sigmas."""
    reach = width * math.sqrt(weight / (2 - weight))
    edges = np.linspace(-reach, reach, STATES + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    bounds = (edges[None, :] - (1 - weight) * middle[:, None]) / weight - shift
    return _absorbed(_normal(bounds), STATES // 2)


def cusum_run_length(*, slack: float = 0.5, bound: float = 5.0, shift: float = 0.0) -> float:
    """Mean run length of a two-sided CUSUM: of its two one-sided halves by 1/L = 1/L+ + 1/L- (van Dobben de Bruyn)."""
    halves = [_one_sided(slack, bound, each) for each in (shift, -shift)]
    return 1 / sum(1 / each for each in halves)


def _one_sided(slack: float, bound: float, shift: float) -> float:
    step = 2 * bound / (2 * STATES - 1)
    middle = np.arange(STATES) * step
    upper = middle[None, :] + step / 2 - middle[:, None] + slack - shift
    edges = np.concatenate([np.full((STATES, 1), -np.inf), upper], axis=1)
    return _absorbed(_normal(edges), 0)


def _absorbed(cumulative: Array, start: int) -> float:
    moves = np.diff(cumulative, axis=1)
    return float(np.linalg.solve(np.eye(STATES) - moves, np.ones(STATES))[start])


def _normal(values: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(values))
