"""`colonnade bench`: run one of the checkout's benchmarks. They are not part of an installed package."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InputError, UnknownName

_FOLDER = Path(__file__).parents[1] / "benchmarks"


def run(name: str | None, words: Sequence[str]) -> dict[str, Any]:
    """Run a benchmark by name, or list them."""
    # What the benchmarks share lies beside them and has nothing to run.
    known = sorted(path.stem for path in _FOLDER.glob("*.py") if '"__main__"' in path.read_text(encoding="utf-8"))
    if not known:
        raise InputError("there are no benchmarks beside this install: run it in a checkout of the repository")
    if name is None:
        return {"benchmarks": known}
    if name not in known:
        raise UnknownName("benchmark", name, known)
    # Some import what they share from beside them, some as `benchmarks.results`: the folder's parent is on the path.
    paths = os.pathsep.join(filter(None, (str(_FOLDER.parent), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, str(_FOLDER / f"{name}.py"), *words],
        stdout=sys.stderr, check=False, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    if done.returncode:
        raise InputError(f"benchmark {name} ended with exit code {done.returncode}: its messages are above")
    return {"benchmark": name, "results": str(_FOLDER / "RESULTS.md")}
