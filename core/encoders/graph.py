"""A `networkx` graph to one token a node, by attention along its edges. Knows nothing of what nodes and edges mean.

Attention is over the list of edges, not over pairs of nodes: memory grows with the edges, and several edges between
two nodes are several messages. The order in which nodes are listed makes no difference to any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import ConfigError, FormatError
from ..layers.attention import Mlp
from ..types import Graph, Noun, Packed, Tokens
from .base import Encoder


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphConfig:
    """`features` numbers a node; edges may carry `relation`, a whole number below `relations` (0 where absent)."""

    kind: Literal["graph"] = "graph"
    width: int
    features: int
    relations: int = 1
    depth: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        if self.features < 1 or self.relations < 1 or self.width % self.heads:
            raise ConfigError(
                f"features ({self.features}) and relations ({self.relations}) must be positive, and width "
                f"({self.width}) a multiple of heads ({self.heads})"
            )


class GraphInput(NamedTuple):
    """Node features with the logarithms of in- and out-degree at their end; messages from node to node.

    A relation r is told as r along the edge and as `relations` + r against it (an undirected edge is r both ways).
    """

    features: Float[Tensor, "batch node feature"]
    sources: Int[Tensor, "batch message"]
    targets: Int[Tensor, "batch message"]
    relations: Int[Tensor, "batch message"]
    sent: Bool[Tensor, "batch message"]


class GraphEncoder(Encoder):
    """One token a node, in the order in which the graph lists them."""

    def __init__(self, config: GraphConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        self.lift = nn.Linear(config.features + 2, config.width)
        self.blocks = nn.ModuleList(
            GraphBlock(config.width, config.heads, 2 * config.relations + 1) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Nodes and messages padded on the right.

        Raises:
            FormatError: not a graph, no node, a node without the features, or a relation out of range.
        """
        rows = [self._messages(noun) if noun is not None else None for noun in nouns]
        nodes = max([len(features) for features, _ in filter(None, rows)], default=1)
        messages = max([len(sent) for _, sent in filter(None, rows)] + [1])
        features = np.zeros((len(rows), nodes, self.config.features + 2), np.float32)
        edges = np.zeros((3, len(rows), messages), np.int64)
        sent = np.zeros((len(rows), messages), bool)
        mask = np.zeros((len(rows), nodes), bool)
        for index, row in enumerate(rows):
            if row is not None:
                features[index, : len(row[0])], mask[index, : len(row[0])] = row[0], True
                edges[:, index, : len(row[1])], sent[index, : len(row[1])] = row[1].T, True
        arrays = (torch.from_numpy(array) for array in (features, *edges, sent))
        return Packed(GraphInput(*arrays), torch.from_numpy(mask))

    def forward(self, x: GraphInput, mask: Bool[Tensor, "batch node"]) -> Tokens:
        features = torch.where(mask[..., None], x.features, 0.0).to(self.lift.weight.dtype)
        sent = x.sent & mask.any(dim=1, keepdim=True)
        values = self.lift(features)
        itself = torch.arange(mask.shape[1], device=mask.device).expand(mask.shape)
        loop = torch.full_like(itself, 2 * self.config.relations)
        sources, targets = torch.cat([x.sources, itself], dim=1), torch.cat([x.targets, itself], dim=1)
        relations = torch.cat([x.relations, loop], dim=1)
        sent = torch.cat([sent, torch.ones_like(mask)], dim=1)
        for block in self.blocks:
            values = block(values, sources, targets, relations, sent)
        return Tokens(self.norm(values) * mask[..., None].to(values.dtype), mask)

    def _messages(self, noun: Noun) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Features `[node, feature]` and messages `[message, (source, target, relation)]` of one graph."""
        if not isinstance(noun, Graph):
            raise FormatError(f"the graph encoder reads Graph, got {type(noun).__name__}")
        graph = noun.graph
        index = {node: place for place, node in enumerate(graph)}
        if not index:
            raise FormatError("the graph has no node: leave it out where there is none")
        rows = [np.asarray(graph.nodes[node].get("features", ()), np.float32).ravel() for node in graph]
        for node, row in zip(graph, rows, strict=True):
            if len(row) != self.config.features or not np.isfinite(row).all():
                raise FormatError(f"node {node!r} needs {self.config.features} finite features, got {row.tolist()}")
        messages = []
        for source, target, relation in graph.edges(data="relation", default=0):
            if not 0 <= relation < self.config.relations:
                raise FormatError(f"relation {relation} of an edge is not in 0 to {self.config.relations - 1}")
            back = int(relation) + (self.config.relations if graph.is_directed() else 0)
            messages.append((index[source], index[target], int(relation)))
            messages.append((index[target], index[source], back))
        edges = np.array(messages, np.int64).reshape(-1, 3)
        along = edges[:, 2] < self.config.relations
        degrees = [np.bincount(edges[along, end], minlength=len(rows)) for end in (1, 0)]
        return np.column_stack([np.stack(rows), *map(np.log1p, degrees)]).astype(np.float32), edges


class GraphBlock(nn.Module):
    """Pre-norm attention along messages with learned keys and values a relation (Shi et al. 2021), then an MLP."""

    def __init__(self, width: int, heads: int, relations: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.relation = nn.Embedding(relations, 2 * width)
        self.mlp = Mlp(width)

    def forward(
        self,
        x: Float[Tensor, "batch node width"],
        sources: Int[Tensor, "batch message"],
        targets: Int[Tensor, "batch message"],
        relations: Int[Tensor, "batch message"],
        sent: Bool[Tensor, "batch message"],
    ) -> Float[Tensor, "batch node width"]:
        q, k, v = self.qkv(self.norm_attention(x)).chunk(3, dim=-1)
        of_key, of_value = self.relation(relations).chunk(2, dim=-1)
        asked, key, value = _at(q, targets), _at(k, sources) + of_key, _at(v, sources) + of_value
        scores = rearrange(asked * key, "b m (h d) -> b m h d", h=self.heads).sum(dim=-1)
        weights = _softmax_at(scores / (x.shape[-1] // self.heads) ** 0.5, targets, sent, like=x)
        value = rearrange(value, "b m (h d) -> b m h d", h=self.heads) * weights[..., None]
        read = torch.zeros_like(x).scatter_add(1, _wide(targets, x), rearrange(value, "b m h d -> b m (h d)"))
        x = x + self.out(read)
        return x + self.mlp(self.norm_mlp(x))


def _wide(index: Int[Tensor, "batch message"], like: Float[Tensor, "batch row depth"]) -> Tensor:
    return index[..., None].expand(-1, -1, like.shape[-1])


def _at(
    x: Float[Tensor, "batch node depth"], index: Int[Tensor, "batch message"]
) -> Float[Tensor, "batch message depth"]:
    return x.gather(1, _wide(index, x))


def _softmax_at(
    scores: Float[Tensor, "batch message head"],
    targets: Int[Tensor, "batch message"],
    sent: Bool[Tensor, "batch message"],
    *,
    like: Float[Tensor, "batch node width"],
) -> Float[Tensor, "batch message head"]:
    """Weights that sum to 1 over the messages that reach a node; each node has at least the one from itself."""
    scores = scores.masked_fill(~sent[..., None], torch.finfo(scores.dtype).min)
    top = scores.new_full((like.shape[0], like.shape[1], scores.shape[2]), torch.finfo(scores.dtype).min)
    top = top.scatter_reduce(1, _wide(targets, scores), scores.detach(), "amax")
    weights = (scores - _at(top, targets)).exp()  # 0 where nothing was sent
    total = torch.zeros_like(top).scatter_add(1, _wide(targets, scores), weights)
    return weights / _at(total, targets)
