"""The trees as a torch program that other engines can run: features in, the logit out. It knows nothing of streams."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ....core.random import numpy_generator
from ....core.trees import Trees
from ....core.types import Array
from .model import FraudModel
from .recipes import OPTIONAL, absent, modalities_of

if TYPE_CHECKING:
    from ....core.export.program import Program

ROWS = 8  # of the example


class TreesProgram(nn.Module):
    """All stages of a model and its calibration, in single precision. NaN is a missing feature."""

    def __init__(self, model: FraudModel) -> None:
        super().__init__()
        self.stages = nn.ModuleList(_Stage(trees) for trees in model.stages)
        self.moved = model.sequence is not None
        platt = model.calibration.platt
        self.register_buffer("platt", torch.tensor([platt.slope, platt.offset], dtype=torch.float32))

    def forward(self, features: Float[Tensor, "row feature"]) -> Float[Tensor, " row"]:
        moved = torch.nan_to_num(features[:, -1]) if self.moved else 0.0
        features = features[:, :-1] if self.moved else features
        logit = self.stages[0](features)
        for stage in list(self.stages)[1:]:
            logit = stage(torch.cat([features, logit[:, None]], dim=1))
        platt: Tensor = self.platt  # type: ignore[assignment]
        return platt[0] * (logit + moved) + platt[1]


class _Stage(nn.Module):
    def __init__(self, trees: Trees) -> None:
        super().__init__()
        self.features, self.depth, self.base = trees.features, trees.depth, trees.base
        for name, values in (
            ("roots", trees.roots.astype(np.int64)), ("feature", trees.feature.astype(np.int64)),
            ("children", trees.children.astype(np.int64)), ("threshold", below(trees.threshold)),
            ("value", trees.value.astype(np.float32)),
        ):  # fmt: skip
            self.register_buffer(f"tree_{name}", torch.from_numpy(values))

    def forward(self, features: Float[Tensor, "row feature"]) -> Float[Tensor, " row"]:
        missing = torch.isnan(features)
        large = torch.full_like(features, torch.finfo(torch.float32).max)
        twice = torch.cat([torch.where(missing, -large, features), torch.where(missing, large, features)], dim=1)
        roots, feature, threshold, children, value = (getattr(self, f"tree_{name}") for name in (
            "roots", "feature", "threshold", "children", "value"
        ))  # fmt: skip
        node = roots[None, :].expand(features.shape[0], -1)
        for _ in range(self.depth):
            left = torch.gather(twice, 1, feature[node]) <= threshold[node]
            node = children[2 * node + left.to(torch.int64)]
        total: Tensor = value[node].sum(dim=1) + self.base
        return total


def below(values: Float[Array, " node"]) -> Float[Array, " node"]:
    """The largest single that is not above: compared with singles it decides as the double does."""
    top = np.nextafter(np.finfo(np.float32).max, np.float32(0))  # a missing value stands above it
    single = np.clip(values, -float(top), float(top)).astype(np.float32)
    return np.where(single.astype(np.float64) > np.clip(values, -float(top), float(top)),
                    np.nextafter(single, np.float32(-np.inf)), single)  # fmt: skip


def program_of(model: FraudModel) -> Program:
    """The program with made-up rows around what is usual, for each subset of modalities that the model reads."""
    from ....core.export.program import Program

    generator = numpy_generator(0, "program")
    usual = np.nan_to_num(model.usual)
    rows = usual * np.exp(generator.normal(0, 0.7, (ROWS, len(usual)))) + generator.normal(0, 0.1, (ROWS, len(usual)))
    example = torch.from_numpy(rows.astype(np.float32))
    read = [kind for kind in OPTIONAL if any(kind in modalities_of(name) for name in model.names)]
    cases = {}
    for size in range(len(read) + 1):
        for given in combinations(read, size):
            gone = torch.from_numpy(absent(model.names, [kind for kind in read if kind not in given]))
            cases["+".join(("events", *given))] = (torch.where(gone, torch.nan, example),)
    return Program(
        module=TreesProgram(model),
        example=(example,),
        inputs=("features",),
        outputs=("logit",),
        dynamic=({0: "batch"},),
        cases=cases,
        notes={
            "before": f"features of the stream, NaN where there is none, in this order: {', '.join(model.names)}",
            "after": "1 / (1 + exp(-logit)) is the calibrated probability of fraud",
        },
        tolerance=1e-4,
    )
