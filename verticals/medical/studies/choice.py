"""Which series of a study is read: the one asked for, or the thinnest stack of axial slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ....core.errors import FormatError, GeometryError, UnknownName
from .slices import Slice

FEWEST = 8  # slices: what a chest cannot be made of is no rival


def choose(slices: Sequence[Slice], series: str | None, origin: str) -> tuple[list[Slice], tuple[str, ...]]:
    """The slices of one series, with a word on the choice where there was one.

    Raises:
        UnknownName: the series asked for is not there.
        FormatError: several series, and none of them is an axial stack.
    """
    groups: dict[str, list[Slice]] = {}
    for each in slices:
        groups.setdefault(each.series, []).append(each)
    if series is not None:
        if series not in groups:
            raise UnknownName(f"CT series in {origin}", series, groups)
        return groups[series], ()
    if len(groups) == 1:
        return list(slices), ()
    gaps = {uid: _gap(group) for uid, group in groups.items()}
    fit = [uid for uid, gap in gaps.items() if np.isfinite(gap)]
    if not fit:
        counts = ", ".join(f"{len(group)} images" for group in groups.values())
        raise FormatError(f"{origin} holds {len(groups)} CT series ({counts}) and none is a stack of axial slices")
    best = min(fit, key=lambda uid: (round(gaps[uid], 2), -len(groups[uid]), _number(groups[uid]), uid))
    others = ", ".join(_words(groups, gaps, uid) for uid in groups if uid != best)
    return groups[best], (
        f"of {len(groups)} CT series the thinnest is read, {_words(groups, gaps, best)}; not {others}",
    )


def _gap(group: Sequence[Slice]) -> float:
    """Millimetres from slice to slice; infinite for what is no axial stack."""
    try:
        rows = group[0].numbers("ImageOrientationPatient", 6).reshape(2, 3)
        places = np.unique(
            np.round([each.numbers("ImagePositionPatient", 3) @ np.cross(rows[0], rows[1]) for each in group], 2)
        )
    except GeometryError:
        return float("inf")
    axial = sum(each.axial() for each in group) > len(group) / 2
    return float(np.median(np.diff(places))) if axial and len(places) >= FEWEST else float("inf")


def _number(group: Sequence[Slice]) -> float:
    return group[0].number("SeriesNumber", 0.0)


def _words(groups: Mapping[str, Sequence[Slice]], gaps: Mapping[str, float], uid: str) -> str:
    group = groups[uid]
    gap = f" of {gaps[uid]:.2f} mm" if np.isfinite(gaps[uid]) else ""
    return f"series {_number(group):g} ({len(group)} slices{gap})"
