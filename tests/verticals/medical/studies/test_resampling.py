from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.detection import detect, lungs
from colonnade.verticals.medical.detection.detect import candidates_of, look
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.studies.geometry import Grid
from colonnade.verticals.medical.studies.resampling import resampled

ORDERS: dict[str, Callable[[Array], Array]] = {
    "C": lambda values: values,
    "Fortran": np.asfortranarray,
    "mirrored": lambda values: np.flip(values, (0, 2)),
    "mirrored Fortran": lambda values: np.flip(np.asfortranarray(values), (1,)),
    "turned": lambda values: values.transpose(1, 2, 0),
    "a part of more": lambda values: np.pad(values, 3)[3:-3, 3:-3, 3:-3],
}


def slowly(values: Array, ratio: Array) -> Array:
    """The same in plain steps: Gaussian over every voxel, then linear interpolation, in float64."""
    sigma = np.where(ratio > 1.2, 0.4 * np.sqrt(np.maximum(ratio**2 - 1, 0)), 0.0)
    smooth = ndimage.gaussian_filter(values.astype(np.float64), sigma, truncate=2.5)
    counts = np.maximum(np.floor((np.array(values.shape) - 1) / ratio).astype(int) + 1, 1)
    where = np.meshgrid(*(np.arange(n) * r for n, r in zip(counts, ratio, strict=True)), indexing="ij")
    return np.asarray(ndimage.map_coordinates(smooth, where, order=1, mode="nearest"))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("shape", "ratio"), [((20, 31, 12), (3.5, 1.7, 0.4)), ((9, 8, 7), (1.1, 1.25, 2.5)), ((5, 1, 3), (9.0, 2.0, 4.0))]
)
def test_one_product_equals_blur_and_interpolation(
    order: str, shape: tuple[int, int, int], ratio: tuple[float, float, float]
) -> None:
    values = ORDERS[order](np.random.default_rng(0).normal(0, 500, shape).astype(np.float32))
    np.testing.assert_allclose(resampled(values, np.array(ratio)), slowly(values, np.array(ratio)), atol=2e-3)


def test_candidates_are_those_of_the_plain_steps_to_a_tenth_of_a_millimetre(
    chest: tuple[Volume, Array, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = NodulePipeline.from_pretrained().detector
    middle = np.round(np.argwhere(chest[1]).mean(axis=0)).astype(int)
    near = tuple(slice(max(each - 22, 0), each + 22) for each in middle)
    volume = Volume(voxels=chest[0].voxels[near], affine=chest[0].affine)
    seen = look(detector, volume)

    def plain(volume: Volume, step: float, *, low: Array, high: Array) -> Grid:
        box = volume.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        ratio = step / np.asarray(volume.spacing)
        return Grid(values=slowly(box, ratio).astype(np.float32), low=np.asarray(low, float), ratio=ratio)

    for module in (detect, lungs):
        monkeypatch.setattr(module, "regrid", plain)
    slow = look(detector, volume)
    assert seen is not None
    assert slow is not None
    assert seen.precision in ("torch bf16", "torch f32")
    quick, plainly = candidates_of(seen), candidates_of(slow)
    assert len(quick) == len(plainly) > 0
    for one, other in zip(quick, plainly, strict=True):
        away = (seen.grid.to_source(one.centre) - slow.grid.to_source(other.centre)) * volume.spacing
        assert np.linalg.norm(away) < 0.1
