"""All parties against all entries of lists: tokens first, so that only pairs with words in common are compared
whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .....core.types import Array
from ..records import Entry, Party
from .match import TOKEN, Match, judged, names_alike
from .names import Name, bare_bones, name_of, skeleton


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A party and an entry by their places, the two spellings that were alike, and how alike they are."""

    party: int
    entry: int
    spelling: str
    listed: str
    match: Match


def screen(parties: Sequence[Party], entries: Mapping[int, Entry]) -> tuple[Hit, ...]:
    """The best spelling of each pair that is a hit, the strongest first."""
    ours = [(place, each) for place, party in enumerate(parties) for each in (party.name, *party.aliases)]
    theirs = [(place, each) for place, entry in entries.items() for each in (entry.name, *entry.aliases)]
    if not ours or not theirs:
        return ()
    names, listed = ([name_of(text) for _, text in side] for side in (ours, theirs))
    weight = rarity(names)
    best: dict[tuple[int, int], Hit] = {}
    for one, other in _candidates(names, listed):
        (party, spelling), (entry, text) = ours[one], theirs[other]
        alike = names_alike(names[one], listed[other], weight)
        row = entries[entry]
        found = judged(alike, (parties[party].birth, row.birth), (parties[party].country, row.country))
        before = best.get((party, entry))
        if found.hit and (before is None or found.score > before.match.score):
            best[party, entry] = Hit(party=party, entry=entry, spelling=spelling, listed=text, match=found)
    return tuple(sorted(best.values(), key=lambda hit: (-hit.match.score, hit.party, hit.entry)))


def rarity(names: Sequence[Name]) -> Mapping[str, float]:
    """How much a token says, from 0.6 (one name in ten has it) to 1.4 (one in ten thousand or fewer)."""
    counts = Counter(token for name in names for token in set(name.tokens))
    total = max(len(names), 1000)
    return {
        token: float(np.clip(1 + 0.267 * (np.log10(total / count) - 2.5), 0.6, 1.4)) for token, count in counts.items()
    }


def _candidates(names: Sequence[Name], listed: Sequence[Name]) -> Array:
    """Pairs `[pair, 2]` that share two words or all of the shorter name's, spelled alike; initials count for a word."""
    from rapidfuzz import distance, process
    from scipy.sparse import csr_matrix

    words = sorted({token for name in names for token in name.tokens})
    others = sorted({token for name in listed for token in name.tokens})
    similar = process.cdist(words, others, scorer=distance.JaroWinkler.similarity, score_cutoff=TOKEN, dtype=np.float32)
    near = csr_matrix(similar >= TOKEN, dtype=np.int32)
    bones: dict[str, list[int]] = {}
    for column, other in enumerate(others):
        bones.setdefault(skeleton(other), []).append(column)
        bones.setdefault("initial " + other[0], []).append(column)
    rows: list[tuple[int, int]] = []
    for row, one in enumerate(words):
        rows += [(row, column) for column in bones.get(skeleton(one), ()) if skeleton(one)]
        if len(one) == 1:
            rows += [(row, column) for column in bones.get("initial " + one, ())]
    initials = [(row, column) for column, other in enumerate(others) if len(other) == 1
                for row, one in enumerate(words) if one[0] == other]  # fmt: skip
    more = np.array([*rows, *initials, *_unvowelled(names, listed, words, others)], np.int64).reshape(-1, 2)
    near = near + csr_matrix((np.ones(len(more), np.int32), (more[:, 0], more[:, 1])), shape=near.shape)
    near.data[:] = 1
    ours, theirs = _incidence(names, words), _incidence(listed, others)
    shared = ((ours @ near).minimum(1) @ theirs.T).tocoo()
    sizes = np.array([len(name.tokens) for name in names]), np.array([len(name.tokens) for name in listed])
    least = np.minimum(2, np.minimum(sizes[0][shared.row], sizes[1][shared.col]))
    kept = shared.data >= least
    return np.column_stack([shared.row[kept], shared.col[kept]])


def _unvowelled(
    names: Sequence[Name], listed: Sequence[Name], words: Sequence[str], others: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """Pairs of words alike in their consonants, one of them from a script that writes no others."""
    bare = {token for name in (*names, *listed) if name.bare for token in name.tokens}
    if not bare:
        return
    columns: dict[str, list[int]] = {}
    for column, other in enumerate(others):
        columns.setdefault(bare_bones(other), []).append(column)
    for row, one in enumerate(words):
        for column in columns.get(bare_bones(one), ()) if bare_bones(one) else ():
            if one in bare or others[column] in bare:
                yield row, column


def _incidence(names: Sequence[Name], words: Sequence[str]):  # type: ignore[no-untyped-def]
    from scipy.sparse import csr_matrix

    index = {word: place for place, word in enumerate(words)}
    rows = [(row, index[token]) for row, name in enumerate(names) for token in dict.fromkeys(name.tokens)]
    pairs = np.array(rows, np.int64).reshape(-1, 2)
    return csr_matrix((np.ones(len(pairs), np.int32), (pairs[:, 0], pairs[:, 1])), shape=(len(names), len(words)))
