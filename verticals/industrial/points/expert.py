"""The point expert: the core's encoder along space-filling curves, which says of every place of a scan what it is.

It reads the cells of a registered scan (`cells.py`) and answers good or one of the kinds of defect that a scanner can
see, for each cell; the strangest cells make the score of the scan and of each kind. It was taught on generated parts.
It knows nothing of thresholds, tolerances and verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ....core.config import from_plain, to_plain
from ....core.encoders.points import PointsConfig, PointsEncoder, PointsInput
from ....core.types import Array
from .cells import COLUMNS, MOST_CELLS, Cells

KINDS = (
    "dent",
    "bulge",
    "hole",
    "missing",
    "contamination",
    "bent",
    "burr",
    "oversize",
    "feature",
    "scratch",
    "crack",
)
TOP = 6  # cells whose mean is the score
CONFIG = PointsConfig(
    width=64, features=len(COLUMNS), scale=40.0, thin=False, neighbours=12, dims=(32, 64), depths=(2, 2), heads=2
)


class Read(NamedTuple):
    """`odds [point]`: log-odds of a defect at each scanned point; the score, and log-odds of each of KINDS, of a scan.

    The odds are those of the lessons, where defects were many: they order scans and places, and are no probabilities.
    """

    odds: Array
    score: float
    kinds: Mapping[str, float]


class Reader(nn.Module):
    """Logits of each cell for good and for each kind, from the cell's own numbers and the token that it belongs to."""

    def __init__(self, config: PointsConfig = CONFIG, kinds: int = len(KINDS)) -> None:
        super().__init__()
        self.config = config
        self.encoder = PointsEncoder(config)
        self.own = nn.Linear(config.features, config.width)
        self.up = nn.Linear(config.width, config.width)
        self.head = nn.Linear(config.width, 1 + kinds)
        self.scale, self.shift = nn.Parameter(torch.tensor(0.3)), nn.Parameter(torch.zeros(1 + kinds))

    def forward(self, x: PointsInput, mask: Bool[Tensor, "batch cell"]) -> Float[Tensor, "batch cell kind"]:
        tokens = self.encoder(x, mask)
        each = mask.shape[1] // tokens.mask.shape[1]
        around = self.up(tokens.values).repeat_interleave(each, dim=1)
        return self.head(F.gelu(self.own(x.values[:, :, 3:]) + around))


def strongest(
    logits: Float[Tensor, "batch cell kind"], mask: Bool[Tensor, "batch cell"]
) -> Float[Tensor, "batch kind"]:
    """Mean log-odds of the TOP strangest cells: of any defect first, then of each kind."""
    odds = torch.cat([any_defect(logits)[:, :, None], logits[:, :, 1:] - logits[:, :, :1]], dim=2)
    odds = odds.masked_fill(~mask[:, :, None], torch.finfo(odds.dtype).min)
    return odds.topk(min(TOP, odds.shape[1]), dim=1).values.mean(dim=1)


def any_defect(logits: Float[Tensor, "batch cell kind"]) -> Float[Tensor, "batch cell"]:
    """Log-odds of any kind of defect against good."""
    return torch.logsumexp(logits[:, :, 1:], dim=2) - logits[:, :, 0]


@dataclass(frozen=True, kw_only=True, eq=False)
class PointExpert:
    """A taught reader."""

    reader: Reader

    def read(self, found: Cells) -> Read:
        """What the cells of a scan look like."""
        values = found.values
        kept = np.arange(len(values))
        if len(values) > MOST_CELLS:
            kept = np.linspace(0, len(values) - 1, MOST_CELLS).astype(int)
        encoder = self.reader.encoder
        cloud = Cells(values=values[kept], of=found.of, cell=found.cell).cloud
        kept = kept[encoder.order(cloud.points)]
        x, mask = encoder.collate([cloud])
        with torch.no_grad():
            logits = self.reader.eval()(x, mask)
            top = strongest(logits, mask)[0].double().numpy()
            odds = np.full(len(values), -np.inf)
            odds[kept] = any_defect(logits)[0, : len(kept)].double().numpy()
        if len(kept) < len(values):
            odds = np.maximum(odds, odds[kept].min())
        return Read(odds=odds[found.of], score=float(top[0]), kinds=dict(zip(KINDS, top[1:].tolist(), strict=True)))

    def config(self) -> dict[str, Any]:
        """What `of` needs beside the tensors, as plain values."""
        return {"encoder": to_plain(self.reader.config), "kinds": list(KINDS), "columns": list(COLUMNS)}

    def tensors(self) -> dict[str, Array]:
        return {name: value.detach().numpy() for name, value in self.reader.state_dict().items()}

    @staticmethod
    def of(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> PointExpert:
        """The expert whose `config` and `tensors` these are.

        Raises:
            ValueError: it reads other columns, or names other kinds, than this version.
        """
        if tuple(config["kinds"]) != KINDS or tuple(config["columns"]) != COLUMNS:
            raise ValueError(f"its point expert reads {config['columns']} and names {config['kinds']}")
        reader = Reader(from_plain(PointsConfig, config["encoder"]))
        reader.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in tensors.items()})
        return PointExpert(reader=reader.eval())
