"""PowerSGD: a matrix of gradients as a product of two thin ones, found by one step of the power method a training step.

Vogels, Karimireddy, Jaggi: PowerSGD, 2019, with warm start and error feedback. Written with plain synchronous messages
(two a step), since PyTorch's hook deadlocks on gloo. Vectors, and matrices too small to gain, travel in full.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..errors import ConfigError
from ..random import torch_generator
from .exchange import Exchange, Group, joined_flat, split


class PowerSGD(Exchange):
    """`rank` columns a matrix; it is sent in full unless that saves half of it at least.

    Raises:
        ConfigError: a rank below 1.
    """

    def __init__(self, rank: int = 4, group: Group = None) -> None:
        if rank < 1:
            raise ConfigError(f"PowerSGD needs a rank of at least 1, got {rank}")
        super().__init__(group)
        self.rank = rank

    def mean(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        matrices = {
            name: grad.flatten(1).float() + (self.owed[name].flatten(1) if name in self.owed else 0.0)
            for name, grad in gradients.items()
            if self._gains(grad)
        }
        left = {name: matrix @ self._right(name, matrix) for name, matrix in matrices.items()}
        full = {f"full/{n}": g + self.owed.pop(n, 0.0) for n, g in gradients.items() if n not in matrices}
        first = {**left, **full}
        first = split(self._summed(joined_flat(first)).div_(self.seats), first)
        bases = {name: torch.linalg.qr(first[name]).Q for name in matrices}
        right = {name: matrix.T @ bases[name] for name, matrix in matrices.items()}
        if right:
            right = split(self._summed(joined_flat(right)).div_(self.seats), right)
        found = {}
        for name, grad in gradients.items():
            if name not in matrices:
                found[name] = first[f"full/{name}"].to(grad.dtype)
                continue
            approximate = bases[name] @ right[name].T
            self.owed[name] = (matrices[name] - approximate).view_as(grad)
            self.common[name] = right[name].clone()
            found[name] = approximate.view_as(grad).to(grad.dtype)
        return found

    def _gains(self, grad: Tensor) -> bool:
        if grad.ndim < 2:
            return False
        rows, columns = grad.shape[0], grad[0].numel()
        return 2 * self.rank * (rows + columns) <= rows * columns

    def _right(self, name: str, matrix: Tensor) -> Tensor:
        """Where the power method goes on: the last step's answer, at first a draw that all ranks make alike."""
        if name not in self.common:
            drawn = torch.randn(matrix.shape[1], self.rank, generator=torch_generator(0, f"powersgd/{name}"))
            self.common[name] = drawn.to(matrix.device)
        return self.common[name]
