"""Slices with contours, in the lung window, as radiologists see them: the patient's right on the left.

It draws and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from ....core.types import Array, Volume
from ....knowledge.figures import COLOURS, canvas, picture
from ....knowledge.reports import Figure
from ..records import Finding, Nodules
from ..studies.geometry import turned

LUNG = (-1350.0, 150.0)  # HU shown from black to white
REACH = 28.0  # mm around a finding
SHOWN = (256, 160, 256)  # voxels along each axis from which the projection takes every second one


def overview(answer: Nodules, places: Mapping[int, Array], volume: Volume) -> Figure:
    """All findings on a coronal projection of the densest voxels, each with its number; `places` are their voxels."""
    steps = [max(size // most, 1) for size, most in zip(volume.voxels.shape, SHOWN, strict=True)]
    seen = volume.voxels[tuple(slice(None, None, step) for step in steps)]
    densest = seen.shape[1] - max(seen.shape[1] // 3, 1)
    shadow = np.partition(seen, densest, axis=1)[:, densest:].mean(axis=1)
    i, _, k = np.array(volume.spacing) * steps
    with canvas(7.4, 4.4) as (sheet, axes):
        axes.imshow(shadow.T, cmap="gray", origin="lower", aspect=k / i, interpolation="bilinear")
        for finding in answer.findings:
            where = places[finding.label].mean(axis=0) / steps
            colour = COLOURS[finding.label % len(COLOURS)]
            axes.scatter(where[0], where[2], s=150, facecolors="none", edgecolors=colour, linewidths=1.6)
            axes.annotate(
                str(finding.label),
                (where[0], where[2]),
                xytext=(8, 6),
                textcoords="offset points",
                color=colour,
                weight="bold",
            )
        axes.invert_xaxis()
        axes.set_axis_off()
        return picture(sheet, "Where the findings lie (from the front; the patient's right is on the left).")


def closeups(finding: Finding, labels: Array, place: Array, volume: Volume) -> Figure:
    """The slice of the longest axis, its neighbours, and a coronal cut, with the contour of the mask, whose voxels are
    `place`."""
    centre = place.mean(axis=0)
    last = volume.voxels.shape[2] - 1
    slices = [k for k in (finding.slice_index - 1, finding.slice_index, finding.slice_index + 1) if 0 <= k <= last]
    half = np.ceil(REACH / np.array(volume.spacing)).astype(int)
    low = np.maximum(np.round(centre).astype(int) - half, 0)
    high = np.minimum(np.round(centre).astype(int) + half + 1, volume.voxels.shape)
    i, j, k = volume.spacing
    columns = len(slices) + 1 + (finding.evidence is not None)
    with canvas(8.2, 2.3, columns=columns) as (sheet, axes):
        for part, number in zip(axes, slices, strict=False):
            axial = (slice(low[0], high[0]), slice(low[1], high[1]), number)
            _show(part, volume.voxels[axial], labels[axial] == finding.label, j / i, f"slice {number}")
        coronal = (slice(low[0], high[0]), round(float(centre[1])), slice(low[2], high[2]))
        _show(axes[len(slices)], volume.voxels[coronal], labels[coronal] == finding.label, k / i, "coronal")
        what = f"Finding {finding.label}: {finding.diameter_mm:.1f} mm, score {finding.score:.2f}"
        said = f"{what}; axial slices and a coronal cut, {2 * REACH:.0f} mm wide"
        if finding.evidence is not None:
            _show_evidence(axes[-1], finding.evidence)
            said += ". Last: where the score comes from (integrated gradients), red speaks for a nodule, blue against"
        return picture(sheet, f"{said}.")


def _show_evidence(place: object, evidence: Array) -> None:
    """The middle slice of the crop, and over it what all voxels above and below gave."""
    crop, given = evidence
    _show(place, crop[:, :, crop.shape[2] // 2], np.zeros(crop.shape[:2], bool), 1.0, "score's origin")
    along = ndimage.gaussian_filter(given.sum(axis=2), 0.7)
    most = max(float(np.abs(along).max()), 1e-9)
    shown = np.ma.masked_inside(along, -0.15 * most, 0.15 * most)
    place.imshow(shown.T, cmap="coolwarm", vmin=-most, vmax=most, alpha=0.55, origin="lower")  # type: ignore[attr-defined]


def _show(place: object, values: Array, mask: Array, aspect: float, title: str) -> None:
    place.imshow(values.T, cmap="gray", vmin=LUNG[0], vmax=LUNG[1], origin="lower", aspect=aspect)  # type: ignore[attr-defined]
    if mask.any() and not mask.all():
        place.contour(mask.T.astype(float), levels=[0.5], colors=[COLOURS[1]], linewidths=1.2)  # type: ignore[attr-defined]
    place.invert_xaxis()  # type: ignore[attr-defined]
    place.set_title(title, fontsize=8)  # type: ignore[attr-defined]
    place.set_axis_off()  # type: ignore[attr-defined]


def labels_of(answer: Nodules) -> Array:
    """The label map in canonical axes."""
    if answer.labels is None or answer.affine is None:
        return np.zeros((1, 1, 1), np.uint8)
    return turned(answer.labels, answer.affine)
