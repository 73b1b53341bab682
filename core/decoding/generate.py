"""Generation under a rule: at every step only ids that the rule allows can be written. It knows no model and no words.

`score` takes prefixes `[row, token]` and gives log-probabilities of the next id `[row, id]`; `allowed` takes one prefix
and names the ids that may follow (a trie, a grammar, a list of values that were measured).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from ..errors import ConfigError, InputError

Score: TypeAlias = Callable[[Tensor], Tensor]
Allowed: TypeAlias = Callable[[tuple[int, ...]], Collection[int]]


class Written(NamedTuple):
    """Ids without begin and end, their summed log-probability (renormalised over what was allowed), and if it ended."""

    ids: tuple[int, ...]
    score: float
    ended: bool


class _Path(NamedTuple):
    ids: tuple[int, ...]  # with begin
    score: float
    ended: bool


@torch.no_grad()
def generate(
    score: Score, allowed: Allowed, *, begin: int, end: int, longest: int, beams: int = 1, penalty: float = 0.0
) -> list[Written]:
    """The best sequences, best first: greedy with one beam. `penalty` divides a score by length to that power.

    Raises:
        InputError: the rule allows nothing after a prefix that has not ended.
        ConfigError: fewer than one beam or one token.
    """
    if beams < 1 or longest < 1:
        raise ConfigError(f"generation needs a beam and a token, got {beams} beams and {longest} tokens")
    paths = [_Path((begin,), 0.0, False)]
    for _ in range(longest):
        open_ = [path for path in paths if not path.ended]
        if not open_:
            break
        scores = score(torch.tensor([path.ids for path in open_]))
        grown = [path for path in paths if path.ended]
        for path, row in zip(open_, scores, strict=True):
            grown += _grown(path, row, allowed(path.ids), end, beams)
        paths = sorted(grown, key=lambda path: -_ranked(path, penalty))[:beams]
    return [Written(_inside(path, end), path.score, path.ended) for path in paths]


def trie(sequences: Sequence[Sequence[int]], *, end: int) -> Allowed:
    """The rule that only these sequences can be written."""
    follows: dict[tuple[int, ...], set[int]] = {}
    for sequence in sequences:
        whole = (*sequence, end)
        for place, each in enumerate(whole):
            follows.setdefault(whole[:place], set()).add(each)
    return lambda prefix: follows.get(prefix[1:], set())


def _grown(path: _Path, row: Tensor, allowed: Collection[int], end: int, beams: int) -> list[_Path]:
    """The path with each of its best next ids. Log-probabilities are renormalised over what the rule allows."""
    if not allowed:
        raise InputError(f"the rule allows nothing after {list(path.ids)}: let it allow the end ({end})")
    ids = torch.tensor(sorted(allowed), device=row.device)
    logs = torch.log_softmax(row[ids].double(), dim=0)
    best = logs.topk(min(beams, len(ids)))
    chosen = zip(best.values.tolist(), ids[best.indices].tolist(), strict=True)
    return [_Path((*path.ids, each), path.score + log, each == end) for log, each in chosen]


def _ranked(path: _Path, penalty: float) -> float:
    return path.score / (len(path.ids) - 1) ** penalty


def _inside(path: _Path, end: int) -> tuple[int, ...]:
    return tuple(each for each in path.ids[1:] if each != end)
