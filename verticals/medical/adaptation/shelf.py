"""The detectors that a site has used, the one in use, and the way back: a shelf of checkpoints with a signed ledger.

    python -m colonnade.verticals.medical.adaptation.shelf place SHELF MODEL [--key FILE]
    python -m colonnade.verticals.medical.adaptation.shelf rollback SHELF [--key FILE]
    python -m colonnade.verticals.medical.adaptation.shelf verify SHELF [--key FILE]

    SHELF/current        the checkpoint in use: give it to --checkpoint
    SHELF/<digest>       every checkpoint that was in use
    SHELF/ledger.json    what was placed and rolled back, when; signed where there is a key

Only what passed the gate, against the one in use, takes its place. It trains nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core import checkpoint as checkpoints
from ....core.checkpoint import Checkpoint
from ....core.errors import ColonnadeError, FileError, FormatError
from ....core.result import whole_folder
from .ledger import fault_in, record, signing_key

KIND = "medical/nodules"
CURRENT, LEDGER = "current", "ledger.json"


@dataclass(frozen=True)
class Shelf:
    """A shelf in a folder; `key` signs what is written and checks what is read."""

    folder: Path
    key: bytes | None = None

    def place(self, model: Path) -> str:
        """Put a checkpoint into use, and give its digest. The first one is taken as it is.

        Raises:
            ColonnadeError: it did not pass the gate, or not against the one in use.
            FormatError: its records or the ledger do not hold.
        """
        lines, new = self.lines(), checkpoints.load(model, KIND)
        used = self._used(lines)
        if used:
            _refuse(new, used[-1], self.key)
        if new.digest in used[-1:]:
            raise ColonnadeError(f"{model} is in use already")
        return self._use(new, lines, "placed")

    def rollback(self) -> str:
        """Put the checkpoint that was in use before the present one back, and give its digest.

        Raises:
            ColonnadeError: there is none.
            FormatError: the ledger does not hold, or the kept checkpoint is not what was in use.
        """
        lines = self.lines()
        used = self._used(lines)
        if len(used) < 2:
            raise ColonnadeError(f"{self.folder} holds no checkpoint that was in use before: nothing to go back to")
        kept = checkpoints.load(self.folder / used[-2], KIND)
        if kept.digest != used[-2]:
            raise FormatError(f"{self.folder / used[-2]} was altered: its weights are {kept.digest}")
        return self._use(kept, lines, "rolled back")

    def lines(self) -> list[dict[str, Any]]:
        """The ledger, checked.

        Raises:
            FormatError: it is no ledger, was altered, or is not signed with the key.
        """
        path = self.folder / LEDGER
        if not path.exists():
            return []
        try:
            lines = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FileError(f"cannot read the ledger {path}: {error}") from error
        if not isinstance(lines, list) or not all(isinstance(each, dict) for each in lines):
            raise FormatError(f"{path} is no ledger: a list of records is expected")
        if fault := fault_in(lines, key=self.key):
            raise FormatError(f"the ledger {path} does not hold: {fault}")
        return lines

    def verify(self) -> str:
        """Check ledger, records and weights of what is in use; its digest, empty on an empty shelf.

        Raises:
            FormatError: something does not hold.
        """
        used = self._used(self.lines())
        if not used:
            return ""
        current = checkpoints.load(self.folder / CURRENT, KIND)
        if current.digest != used[-1]:
            raise FormatError(f"{self.folder / CURRENT} holds {current.digest}, but {used[-1]} was put into use")
        if fault := fault_in(current.card.get("acceptance", ()), key=self.key):
            raise FormatError(f"the records of {self.folder / CURRENT} do not hold: {fault}")
        return current.digest

    def _used(self, lines: Sequence[Mapping[str, Any]]) -> list[str]:
        """What was put into use and not rolled back, the present one last."""
        used: list[str] = []
        for each in lines:
            if each["event"] == "placed":
                used.append(str(each["weights"]))
            else:
                used.pop()
        return used

    def _use(self, chosen: Checkpoint, lines: list[dict[str, Any]], event: str) -> str:
        line = record({"event": event, "weights": chosen.digest}, lines, key=self.key)
        chosen.save(self.folder / chosen.digest)
        chosen.save(self.folder / CURRENT)
        with whole_folder(self.folder) as aside:
            (aside / LEDGER).write_text(json.dumps([*lines, line], indent=2), encoding="utf-8")
        return chosen.digest


def _refuse(new: Checkpoint, current: str, key: bytes | None) -> None:
    """Raise unless the newest of its records says that the gate accepted it in place of the one in use."""
    records = new.card.get("acceptance") or []
    if fault := fault_in(records, key=key):
        raise FormatError(f"the records of the new checkpoint do not hold: {fault}")
    last = records[-1] if records else {}
    if last.get("status") != "accepted" or last.get("new_weights") != new.digest:
        said = last.get("reason") or f"its record says {last.get('status', 'nothing')}"
        raise ColonnadeError(f"the new checkpoint has not passed the gate ({said}), so the one in use stays")
    if last.get("old_weights") != current:
        raise ColonnadeError(
            f"the new checkpoint was compared with {last.get('old_weights')}, but {current} is in use: fit it again "
            "with --checkpoint SHELF/current"
        )


def main(arguments: Sequence[str] | None = None) -> str:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("act", choices=("place", "rollback", "verify"))
    asked.add_argument("shelf", type=Path)
    asked.add_argument("model", type=Path, nargs="?")
    asked.add_argument("--key", type=Path, help="a file with the signing key (default: COLONNADE_SIGNING_KEY)")
    given = asked.parse_args(arguments)
    try:
        shelf = Shelf(given.shelf, signing_key(given.key))
        if given.act == "place":
            if given.model is None:
                raise ColonnadeError("place needs a shelf and a model")
            return shelf.place(given.model)
        return shelf.rollback() if given.act == "rollback" else shelf.verify()
    except ColonnadeError as error:
        asked.exit(2, f"{error}\n")


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
