"""Which modalities a training row keeps: dropout that drops at the rate it promises and never below the minimum.

It knows names and subsets only; nothing of encoders, models or tasks.

Dropping each modality by its own coin and then mending the rows that fell below the minimum changes the rate (two
modalities at 0.5, neither alone dropped twice: 0.33 after a redraw). So rows draw a whole subset, from the
distribution of greatest entropy among the allowed subsets whose marginals are the promised rates. It is found by
iterative proportional fitting (Deming and Stephan, 1940), once for each set of modalities that a row can start from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, UnknownName
from ..types import Batch, Packed


class ModalityDropout:
    """Draws the presence of training rows.

    `rate` is the probability that a modality which is present, and which the row can do without, is dropped: one
    number, or one by name (0 where not named). `minimum` is the task's: the smallest subsets that can be answered.
    A row that starts with few modalities and cannot keep to the rate drops at the highest rate that it can.

    Raises:
        UnknownName: a rate or the minimum names a modality that is not in `names`.
        ConfigError: with all modalities present, no distribution over the allowed subsets has these rates.
    """

    def __init__(
        self, names: Sequence[str], *, minimum: Sequence[Sequence[str]] = (), rate: float | Mapping[str, float] = 0.3
    ) -> None:
        self.names = tuple(names)
        self.minimum = tuple(tuple(subset) for subset in minimum) or tuple((name,) for name in self.names)
        rates = dict(rate) if isinstance(rate, Mapping) else dict.fromkeys(self.names, float(rate))
        for name in (*rates, *(name for subset in self.minimum for name in subset)):
            if name not in self.names:
                raise UnknownName("modality", name, self.names)
        if not all(0 <= each < 1 for each in rates.values()):
            raise ConfigError(f"a dropout rate is at least 0 and below 1, got {rates}")
        self._needed = tuple(frozenset(self.names.index(name) for name in subset) for subset in self.minimum)
        self._rates = np.array([rates.get(name, 0.0) for name in self.names])
        share = _feasible_share(*self._problem(tuple([True] * len(self.names))))
        if share < 1 - 1e-6:
            raise ConfigError(
                f"modalities {', '.join(self.names)} with minimum {self.minimum} cannot be dropped at {rates}: "
                f"rates up to {share:.2f} times these can be kept"
            )
        self._subsets = lru_cache(maxsize=None)(self._solve)

    def draw(self, presence: Tensor, generator: torch.Generator) -> Tensor:
        """What each row keeps: `[batch, modality]` booleans, never more than `presence`, never below the minimum.

        A row that is below the minimum already is left as it is.
        """
        rows = presence.cpu().numpy()
        chances = torch.rand(len(rows), generator=generator, dtype=torch.float64).numpy()
        kept = [self._pick(tuple(map(bool, row)), chance) for row, chance in zip(rows, chances, strict=True)]
        return torch.from_numpy(np.array(kept, dtype=bool).reshape(rows.shape)).to(presence.device)

    def singles(self, presence: Tensor, generator: torch.Generator) -> Tensor:
        """Each row keeps one smallest subset that the task can answer, chosen evenly among those it has."""
        rows = presence.cpu().numpy()
        chances = torch.rand(len(rows), generator=generator, dtype=torch.float64).numpy()
        kept = rows.copy()
        for row, chance in enumerate(chances):
            held = [needed for needed in self._needed if all(rows[row, each] for each in needed)]
            if held:
                kept[row] = False
                kept[row, sorted(held[int(chance * len(held))])] = True
        return torch.from_numpy(kept).to(presence.device)

    def probabilities(self, present: Sequence[bool]) -> dict[tuple[bool, ...], float]:
        """The distribution that rows with these modalities present draw from."""
        subsets, weights = self._subsets(tuple(present))
        return {tuple(map(bool, subset)): float(weight) for subset, weight in zip(subsets, weights, strict=True)}

    def _pick(self, present: tuple[bool, ...], chance: float) -> np.ndarray:
        subsets, weights = self._subsets(present)
        return subsets[min(int(np.searchsorted(np.cumsum(weights), chance, side="right")), len(subsets) - 1)]

    def _solve(self, present: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
        subsets, rates = self._problem(present)
        share = _feasible_share(subsets, rates)
        return subsets, _greatest_entropy(subsets, rates * share)

    def _problem(self, present: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
        """The allowed subsets `[subset, modality]` of the present ones, and the rate of each that can be dropped."""
        choices = np.array(list(product(*[(True, False) if each else (False,) for each in present])), dtype=bool)
        allowed = np.array([any(all(row[each] for each in needed) for needed in self._needed) for row in choices])
        subsets = choices[allowed] if allowed.any() else np.array([present])
        droppable = np.array(present) & ~subsets.all(axis=0)
        return subsets, np.where(droppable, self._rates, np.where(present, 0.0, 1.0))


def keep(batch: Batch, presence: Tensor) -> Batch:
    """The batch with only these modalities present: the masks of the others are all False, so they are never read."""
    columns = zip(batch.inputs.items(), presence.unbind(dim=1), strict=True)
    inputs = {name: Packed(packed.x, packed.mask & column[:, None]) for (name, packed), column in columns}
    return Batch(inputs, batch.presence & presence)


def _greatest_entropy(subsets: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Weights over the subsets with P(modality absent) = its rate, by scaling to one marginal after the other."""
    weights = np.full(len(subsets), 1 / len(subsets))
    moving = [each for each in range(subsets.shape[1]) if 0 < subsets[:, each].mean() < 1]
    for _ in range(500):
        for each in moving:
            absent = ~subsets[:, each]
            gone = weights[absent].sum()
            weights = weights * np.where(
                absent, rates[each] / max(gone, 1e-300), (1 - rates[each]) / max(1 - gone, 1e-300)
            )
        if all(abs(weights[~subsets[:, each]].sum() - rates[each]) < 1e-9 for each in moving):
            break
    return weights / weights.sum()


def _feasible_share(subsets: np.ndarray, rates: np.ndarray) -> float:
    """The largest share of these rates, up to all of them, that a distribution over these subsets can have."""
    from scipy.optimize import linprog

    moving = (rates > 1e-9) & ~subsets.all(axis=0) & subsets.any(axis=0)
    if not moving.any():
        return 1.0
    absent = (~subsets[:, moving]).T.astype(float)
    equal = np.block([[absent, -rates[moving][:, None]], [np.ones((1, len(subsets))), np.zeros((1, 1))]])
    goal = np.zeros(len(subsets) + 1)
    goal[-1] = -1.0
    solved = linprog(goal, A_eq=equal, b_eq=[*np.zeros(int(moving.sum())), 1.0], bounds=(0, 1))
    return float(solved.x[-1])
