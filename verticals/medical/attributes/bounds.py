"""How far the readers' own mean rating lies from the expected one: margins below and above, by what is measured.

Every nodule of training is a calibration case, answered by the network that did not learn from its patient (CV+, Barber
et al. 2021, arXiv:1905.02928), and every nodule of validation one more. A nodule counts once however often it was put
in, and one patient more than there are counts as infinitely far (Dunn et al. 2022, arXiv:1809.07441). Margins are fixed
for what can be measured (Mondrian), then raised until every texture has its coverage too: which texture readers would
say is not known when a nodule is met, and part-solid ones look solid. It knows nothing of measurements or networks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ....core.errors import InputError
from ....core.types import Array
from .describe import EVERYONE, MOST

FEW = 20  # patients: a stratum with fewer has the wider of its own margins and everyone's
MET = 0.1  # the share of a texture's nodules from which a stratum is raised for it


class Answers(NamedTuple):
    """By mask: the expected rating and the readers' own mean, the stratum, the texture most readers say, nodule and
    patient."""

    expected: Array
    ratings: Array
    strata: Array
    textures: Array
    nodules: Array
    patients: Array

    def of(self, chosen: Array) -> Answers:
        """Some of the masks."""
        return Answers(*(each[chosen] for each in self))


def joined(one: Answers, other: Answers) -> Answers:
    """The masks of both."""
    return Answers(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))


def fit_margins(answers: Answers, *, coverage: float) -> dict[str, tuple[float, float]]:
    """By stratum, and under "" for one that was not met: how far the readers' mean may lie below and above.

    Raises:
        InputError: there is no answer.
    """
    if not len(answers.ratings):
        raise InputError("bounds of suspicion need nodules that readers rated: there is none")
    everyone = _both(answers, coverage)
    margins = {EVERYONE: everyone}
    for name in np.unique(answers.strata):
        some = answers.of(answers.strata == name)
        few, many = _both(some, coverage)
        rare = len(np.unique(some.patients)) < FEW
        margins[str(name)] = (max(few, everyone[0]), max(many, everyone[1])) if rare else (few, many)
    raised = dict(margins)
    for texture in np.unique(answers.textures):
        some = answers.of(answers.textures == texture)
        more, names = _raise(some, margins, coverage)
        for name in {EVERYONE, *names}:
            low, high = margins.get(name, everyone)
            raised[name] = (low, max(raised[name][1], high + more))
    return {name: (min(low, MOST), min(high, MOST)) for name, (low, high) in raised.items()}


def _both(some: Answers, coverage: float) -> tuple[float, float]:
    """Half of what may be missed on each side."""
    side, away = 1 - (1 - coverage) / 2, some.ratings - some.expected
    groups = some.nodules, some.patients
    return max(grouped_quantile(-away, *groups, side), 0.0), max(grouped_quantile(away, *groups, side), 0.0)


def _raise(some: Answers, margins: Mapping[str, tuple[float, float]], coverage: float) -> tuple[float, list[str]]:
    """By how much the upper margins must grow for these nodules, and where: in the strata that meet enough of them.

    What lies below its bounds, or beyond them where nothing is raised, is missed all the same.
    """
    weight = _weights(some.nodules)
    share = {str(name): weight[some.strata == name].sum() / weight.sum() for name in np.unique(some.strata)}
    names = [name for name, each in share.items() if each >= MET]
    low, high = np.array([margins[str(name)] for name in some.strata]).T
    beyond, below = some.ratings - some.expected - high, some.expected - some.ratings - low
    helped = np.isin(some.strata, names) & (below <= 0)
    scores = np.where(helped, beyond, np.where((beyond > 0) | (below > 0), math.inf, -math.inf))
    return max(grouped_quantile(scores, some.nodules, some.patients, coverage), 0.0), names


def grouped_quantile(scores: Array, nodules: Array, patients: Array, level: float) -> float:
    """The score that a share `level` of nodules do not exceed, those of one patient more counted as infinitely far.

    With too few patients to promise it, the largest finite score.
    """
    weight, order = _weights(nodules), np.argsort(scores)
    reached = np.cumsum(weight[order]) / weight.sum()
    place = int(np.searchsorted(reached, level * (1 + 1 / len(np.unique(patients))) - 1e-9))
    found = float(scores[order[min(place, len(order) - 1)]])
    finite = scores[np.isfinite(scores)]
    return found if math.isfinite(found) else float(finite.max()) if found > 0 and len(finite) else 0.0


def _weights(nodules: Array) -> Array:
    """One for each nodule, shared by its masks."""
    _, which, times = np.unique(nodules, return_inverse=True, return_counts=True)
    return np.asarray(1 / times[which])
