"""Which senses the line still has: one that is missing, or cannot be read, unit after unit is lost until it is back.

A lost sense is no longer waited for, and units are judged by the senses that are left, by those senses' own threshold.
It reads only result lines, so that a line that was stopped comes back with what it knew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, final

LOST_AFTER = 3  # units in a row


@final
class Senses:
    """The state of every sense that units are expected to have."""

    def __init__(self, expected: Collection[str], lost_after: int = LOST_AFTER) -> None:
        self.expected, self.lost_after = tuple(expected), lost_after
        self.in_a_row = dict.fromkeys(self.expected, 0)
        self.why: dict[str, str] = {}
        self.since: dict[str, str] = {}

    @property
    def lost(self) -> frozenset[str]:
        return frozenset(self.since)

    @property
    def waited_for(self) -> frozenset[str]:
        """Senses worth waiting for; where all are lost, all: a unit with nothing cannot be judged anyway."""
        return frozenset(self.expected) - self.lost or frozenset(self.expected)

    def update(self, line: Mapping[str, Any]) -> list[str]:
        """What changed with this unit, in sentences: a sense lost, a sense back."""
        said = []
        for sense in self.expected:
            why = self._fault(sense, line)
            if why:
                self.in_a_row[sense] += 1
                self.why[sense] = why
                if self.in_a_row[sense] == self.lost_after:
                    self.since[sense] = line["time"]
                    said.append(
                        f"sensor lost: {sense} ({why}) for {self.lost_after} units in a row; units are judged without "
                        "it until it is back"
                    )
            else:
                said += self.back(sense)
        return said

    def back(self, sense: str) -> list[str]:
        """A file of the sense came, and could be used."""
        if sense not in self.in_a_row:
            return []
        self.in_a_row[sense] = 0
        self.why.pop(sense, None)
        return [f"sensor back: {sense}"] if self.since.pop(sense, None) is not None else []

    def to_dict(self) -> dict[str, Any]:
        return {
            sense: {
                "state": "lost" if sense in self.since else "ok",
                "since": self.since.get(sense),
                "failed_in_a_row": self.in_a_row[sense],
                "why": self.why.get(sense),
            }
            for sense in self.expected
        }

    def _fault(self, sense: str, line: Mapping[str, Any]) -> str:
        if sense in line["missing"]:
            return "missing"
        if sense in line["unusable"]:
            return "unusable"
        return ""
