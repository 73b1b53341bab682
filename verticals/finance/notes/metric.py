"""Exact match and F1 of TAT-QA: texts without case, articles and punctuation, numbers with their scale.

After the published definition (Zhu et al. 2021, section 5.2, and Dua et al. 2019 for DROP): all spans of an answer are
sorted and compared as one; a number is compared after its scale; F1 of a computed answer is its exact match.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from .figures import SCALES, figure_of

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
COMPUTED = ("arithmetic", "count")


def score(values: Sequence[str], scale: str, gold: Sequence[str], gold_scale: str, *, kind: str) -> tuple[float, float]:
    """Exact match and F1 of an answer; `kind` is the question's type in TAT-QA."""
    if not values:
        return 0.0, 0.0
    wanted = _whole(gold, gold_scale)
    tried = [_whole(values, scale)]
    if len(values) == 1 and not scale and "%" not in values[0] and (bare := figure_of(values[0])) is not None:
        tried.append(f"{bare.value:.4f}")  # 0.2342 counts for 23.42 per cent
    best = max((_alike(each, wanted) for each in tried), key=lambda each: each)
    return (best[0], best[0]) if kind in COMPUTED else best


def _whole(values: Sequence[str], scale: str) -> str:
    return " ".join(_told(value, scale) for value in sorted(map(str, values)))


def _told(value: str, scale: str) -> str:
    figure = figure_of(value)
    if figure is None:
        return f"{value} {scale}".strip()
    if figure.percent:
        return f"{figure.value / 100:.4f}"
    return f"{round(figure.value, 2) * SCALES[scale] * SCALES[figure.scale]:.4f}"


def _alike(one: str, other: str) -> tuple[float, float]:
    some, wanted = _normal(one), _normal(other)
    left, right = set(some.split()), set(wanted.split())
    shared = len(left & right)
    precision = shared / len(left) if left else 1.0
    recall = shared / len(right) if right else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return float(some == wanted), round(f1, 2)


def _normal(text: str) -> str:
    parts = []
    for token in re.split(r"[\s-](?=\D)|\s", text.lower()):
        figure = figure_of(token)
        if figure is not None:
            parts.append(f"{figure.value:g}" if abs(figure.value) < 1e5 else f"{figure.value:.4f}")
            continue
        bare = _ARTICLES.sub(" ", "".join(each for each in token if each not in string.punctuation))
        parts += bare.split()
    return " ".join(parts)
