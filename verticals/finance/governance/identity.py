"""The first chapter: which model of which code this is, and an inventory with one card for each of its parts.

A rule engine and a learned model are parts of their own, with cards of their own. It knows nothing of how they work.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from ....core.version import __version__
from ....knowledge.reports import Rows
from .dossier import Chapter, expect

ROOT = Path(__file__).parents[3]
BANK = "left to the bank"
LIBRARIES = ("numpy", "scipy", "scikit-learn")
CHAPTER = "identity"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One card of the inventory: `kind` says whether its numbers are learnt, estimated, or set by people."""

    name: str
    kind: Literal["learned model", "statistical estimate", "rules set by people", "baseline"]
    module: str
    reads: str
    answers: str
    digest: str
    materiality: str = BANK
    owner: str = BANK


def code_digest(*folders: str) -> str:
    """SHA-256 over every source file below these folders of the package, with its relative name."""
    whole = hashlib.sha256()
    for folder in sorted(folders):
        for file in sorted((ROOT / folder).rglob("*.py")):
            whole.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


def identity(
    task: str,
    *,
    model: Mapping[str, Any],
    card: Mapping[str, Any],
    parts: Sequence[Part],
    folder: str,
    seed: int,
) -> Chapter:
    """Digests, versions, seeds, and the inventory; `folder` holds the task's own code."""
    digests = {"task": code_digest(folder), "core": code_digest("core")}
    libraries = {name: version(name) for name in LIBRARIES}
    facts = {
        "task": task, "colonnade": __version__, "checkpoint": dict(model), "code_sha256": digests, "seed": seed,
        "python": platform.python_version(), "libraries": libraries, "card": dict(card),
        "inventory": [asdict(part) for part in parts],
    }  # fmt: skip
    about = (
        ("task", task),
        ("checkpoint", f"{model.get('name', 'not saved')}, seed {model.get('seed')}"),
        ("weights SHA-256", str(model.get("sha256", "not saved"))),
        ("learnt from", str(card.get("trained_on", "not said"))),
        ("code", f"colonnade {__version__}; {folder}/ SHA-256 {digests['task']}; core/ {digests['core']}"),
        ("libraries", f"Python {platform.python_version()}, " + ", ".join(f"{k} {v}" for k, v in libraries.items())),
        ("seed of this report", str(seed)),
    )
    cards = Rows(
        header=("part", "kind", "module", "reads", "answers", "materiality, owner"),
        rows=tuple((p.name, p.kind, p.module, p.reads, p.answers, _left(p)) for p in parts),
        caption="Inventory: one card a part. Rules and arithmetic can be changed, tested and switched off without the"
        " learned model, and the other way round.",
    )
    known = bool(model.get("sha256"))
    apart = len({part.module for part in parts}) == len(parts)
    return Chapter(
        heading="Identity and inventory",
        facts=facts,
        tables=(Rows(header=("what", "which"), rows=about), cards),
        expects=(
            expect(CHAPTER, "The model is named by digest, code and seed", "SHA-256 of weights and of source", known,
                   f"weights {str(model['sha256'])[:12]}…, code {digests['task'][:12]}…" if known
                   else "the weights were never saved: save them, then name the checkpoint"),
            expect(CHAPTER, "Rules and learned model are separate modules with separate cards", "the inventory", apart,
                   f"{len(parts)} cards, {len({part.module for part in parts})} modules"),
            expect(CHAPTER, "Materiality and owner are named", "nothing", None,
                   "the bank's own judgement: the fields are there and empty"),
        ),
    )  # fmt: skip


def _left(part: Part) -> str:
    return part.owner if part.owner == part.materiality else f"{part.materiality}, {part.owner}"
