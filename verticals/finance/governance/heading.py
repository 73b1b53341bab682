"""What stands above the chapters of any dossier: how many expectations were met, the task's own numbers, the data.

It knows nothing of what a chapter measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....core.governance import Governance
from ....core.version import __version__
from ....knowledge.reports import Key, Tone
from .dossier import Chapter, Head, governance_of
from .lineage import Origin

KINDS = {True: "simulated", False: "real, ships", None: "the user's"}


def signed(
    task: str,
    chapters: Sequence[Chapter],
    *,
    checkpoint: Mapping[str, Any],
    origin: Origin,
    keys: Sequence[Key],
    seed: int,
) -> Governance:
    """The whole dossier; `keys` are the task's own, between what was met and what the data are."""
    head = Head(
        task=task,
        model=checkpoint,
        data=origin.name,
        simulated=origin.simulated,
        about=origin.about,
        keys=(_met(chapters), *keys, _data(origin)),
        provenance={
            "program": f"colonnade {__version__}", "checkpoint": str(checkpoint.get("name")),
            "weights SHA-256": str(checkpoint.get("sha256", "not saved")), "data": origin.name,
            "data SHA-256": origin.sha256, "seed": str(seed),
        },
    )  # fmt: skip
    return governance_of(head, chapters)


def _met(chapters: Sequence[Chapter]) -> Key:
    lines = [each.status for chapter in chapters for each in chapter.expects]
    failed = lines.count("fail")
    return Key(
        label="Expectations met", value=f"{lines.count('pass')} of {len(lines)}",
        note=f"{failed} not met, {lines.count('not run')} not run", tone="bad" if failed else "good",
    )  # fmt: skip


def _data(origin: Origin) -> Key:
    tone: Tone = "warn" if origin.simulated else "plain"
    return Key(label="Data", value=KINDS[origin.simulated], note=Path(origin.name).name, tone=tone)
