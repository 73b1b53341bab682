"""Proves a written folder again, anywhere: digests, the stored cases on every engine that is here, and what is missing.

It imports no torch unless the program is torch's own. A folder of folders (an edge inspector has two) is proven whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..engine.door import ENGINES, installed
from ..engine.folder import DESCRIPTION, describe
from ..errors import CheckpointError
from ..result import plain
from .check import check, worst_of


def again(folder: str | Path, engine: str | None = None) -> dict[str, Any]:
    """What was proven, by program: engines with their largest difference, those that are not here, digests.

    Raises:
        CheckpointError: nothing was exported there, a file was changed, or a difference is above what was promised.
        InputError: no engine that was proven at export is installed.
    """
    folder = Path(folder)
    places = [folder] if (folder / DESCRIPTION).is_file() else sorted(p.parent for p in folder.glob(f"*/{DESCRIPTION}"))
    if not places:
        raise CheckpointError(f"{folder} is not an exported folder: neither it nor a folder in it has {DESCRIPTION}")
    programs = {("." if place == folder else place.name): _one(place, engine) for place in places}
    return {"folder": str(folder), "whole": True, "programs": programs}


def _one(folder: Path, engine: str | None) -> dict[str, Any]:
    description = describe(folder)
    found = check(folder, engine)
    here = installed(description.kind)
    able = [name for name, kinds in ENGINES.items() if description.kind in kinds]
    return {
        "task": description.task,
        "kind": description.kind,
        "precision": description.precision,
        "tolerance": description.tolerance,
        "subsets": len(worst_of(found.values())),
        "engines": {name: max(parity.values()) for name, parity in found.items()},
        "not_installed": [name for name in description.parity if name not in here],
        "not_proven": [name for name in able if name not in description.parity],
        "files": plain(dict(description.files)),
        "made_with": plain(dict(description.versions)),
    }
