"""The nouns: what a record holds at the border (NumPy, with units) and what encoders hand on (torch, with masks).

Border nouns are frozen, carry the unit or rate that makes their numbers mean something, and check themselves.
They know nothing of files, models or domains. Torch is imported for annotations only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import FormatError, GeometryError

if TYPE_CHECKING:
    import networkx
    from jaxtyping import Bool, Float
    from torch import Tensor

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """Pixels `[height, width, channel]`, float32 in 0..1 (uint8 is converted)."""

    pixels: Array

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        if pixels.ndim != 3 or 0 in pixels.shape:
            raise FormatError(f"an image is [height, width, channel], got shape {np.shape(self.pixels)}")
        if pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / 255
        object.__setattr__(self, "pixels", _finite(pixels.astype(np.float32), "image"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """Voxels `[i, j, k]` with the affine that takes (i, j, k, 1) to patient millimetres, RAS."""

    voxels: Array
    affine: Array

    def __post_init__(self) -> None:
        voxels, affine = np.asarray(self.voxels), np.asarray(self.affine, np.float64)
        if voxels.ndim != 3 or 0 in voxels.shape:
            raise FormatError(f"a volume has three axes with voxels in each, got shape {voxels.shape}")
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise GeometryError("the affine must be a finite, invertible 4 by 4 matrix from voxel to millimetre")
        object.__setattr__(self, "voxels", _finite(voxels.astype(np.float32, copy=False), "volume"))
        object.__setattr__(self, "affine", affine)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres from voxel to voxel along i, j and k."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)


@dataclass(frozen=True, kw_only=True, eq=False)
class Waveform:
    """Sound pressure or acceleration `[samples]` at `rate` samples a second."""

    samples: Array
    rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, np.float32)
        if samples.ndim != 1 or not samples.size:
            raise FormatError(f"a waveform is one row of samples, got shape {samples.shape}: mix channels down first")
        if self.rate <= 0:
            raise FormatError(f"a sample rate is positive, got {self.rate}")
        object.__setattr__(self, "samples", _finite(samples, "waveform"))


@dataclass(frozen=True, kw_only=True)
class Text:
    """Words, as written."""

    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """One row: numbers by column (NaN = not known) and categories by column ("" = not known)."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """Values `[time, channel]` with their times in seconds (or days: the task says), strictly increasing."""

    values: Array
    times: Array
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values, times = np.asarray(self.values, np.float32), np.asarray(self.times, np.float64)
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2 or not len(values) or times.shape != (len(values),):
            raise FormatError(f"a series is [time, channel] with a time a row, got {values.shape} and {times.shape}")
        if len(times) > 1 and not (np.diff(times) > 0).all():
            raise FormatError("the times of a series must increase strictly: sort it and drop duplicate times")
        object.__setattr__(self, "values", _finite(values, "series"))
        object.__setattr__(self, "times", _finite(times, "times of a series"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Events:
    """What happened at irregular `times` (seconds, not decreasing): `[event, number]` and codes `[event, code]`."""

    times: Array
    numbers: Array
    codes: Array | None = None

    def __post_init__(self) -> None:
        times, numbers = np.asarray(self.times, np.float64), np.asarray(self.numbers, np.float32)
        codes = np.zeros((len(times), 0), np.int64) if self.codes is None else np.asarray(self.codes, np.int64)
        if numbers.ndim != 2 or times.shape != (len(numbers),) or codes.shape[:1] != times.shape or not len(times):
            raise FormatError(f"events need a time and a row of numbers each, got {times.shape} and {numbers.shape}")
        if (np.diff(times) < 0).any():
            raise FormatError("the times of events must not decrease: sort them first")
        object.__setattr__(self, "times", _finite(times, "times of events"))
        object.__setattr__(self, "numbers", _finite(numbers, "events"))
        object.__setattr__(self, "codes", codes)


@dataclass(frozen=True, kw_only=True, eq=False)
class PointCloud:
    """Points `[point, xyz]` in millimetres, with optional features `[point, channel]` (normals, reflectance)."""

    points: Array
    features: Array | None = None

    def __post_init__(self) -> None:
        points = np.asarray(self.points, np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or not len(points):
            raise FormatError(f"a point cloud is [point, xyz] with at least one point, got shape {points.shape}")
        object.__setattr__(self, "points", _finite(points, "point cloud"))
        if self.features is not None and len(self.features) != len(points):
            raise FormatError(f"{len(points)} points need as many rows of features, got {len(self.features)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A `networkx` graph whose nodes carry the attribute `features` (a row of numbers of one length)."""

    graph: networkx.Graph


Noun: TypeAlias = Image | Volume | Waveform | Text | Table | Series | Events | PointCloud | Graph


class Tokens(NamedTuple):
    """What an encoder gives: values, and a mask that is True where a token is real."""

    values: Float[Tensor, "batch token width"]
    mask: Bool[Tensor, "batch token"]


class Packed(NamedTuple):
    """One modality of a batch before its encoder: a tensor (or a named tuple of tensors), and True where it is real.

    A row that is absent is all False in the mask; its values are never read.
    """

    x: Any
    mask: Bool[Tensor, "batch position"]


class Batch(NamedTuple):
    """What the model reads: each modality packed, and who is present `[batch, modality]` in the model's order."""

    inputs: dict[str, Packed]
    presence: Bool[Tensor, "batch modality"]


def _finite(values: Array, what: str) -> Array:
    bad = int(values.size - np.isfinite(values).sum())
    if bad:
        counted = f"{bad} of {values.size} values that are NaN or infinite"
        raise FormatError(f"the {what} holds {counted}: clean or drop them")
    return values
