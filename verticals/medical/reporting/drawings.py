"""Slices with contours, in the lung window, as radiologists see them: the patient's right on the left.

It draws and decides nothing.
"""

from __future__ import annotations

import numpy as np

from ....core.types import Array, Volume
from ....knowledge.figures import COLOURS, canvas, picture
from ....knowledge.reports import Figure
from ..records import Finding, Nodules
from ..studies.geometry import turned

LUNG = (-1350.0, 150.0)  # HU shown from black to white
REACH = 28.0  # mm around a finding


def overview(answer: Nodules, labels: Array, volume: Volume) -> Figure:
    """All findings on a coronal projection of the densest voxels, each with its number."""
    thick = volume.voxels[:, :: max(volume.voxels.shape[1] // 160, 1)]
    shadow = np.sort(thick, axis=1)[:, -max(thick.shape[1] // 3, 1) :].mean(axis=1)
    i, _, k = volume.spacing
    with canvas(7.4, 4.4) as (sheet, axes):
        axes.imshow(shadow.T, cmap="gray", origin="lower", aspect=k / i, interpolation="bilinear")
        for finding in answer.findings:
            where = np.argwhere(labels == finding.label).mean(axis=0)
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


def closeups(finding: Finding, labels: Array, volume: Volume) -> Figure:
    """The slice of the longest axis, its neighbours, and a coronal cut, with the contour of the mask."""
    mask = labels == finding.label
    centre = np.argwhere(mask).mean(axis=0)
    last = volume.voxels.shape[2] - 1
    slices = [k for k in (finding.slice_index - 1, finding.slice_index, finding.slice_index + 1) if 0 <= k <= last]
    half = np.ceil(REACH / np.array(volume.spacing)).astype(int)
    low = np.maximum(np.round(centre).astype(int) - half, 0)
    high = np.minimum(np.round(centre).astype(int) + half + 1, volume.voxels.shape)
    i, j, k = volume.spacing
    with canvas(8.2, 2.3, columns=len(slices) + 1) as (sheet, axes):
        for place, number in zip(axes, slices, strict=False):
            axial = (slice(low[0], high[0]), slice(low[1], high[1]), number)
            _show(place, volume.voxels[axial], mask[axial], j / i, f"slice {number}")
        coronal = (slice(low[0], high[0]), round(float(centre[1])), slice(low[2], high[2]))
        _show(axes[-1], volume.voxels[coronal], mask[coronal], k / i, "coronal")
        what = f"Finding {finding.label}: {finding.diameter_mm:.1f} mm, score {finding.score:.2f}"
        return picture(sheet, f"{what}; axial slices and a coronal cut, {2 * REACH:.0f} mm wide.")


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
