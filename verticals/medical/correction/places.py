"""What a point of a reader may be: inside the scan, in or at a lung, about a finding. Each refusal is one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....core.errors import InputError
from ....core.types import Array, Volume
from ..detection.lungs import Lungs
from ..studies.geometry import to_index, to_world
from .outline import Outline

NEAR = 10.0  # mm from an outline within which a click is about it
REACH = 40.0  # mm from an outline beyond which a click cannot be about it
BESIDE = 6.0  # mm outside the lungs in which a nodule at the pleura may reach


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Points of a canonical scan and its lungs."""

    volume: Volume
    lungs: Lungs

    def index(self, at_mm: Sequence[float]) -> Array:
        """A point in voxels of the canonical scan, if it lies in it."""
        try:
            point = np.asarray(at_mm, np.float64)
        except (TypeError, ValueError):
            point = np.zeros(0)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise InputError(f"a point is three finite numbers, x, y and z in mm (RAS), got {at_mm!r}")
        index = to_index(self.volume.affine, point)
        shape = np.array(self.volume.voxels.shape)
        if (index < -0.5).any() or (index > shape - 0.5).any():
            ends = np.sort(to_world(self.volume.affine, np.array([np.zeros(3), shape - 1.0])), axis=0)
            spans = ", ".join(f"{axis} {low:.0f} to {high:.0f}" for axis, low, high in zip("xyz", *ends, strict=True))
            raise InputError(f"{written(point)} mm lies outside the scan, which spans {spans} mm")
        return np.clip(index, 0, shape - 1)

    def about(self, index: Array, outlines: Mapping[int, Outline], *, positive: bool) -> int | None:
        """The finding a click is about; None where a positive one starts another."""
        away = {label: each.distance(index, self.volume.spacing) for label, each in outlines.items()}
        label = min(away, key=lambda each: away[each], default=None)
        if label is not None and away[label] <= NEAR:
            return label
        if positive:
            return None
        raise InputError(
            f"no finding lies within {NEAR:.0f} mm of {written(to_world(self.volume.affine, index))} mm: a negative "
            "click takes away from an outline, so click at one or name the finding"
        )

    def check(self, index: Array, outline: Outline | None = None, *, positive: bool = True) -> None:
        """Refuse what cannot be part of a lung nodule, or has nothing to do with the finding."""
        at = written(to_world(self.volume.affine, index))
        if outline is not None:
            away = outline.distance(index, self.volume.spacing)
            if away > REACH:
                raise InputError(f"{at} mm lies {away:.0f} mm from the finding: too far to be about its outline")
            if not positive or away <= 3:
                return
        around = np.stack(np.meshgrid(*(np.linspace(-BESIDE, BESIDE, 7),) * 3, indexing="ij"), -1).reshape(-1, 3)
        around = around[np.linalg.norm(around, axis=1) <= BESIDE + 1e-6] / self.volume.spacing
        if not self.lungs.inside(index + around).any():
            raise InputError(
                f"{at} mm lies more than {BESIDE:.0f} mm outside the lungs ({_tissue(self.density(index))}): "
                "click inside or at the edge of a lung"
            )

    def density(self, index: Array) -> float:
        """The median HU around a point."""
        low = np.maximum(np.round(index).astype(int) - 1, 0)
        return float(np.median(self.volume.voxels[tuple(slice(a, a + 3) for a in low)]))


def written(point: Sequence[float] | Array) -> str:
    """A point or size as it is told."""
    return ", ".join(f"{float(each):.1f}" for each in point)


def _tissue(density: float) -> str:
    kind = "bone or contrast" if density > 200 else "soft tissue" if density > -250 else "air"
    return f"{kind}, {density:.0f} HU"
