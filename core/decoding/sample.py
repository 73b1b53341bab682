"""Drawing sequences under rules, many at once: each row has a rule and a generator of its own, and all take each step
together. It knows no model and no words.

`score` takes prefixes `[row, token]` and gives log-probabilities of the next id `[row, id]`; a row that has ended goes
on being scored and is not read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import torch

from ..errors import ConfigError, InputError
from .generate import Allowed, Score, Written


@torch.no_grad()
def sample(
    score: Score, rules: Sequence[Allowed], generators: Sequence[torch.Generator], *, begin: int, end: int,
    longest: int, temperature: float = 1.0, nucleus: float = 1.0,
) -> list[Written]:  # fmt: skip
    """One sequence a rule, drawn by its own generator: the same generator draws the same ids, whatever the other rows.

    `nucleus` keeps the likeliest ids that together have that probability (Holtzman et al. 2020), of those allowed.

    Raises:
        InputError: a rule allows nothing after a prefix that has not ended.
        ConfigError: a temperature that is not positive, a nucleus outside 0 to 1, or another number of generators.
    """
    if temperature <= 0 or not 0 < nucleus <= 1 or longest < 1 or len(rules) != len(generators):
        raise ConfigError(
            "sampling needs a positive temperature, a nucleus up to 1, a token and a generator for each rule, got "
            f"{temperature}, {nucleus}, {longest} and {len(generators)} generators for {len(rules)} rules"
        )
    rows: list[list[int]] = [[begin] for _ in rules]
    sums = [0.0] * len(rules)
    for _ in range(longest):
        if all(row[-1] == end for row in rows):
            break
        logs = score(torch.tensor(rows)).double().cpu()
        for number, row in enumerate(rows):
            if row[-1] == end:
                row.append(end)
                continue
            drawn, log = _drawn(logs[number], rules[number](tuple(row)), generators[number], temperature, nucleus)
            row.append(drawn)
            sums[number] += log
    return [
        Written(tuple(each for each in row[1:] if each != end), total, row[-1] == end)
        for row, total in zip(rows, sums, strict=True)
    ]


def _drawn(
    logs: torch.Tensor, allowed: Collection[int], generator: torch.Generator, temperature: float, nucleus: float
) -> tuple[int, float]:
    """One of the allowed ids and its log-probability among them."""
    if not allowed:
        raise InputError("the rule allows nothing after a prefix that has not ended: let it allow the end")
    ids = torch.tensor(sorted(allowed))
    among = torch.log_softmax(logs[ids], dim=0)
    chances = torch.softmax(among / temperature, dim=0)
    sorted_, order = chances.sort(descending=True, stable=True)
    chances[order[sorted_.cumsum(dim=0) - sorted_ >= nucleus]] = 0
    place = int(torch.multinomial(chances, 1, generator=generator))
    return int(ids[place]), float(among[place])


def slots(words: Iterable[int], groups: Sequence[Collection[int]], *, end: int, longest: int) -> Allowed:
    """The rule of a sentence with slots: words in any order, one id of each group exactly once, the end only after all.

    What is left of `longest` ids always holds the slots that are still to be written. An empty sentence is not allowed.

    Raises:
        ConfigError: the slots and the end do not fit, or an id stands in two places.
    """
    free = frozenset(words)
    every = [each for group in groups for each in group]
    if len(groups) + 1 > longest or len({*every, *free, end}) != len(every) + len(free) + 1 or not all(groups):
        raise ConfigError(
            f"{len(groups)} slots and an end need as many places (got {longest}), and ids that are in one place only"
        )

    def allowed(prefix: tuple[int, ...]) -> Collection[int]:
        written = set(prefix[1:])
        open_ = [group for group in groups if written.isdisjoint(group)]
        found = {each for group in open_ for each in group}
        if longest - (len(prefix) - 1) > len(open_) + 1:
            found |= free
        if not open_ and len(prefix) > 1:
            found.add(end)
        return found

    return allowed
