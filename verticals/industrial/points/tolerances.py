"""What a drawing allows where it says nothing else: general tolerances by size, in mm. Knows nothing of measurements.

Sources: ISO 2768-1:1989 class m for sizes; ISO 2768-2:1989 class K for flatness and perpendicularity (withdrawn in 2021
for ISO 22081, and still on most drawings). Position has no general tolerance: 0.4 mm is this project's own default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SIZES = ((6.0, 0.1), (30.0, 0.2), (120.0, 0.3), (400.0, 0.5), (1000.0, 0.8), (2000.0, 1.2))
FLATNESS = ((10.0, 0.05), (30.0, 0.1), (100.0, 0.2), (300.0, 0.4), (1000.0, 0.6), (3000.0, 0.8))
SQUARENESS = ((100.0, 0.4), (300.0, 0.6), (1000.0, 0.8), (3000.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """`own` are those of the drawing by the name of the dimension, mm: half a band for sizes, a zone for the rest.

    Where a name is not in it, the general tolerances hold, and `position` for every position.
    """

    own: Mapping[str, float] = field(default_factory=dict)
    position: float = 0.4

    def of(self, name: str, kind: str, size: float) -> float:
        """The tolerance of one dimension of a nominal size, mm."""
        if name in self.own:
            return self.own[name]
        if kind == "position":
            return self.position
        rows = {"flatness": FLATNESS, "perpendicularity": SQUARENESS}.get(kind, SIZES)
        return next((allowed for largest, allowed in rows if size <= largest), rows[-1][1])
