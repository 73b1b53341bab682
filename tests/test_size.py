"""How light an install is: what the demo needs, followed through every requirement."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

ACCELERATOR = ("nvidia-", "cuda-", "triton")


def _closure(root: str) -> set[str]:
    found: set[str] = set()
    waiting = [(root, frozenset())]
    while waiting:
        name, extras = waiting.pop()
        if name in found or name.startswith(ACCELERATOR):
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        for line in requires:
            wanted = Requirement(line)
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                waiting.append((wanted.name.lower().replace("_", "-"), frozenset(wanted.extras)))
    return found


def test_the_demo_needs_at_most_seventy_packages():
    assert len(_closure("colonnade")) <= 70


def test_the_count_sees_what_it_counts():
    assert {"colonnade", "torch", "monai", "sympy"} <= _closure("colonnade")
