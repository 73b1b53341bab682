"""What an answer rests on: the exact Shapley value of each modality, and integrated gradients inside one.

Attention maps are returned by the fusion itself. Sources: Shapley 1953; Sundararajan et al. 2017 (arXiv:1703.01365).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

MOST = 12  # modalities: 4096 evaluations


def shapley(names: tuple[str, ...], value: Callable[[tuple[str, ...]], float]) -> tuple[dict[str, float], float]:
    """Each name's fair share of `value(names)`, and the base `value(())`: base + sum of shares = value(names).

    `value` is called once for each of the 2^n subsets, with names in their given order.

    Raises:
        InputError: a name occurs twice, or there are too many names for an exact answer.
    """
    if len(set(names)) != len(names) or len(names) > MOST:
        raise InputError(
            f"exact Shapley values take up to {MOST} different names, got {len(names)}: {', '.join(names)}"
        )
    total = len(names)
    worth = {subset: float(value(subset)) for size in range(total + 1) for subset in combinations(names, size)}
    shares = dict.fromkeys(names, 0.0)
    for subset, alone in worth.items():
        for name in (name for name in names if name not in subset):
            weight = factorial(len(subset)) * factorial(total - len(subset) - 1) / factorial(total)
            joined = tuple(each for each in names if each == name or each in subset)
            shares[name] += weight * (worth[joined] - alone)
    return shares, worth[()]


def integrated_gradients(
    score: Callable[[Sequence[Tensor]], Tensor],
    inputs: Sequence[Tensor],
    baselines: Sequence[Tensor],
    *,
    steps: int = 64,
) -> tuple[list[Tensor], Tensor]:
    """Attributions shaped like `inputs`, and the gap by which each row misses completeness.

    `score` maps tensors `[batch, ...]` to one number a row. The attributions of a row sum to its score at the inputs
    less its score at the baselines, up to the gap, which falls
    as `steps` (midpoints of the straight path, one pass each) rise.
    """
    import torch

    if steps < 1 or len(inputs) != len(baselines):
        raise InputError(f"need steps >= 1 and a baseline for each input, got {steps}, {len(inputs)}, {len(baselines)}")
    far = [one - none for one, none in zip(inputs, baselines, strict=True)]
    total = [torch.zeros_like(one) for one in inputs]
    for step in range(steps):
        share = (step + 0.5) / steps
        here = [(none + share * way).detach().requires_grad_(True) for none, way in zip(baselines, far, strict=True)]
        with torch.enable_grad():
            gradients = torch.autograd.grad(score(here).sum(), here, allow_unused=True)
        total = [sum_ if each is None else sum_ + each / steps for sum_, each in zip(total, gradients, strict=True)]
    shares = [way * each for way, each in zip(far, total, strict=True)]
    with torch.no_grad():
        promised = score(list(inputs)) - score(list(baselines))
        given = torch.stack([each.flatten(1).sum(dim=1) for each in shares]).sum(dim=0)
    return shares, (promised - given).detach()
