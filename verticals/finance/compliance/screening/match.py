"""How alike two names are, and what dates of birth and countries say about it. It is the one owner of rapidfuzz.

Tokens are paired one to one, whatever their order: by Jaro-Winkler, by the sound of their consonants, or as an initial.
Sources: Jaro 1989; Winkler 1990.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .names import Name, bare_bones, skeleton

SAME = 0.92  # of a whole name
TOKEN = 0.86  # below it two tokens are different words
INITIAL = 0.9
YEARS = 1  # that dates of birth may differ, as they are written down wrongly


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """How alike names are (0..1), and with what else is known: `score` decides. `birth` and `country`: same, differ
    or ''.
    """

    name: float
    score: float
    birth: str
    country: str

    @property
    def hit(self) -> bool:
        return self.score >= SAME


@lru_cache(maxsize=500_000)
def alike(one: str, other: str) -> float:
    """Two tokens, 0..1."""
    from rapidfuzz import distance

    if one == other:
        return 1.0
    if len(one) == 1 or len(other) == 1:
        return INITIAL if one[0] == other[0] else 0.0
    found = float(distance.JaroWinkler.similarity(one, other))
    edits = distance.DamerauLevenshtein.distance(one, other)
    if edits > max(1, min(len(one), len(other)) // 4):  # Jaro-Winkler alone is kind to words that begin alike
        found = min(found, TOKEN - 0.01)
    bones = skeleton(one), skeleton(other)
    if bones[0] == bones[1] and len(bones[0]) >= 2:
        found = max(found, 0.95)
    return found


def names_alike(one: Name, other: Name, weight: Mapping[str, float]) -> float:
    """Two names, 0..1: their tokens paired greedily, each weighed by how rare it is (1 where not told).

    Tokens of the longer name that find no partner count an eighth: people leave out middle names, not add surnames.
    """
    short, long = sorted((one.tokens, other.tokens), key=len)
    pair = _bare if one.bare or other.bare else alike
    pairs = sorted(
        ((pair(a, b), i, j) for i, a in enumerate(short) for j, b in enumerate(long)),
        reverse=True,
    )  # fmt: skip
    used: tuple[set[int], set[int]] = (set(), set())
    total = mass = 0.0
    full = 0
    for value, i, j in pairs:
        if i in used[0] or j in used[1]:
            continue
        used[0].add(i)
        used[1].add(j)
        heavy = max(weight.get(short[i], 1.0), weight.get(long[j], 1.0))
        total += heavy * (value if value >= TOKEN else 0.5 * value)
        mass += heavy
        full += value >= TOKEN and min(len(short[i]), len(long[j])) > 1
    left = sum(weight.get(token, 1.0) for j, token in enumerate(long) if j not in used[1])
    if not full or (len(short) == 1 and len(long) > 1):
        return 0.5 * total / (mass + left)
    return total / (mass + left / 8)


def judged(name: float, births: tuple[str, str], countries: tuple[str, str]) -> Match:
    """The name's likeness moved by what else is known: dates of birth that differ by more than a year speak against
    it.
    """
    birth = country = ""
    score = name
    if births[0] and births[1]:
        near = abs(int(births[0][:4]) - int(births[1][:4])) <= YEARS
        birth = (
            "same" if births[0] == births[1] or (near and min(map(len, births)) == 4) else "near" if near else "differ"
        )
        score += {"same": 0.04, "near": 0.01, "differ": -0.15}[birth]
    if countries[0] and countries[1]:
        country = "same" if countries[0] == countries[1] else "differ"
        score += 0.01 if country == "same" else -0.02
    return Match(name=name, score=min(1.0, max(0.0, score)), birth=birth, country=country)


def _bare(one: str, other: str) -> float:
    """Tokens of which one is written without vowels."""
    bones = bare_bones(one), bare_bones(other)
    if bones[0] == bones[1] and bones[0]:
        return 0.97
    return min(alike(*bones), 0.93) if all(len(each) > 2 for each in bones) else 0.0
