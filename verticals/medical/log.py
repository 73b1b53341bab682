"""An answer of the medical tasks into a hash-chained log: what was given, by which weights, rules and settings, and the
digest of what came out. Contents never enter the log, only their digests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.audit import AuditLog, facts_of
from ...core.result import Result
from .guidelines.manage import Managed
from .ontology.graph import nodule_graph
from .records import BANNER, Nodules


def log_answer(
    result: Result, path: str | Path, *, event: str = "predict", edits: Mapping[str, Any] | None = None
) -> str:
    """Append one line for an answer of medical/nodules, and return its digest: the log's new head.

    Raises:
        FileError: the log cannot be written, or its last line does not hold.
    """
    return AuditLog(Path(path)).append(event, facts_of(result, settings=settings_of(result.answer), edits=edits))


def settings_of(answer: Nodules) -> dict[str, Any]:
    """What decided beside the weights: operating point, guidelines with the digest of their rows, use of each input."""
    return {
        "operating_point": answer.threshold,
        "used": {name: list(purposes) for name, purposes in answer.used.items()},
        "guidelines": {each.guideline: _digest(each) for each in answer.management},
        "graph_sha256": nodule_graph().digest,
        "comparison_days": answer.comparison.days if answer.comparison is not None else None,
        "banner": BANNER,
    }


def _digest(managed: Managed) -> str:
    """Of the guideline's source and of the rules and proofs that this answer used."""
    told = [managed.source, *(each.proof.tree() for each in managed.choices)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
