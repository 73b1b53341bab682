"""Reads a results file behind its writer, from where it stopped last time: what is written is told once at least, also
to a broker that was away and by a process that was killed. It knows nothing of who is told.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import final


@final
class Tail:
    """Whole lines of `path` behind a place that is kept in the file `place`. Without one it begins at the end."""

    def __init__(self, path: Path, place: Path) -> None:
        self.path, self.place = path, place
        try:
            self.offset = int(json.loads(place.read_text(encoding="utf-8"))["offset"])
        except (OSError, ValueError, LookupError, TypeError):
            self.offset = path.stat().st_size if path.exists() else 0
            self.told(self.offset)

    def lines(self) -> Iterator[tuple[bytes, int]]:
        """Each whole line that was not told, with the offset behind it."""
        if not self.path.exists():
            return
        offset = min(self.offset, self.path.stat().st_size)
        with self.path.open("rb") as stream:
            stream.seek(offset)
            for raw in stream:
                if not raw.endswith(b"\n"):
                    return
                offset += len(raw)
                yield raw.rstrip(b"\n"), offset

    def told(self, offset: int) -> None:
        """Everything up to here was taken by whoever is told."""
        self.offset = offset
        aside = self.place.with_name(f".{self.place.name}")
        aside.write_text(json.dumps({"offset": offset}), encoding="utf-8")
        os.replace(aside, self.place)
