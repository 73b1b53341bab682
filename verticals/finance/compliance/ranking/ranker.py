"""How likely an alert is to be a case: boosted trees over counters, moved by attention over the evidence, calibrated.

The network's residual starts at zero and is kept only as far as validation wants it. Nothing here fits anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .....core.decoding.decoder import DecoderConfig
from .....core.decoding.heads import ClassHead
from .....core.encoders.graph import GraphConfig, GraphEncoder
from .....core.fusion.fusion import FusionConfig
from .....core.model import Model
from .....core.trees import Trees
from .....core.trust.calibration import Platt
from .....core.types import Array
from ..book import Book
from ..typologies.rule import Firing
from .counters import NAMES, STATED, Counters
from .subgraph import FEATURES, RELATIONS, graph_of

HEAD, MODALITY = "case", "evidence"
ROWS = 256  # graphs at once


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Sizes of the network over the evidence."""

    width: int = 32
    heads: int = 4
    depth: int = 2
    latents: int = 4


def network_of(config: NetworkConfig, *, seed: int) -> Model:
    """A network whose answer is its offset until it has learnt something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = GraphEncoder(
            GraphConfig(
                width=config.width, features=len(FEATURES), relations=RELATIONS, depth=config.depth, heads=config.heads
            )
        )
        return Model(
            {MODALITY: encoder},
            fusion=FusionConfig(
                width=config.width, heads=config.heads, latents=config.latents, layers=1, memory=0, dropout=0.1
            ),
            heads={HEAD: ClassHead(classes=2, gentle=True)},
            decoder=DecoderConfig(heads=config.heads, dropout=0.1),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """By alert: the log-odds that trees give, what the network adds, and the calibrated probability."""

    trees: Array
    network: Array
    probability: Array
    rows: Array

    def __len__(self) -> int:
        return len(self.trees)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranker:
    """Trees, network and calibration; `kept` is False where validation wanted nothing of the network."""

    trees: Trees
    network: Model
    config: NetworkConfig
    platt: Platt
    kept: bool

    def score(self, book: Book, firings: Sequence[Firing]) -> Scored:
        """Every firing of a book, each beside all others of that book."""
        rows = Counters(book, firings).rows()
        return self.of_rows(rows, lambda: [graph_of(book, firing) for firing in firings])

    def of_rows(self, rows: Array, graphs: Any) -> Scored:
        """From counters, and what gives the graphs if the network is asked."""
        if not len(rows):
            return Scored(trees=np.zeros(0), network=np.zeros(0), probability=np.zeros(0), rows=rows)
        trees = self.trees.raw(rows)
        network = logits(self.network, graphs(), trees) - trees if self.kept else np.zeros(len(trees))
        return Scored(trees=trees, network=network, probability=self.platt.probabilities(trees + network), rows=rows)

    def tensors(self) -> dict[str, Array]:
        state = {f"network.{name}": value.detach().numpy() for name, value in self.network.state_dict().items()}
        return {f"trees.{name}": value for name, value in self.trees.tensors().items()} | state

    @classmethod
    def of(cls, tensors: Mapping[str, Array], config: NetworkConfig, platt: Platt, *, kept: bool) -> Ranker:
        """What `tensors` gave.

        Raises:
            FormatError, RuntimeError: the tensors are not those of this configuration.
        """
        network = network_of(config, seed=0)
        network.load_state_dict(
            {name[8:]: torch.from_numpy(value) for name, value in tensors.items() if name.startswith("network.")}
        )
        network.eval()
        flat = {name[6:]: value for name, value in tensors.items() if name.startswith("trees.")}
        trees = Trees.from_tensors(flat | {name: flat[name].reshape(()) for name in ("base", "features", "depth")})
        if trees.features != len(NAMES):
            raise RuntimeError(f"trees of {trees.features} counters, where {len(NAMES)} are counted")
        return cls(trees=trees, network=network, config=config, platt=platt, kept=kept)


def offsets_of(trees: Float[Array, " alert"]) -> dict[str, Tensor]:
    """Where answers start: the trees' log-odds."""
    column = torch.from_numpy(np.asarray(trees, np.float32))
    return {HEAD: torch.stack([torch.zeros_like(column), column], dim=1)}


@torch.no_grad()
def logits(network: Model, graphs: Sequence[Any], trees: Float[Array, " alert"]) -> Float[Array, " alert"]:
    """Log-odds from trees and evidence."""
    network.eval()
    found = []
    for start in range(0, len(graphs), ROWS):
        batch = network.collate([{MODALITY: graph} for graph in graphs[start : start + ROWS]])
        answer = network(batch, offsets_of(trees[start : start + ROWS])).answers[HEAD]
        found.append((answer[:, 1] - answer[:, 0]).double().numpy())
    return np.concatenate(found)


def untold(rows: Array) -> Array:
    """The counters as if there were no documents."""
    rows = rows.copy()
    rows[:, [NAMES.index(name) for name in STATED]] = np.nan
    return rows
