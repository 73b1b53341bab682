"""The one gate that every scan passes: spacing, axes, extent and units are checked, and refused in one sentence each.

Behind the gate everything is millimetres in patient coordinates, RAS: x grows to the patient's right, y to the front,
z to the head. It knows nothing of file formats, of lungs or of models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.errors import FormatError, GeometryError
from ....core.types import Array, Volume
from .resampling import resampled

SPACING = (0.2, 6.0)  # mm between voxels, in any direction
MINIMUM = (32, 8)  # voxels in the plane, slices
PADDING, HIGHEST = -1024.0, 3071.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """A CT that passed the gate: Hounsfield units in its own frame, what is flagged, and where it came from."""

    volume: Volume
    flags: tuple[str, ...] = ()
    origin: str = ""


def admit(volume: Volume, origin: str, *, flags: tuple[str, ...] = ()) -> Scan:
    """The scan, if its geometry can be trusted and its values are Hounsfield units.

    Raises:
        GeometryError: an affine that no scanner writes: identity, sheared, implausible spacing, too few slices.
        FormatError: values that are not Hounsfield units.
    """
    _check_affine(volume, origin)
    voxels, more = _hounsfield(volume.voxels, origin)
    thick = volume.spacing[slice_axis(volume.affine)]
    if thick > 3.0:
        more += (f"slices are {thick:.1f} mm apart: nodules below about {2 * thick:.0f} mm are easily missed",)
    return Scan(volume=Volume(voxels=voxels, affine=volume.affine), flags=flags + more, origin=origin)


def slice_axis(affine: Array) -> int:
    """The voxel axis that runs most nearly from feet to head."""
    return axes_of(affine)[0][2]


def axes_of(affine: Array) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """For patient x, y and z: the voxel axis nearest to it, and its sign."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    left, axes = directions.copy(), [0, 0, 0]
    for _ in range(3):
        row, column = np.unravel_index(np.nanargmax(np.abs(left)), left.shape)
        axes[row] = int(column)
        left[row, :], left[:, column] = np.nan, np.nan
    signs = [1 if directions[row, column] > 0 else -1 for row, column in enumerate(axes)]
    return (axes[0], axes[1], axes[2]), (signs[0], signs[1], signs[2])


def canonical(volume: Volume) -> Volume:
    """The same scan with its voxel axes turned and mirrored to lie nearest to RAS: a view, nothing is interpolated."""
    axes, signs = axes_of(volume.affine)
    turn = np.eye(4)[:, [*axes, 3]]
    for axis, sign in enumerate(signs):
        if sign < 0:
            mirror = np.eye(4)
            mirror[axis, axis], mirror[axis, 3] = -1, volume.voxels.shape[axes[axis]] - 1
            turn = turn @ mirror
    return Volume(voxels=turned(volume.voxels, volume.affine), affine=volume.affine @ turn)


def turned(voxels: Array, affine: Array) -> Array:
    """Voxels of the frame `affine` in canonical axes, as a view."""
    axes, signs = axes_of(affine)
    voxels = voxels.transpose(axes)
    return np.flip(voxels, tuple(axis for axis, sign in enumerate(signs) if sign < 0))


def restore(labels: Array, source: Volume) -> Array:
    """Voxels of the canonical frame back in the frame of `source`."""
    axes, signs = axes_of(source.affine)
    for axis, sign in enumerate(signs):
        if sign < 0:
            labels = np.flip(labels, axis)
    return np.ascontiguousarray(labels.transpose(np.argsort(axes)))


def places_of(labels: Array) -> dict[int, Array]:
    """By label, the indices of its voxels `[voxel, 3]`, in one pass over the map and not one for each label."""
    from scipy import ndimage

    mirrored = labels.flags.f_contiguous  # in the order in which it lies
    found = {}
    for label, box in enumerate(ndimage.find_objects(labels.T if mirrored else labels), start=1):
        if box is not None:
            box = box[::-1] if mirrored else box
            found[label] = np.argwhere(labels[box] == label) + [each.start for each in box]
    return found


def to_world(affine: Array, index: Array) -> Array:
    """Voxel indices `[..., 3]` to patient millimetres."""
    return np.asarray(index, np.float64) @ affine[:3, :3].T + affine[:3, 3]


def to_index(affine: Array, world: Array) -> Array:
    """Patient millimetres `[..., 3]` to voxel indices, not rounded."""
    return (np.asarray(world, np.float64) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """An even grid of `step` mm over the box [low, high) of a canonical volume's voxels."""

    values: Array
    low: Array
    ratio: Array  # source voxels for one step

    def to_source(self, index: Array) -> Array:
        """Indices of this grid as indices of the volume."""
        return self.low + np.asarray(index, np.float64) * self.ratio

    def from_source(self, index: Array) -> Array:
        return (np.asarray(index, np.float64) - self.low) / self.ratio


def regrid(volume: Volume, step: float, *, low: Array, high: Array) -> Grid:
    """The box resampled to `step` mm, linearly, after a low-pass where that makes it coarser."""
    low, high = np.asarray(low, int), np.asarray(high, int)
    box = volume.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    ratio = step / np.asarray(volume.spacing)
    return Grid(values=resampled(box, ratio), low=low.astype(np.float64), ratio=ratio)


def _check_affine(volume: Volume, origin: str) -> None:
    affine, spacing, shape = volume.affine, volume.spacing, volume.voxels.shape
    if np.allclose(np.abs(affine[:3, :3]), np.eye(3)) and not affine[:3, 3].any():
        raise GeometryError(f"{origin} has the identity as its affine, so its spacing is not known: convert it again")
    if min(spacing) < SPACING[0] or max(spacing) > SPACING[1]:
        written = " x ".join(f"{each:.3g}" for each in spacing)
        raise GeometryError(
            f"{origin} has voxels of {written} mm; a chest CT has {SPACING[0]} to {SPACING[1]} mm: check the unit"
        )
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.abs(directions.T @ directions - np.eye(3)).max() > 1e-2:
        raise GeometryError(f"{origin} has axes that are not at right angles (a tilted gantry?): resample it first")
    if np.abs(directions).max(axis=0).min() < 0.9:
        raise GeometryError(
            f"{origin} is turned more than 25 degrees from the body's axes: resample it to axial slices"
        )
    axis = slice_axis(affine)
    plane = [size for each, size in enumerate(shape) if each != axis]
    if shape[axis] < MINIMUM[1]:
        raise GeometryError(f"{origin} has {shape[axis]} slice(s); a study needs at least {MINIMUM[1]}")
    if min(plane) < MINIMUM[0]:
        raise GeometryError(
            f"{origin} has slices of {plane[0]} x {plane[1]} voxels; at least {MINIMUM[0]} a side are needed"
        )


def _hounsfield(voxels: Array, origin: str) -> tuple[Array, tuple[str, ...]]:
    """Values with padding set to air, if they can be Hounsfield units."""
    low, high = float(voxels.min()), float(voxels.max())
    inside = voxels[::2, ::2, ::2] if voxels.size > 2**21 else voxels
    inside = inside[inside >= -1100]
    air = float((inside < -400).mean()) if inside.size else 0.0
    soft = float(((inside > -250) & (inside < 400)).mean()) if inside.size else 0.0
    if air < 0.002 or soft < 0.002:
        raise FormatError(
            f"{origin} holds values from {low:g} to {high:g}, {air:.1%} of them air and {soft:.1%} soft tissue: "
            "not a CT in Hounsfield units (apply the rescale slope and intercept)"
        )
    if high > 40000 or low < -40000:
        raise FormatError(f"{origin} holds values from {low:g} to {high:g}, outside any Hounsfield scale")
    flags = ("values below -1100 HU were read as padding",) if low < -1100 else ()
    return (voxels if low >= PADDING and high <= HIGHEST else np.clip(voxels, PADDING, HIGHEST)), flags
