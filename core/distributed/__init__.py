"""Several processes as one: ranks, what gradients cost on the way between them, and weights in shards."""

from .ranks import gather, joined, mean, rank, ranks, share

__all__ = ["gather", "joined", "mean", "rank", "ranks", "share"]
