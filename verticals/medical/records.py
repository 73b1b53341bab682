"""The answer of `medical/nodules`: findings in patient millimetres, and the label map that belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.result import Interval
from ...core.types import Array

if TYPE_CHECKING:
    from .detection.fitness import Doubt
    from .followup.comparison import Comparison
    from .followup.growth import Change
    from .guidelines.manage import Managed

BANNER = (
    "Research use only, not for diagnosis. A second reader beside the original CT, never instead of it. "
    "Not reviewed by a physician."
)
MASKS = "nodules.nii.gz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """One quality of a nodule: the likeliest value, its calibrated probability, and those of all values."""

    value: str
    probability: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One nodule. `label` is its value in the label map; `mask` its voxels `[voxel, 3]`, indices of the source."""

    label: int
    center_mm: tuple[float, float, float]  # RAS
    diameter_mm: float  # mean of the axial axes
    long_axis_mm: float
    short_axis_mm: float
    diameter_interval: Interval
    volume_mm3: float
    median_hu: float
    side: str
    score: float  # calibrated: the share of such candidates that are nodules in the validation scans
    attributes: Mapping[str, Attribute] = field(default_factory=dict)  # texture, margin, spiculation, location, ...
    malignancy: Interval | None = None  # suspicion as the readers of LIDC rate it, no probability of cancer
    disagreement: float | None = None  # SD of that suspicion between the networks: what more data could settle
    volume_interval: Interval | None = None
    gates: Mapping[str, float] = field(default_factory=dict)  # by modality, how much the judge trusts it; 0: absent
    # `[2, i, j, k]`, cubes of 1.25 mm: the crop of the second look in HU, and what each voxel gave to its log-odds
    evidence: Array | None = field(default=None, repr=False, compare=False)
    slice_index: int  # axial slice of the longest axis, counted from the feet, from 0
    mask: Array = field(repr=False, compare=False)

    @property
    def diameter(self) -> float:
        return self.diameter_mm


def side_of(x: float, middle: float) -> str:
    """The patient's side, by RAS x."""
    return "right" if x > middle else "left"


@dataclass(frozen=True, kw_only=True)
class Nodules:
    """What was found, where the lungs could be judged at all."""

    findings: tuple[Finding, ...]
    lung_volume_ml: float
    spacing_mm: tuple[float, float, float]
    threshold: float
    lung_middle_mm: float = 0.0  # x of the middle of the lungs, by which sides are told
    reasons: tuple[str, ...] = ()  # why nothing could be said
    doubts: tuple[Doubt, ...] = ()  # why what is said should be read with care, or not be relied on
    used: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by modality given, what it was used for
    comparison: Comparison | None = None  # with the earlier CT
    management: tuple[Managed, ...] = ()  # what each guideline says, with its proof
    precision: str = ""  # of the detector's arithmetic, and by which engine
    banner: str = BANNER
    labels: Array | None = field(default=None, repr=False, compare=False)  # label map in the source frame
    affine: Array | None = field(default=None, repr=False, compare=False)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What became of each nodule since the earlier CT; empty without one."""
        return self.comparison.changes if self.comparison is not None else ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "banner": self.banner,
            "findings": list(self.findings),
            "lung_volume_ml": self.lung_volume_ml,
            "spacing_mm": self.spacing_mm,
            "threshold": self.threshold,
            "precision": self.precision,
            "reasons": self.reasons,
            "doubts": self.doubts,
            "used": self.used,
            "comparison": self.comparison,
            "changes": list(self.changes),
            "management": list(self.management),
            "masks": MASKS if self.labels is not None else None,
        }

    def save_files(self, folder: Path) -> None:
        """The label map as NIfTI in the frame of the source scan."""
        if self.labels is None or self.affine is None:
            return
        import nibabel

        image = nibabel.Nifti1Image(self.labels.astype(np.uint8), self.affine)
        image.header.set_xyzt_units("mm")
        image.header["descrip"] = b"research use only, not for diagnosis"
        nibabel.save(image, folder / MASKS)
