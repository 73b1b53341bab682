"""Small scans that the medical tests share: a phantom with a ball in it, and writers for each format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.simulation.phantom import draw_chest
from colonnade.verticals.medical.studies.geometry import to_world

RADIUS = 7.0  # mm


def with_ball(volume: Volume, radius: float = RADIUS) -> tuple[Volume, Array, Array]:
    """The volume with a ball of soft tissue in the left lung, its mask, and its centre in mm."""
    index = np.argwhere((volume.voxels > -900) & (volume.voxels < -750))
    centre = index[np.argmin(np.abs(index - np.array(volume.voxels.shape) * (0.24, 0.5, 0.62)).sum(axis=1))]
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in volume.voxels.shape), indexing="ij"), axis=-1)
    away = np.linalg.norm((grid - centre) * volume.spacing, axis=-1)
    voxels = np.where(away < radius, 40.0, volume.voxels).astype(np.float32)
    noisy = voxels + np.random.default_rng(0).normal(0, 12, voxels.shape)
    return (
        Volume(voxels=np.round(noisy), affine=volume.affine),
        away < radius,
        to_world(volume.affine, centre.astype(float)),
    )


@pytest.fixture(scope="session")
def bare() -> Volume:
    return draw_chest(5, step=2.0, extent=(200.0, 150.0, 150.0))


@pytest.fixture(scope="session")
def chest(bare: Volume) -> tuple[Volume, Array, Array]:
    return with_ball(bare)


@pytest.fixture(scope="session")
def before(bare: Volume) -> Volume:
    """The chest at an earlier date: the ball has 10 mm, and the patient lay 12 mm further to the head."""
    earlier, _, _ = with_ball(bare, radius=5.0)
    affine = earlier.affine.copy()
    affine[2, 3] += 12
    return Volume(voxels=earlier.voxels, affine=affine)


@pytest.fixture
def block() -> Volume:
    """A small block with air, lung and soft tissue, spacing 0.8 x 0.9 x 2 mm, in a frame away from the origin."""
    generator = np.random.default_rng(3)
    voxels = np.round(generator.normal(-850, 20, (36, 40, 12)))
    voxels[10:20, 12:25, 3:9] = 40
    voxels[:4] = -1000
    affine = np.diag([0.8, 0.9, 2.0, 1.0])
    affine[:3, 3] = (-30.0, 12.5, 100.0)
    return Volume(voxels=voxels.astype(np.float32), affine=affine)


@pytest.fixture
def write_series() -> Callable[..., Path]:
    return series


def series(volume: Volume, folder: Path, change: Callable[[int, object], object] | None = None) -> Path:
    """A DICOM series of a volume whose axes lie along RAS; `change(slice, dataset)` spoils it (None leaves the slice
    out)."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine = flip @ volume.affine
    uid = generate_uid(entropy_srcs=["series"])
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    for k in range(volume.voxels.shape[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[f"slice {k}"])
        data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.Modality, data.SeriesInstanceUID, data.InstanceNumber = "CT", uid, k + 1
        data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.ImageOrientationPatient = [float(each) for each in (affine[:3, :2] / steps[:2]).T.ravel()]
        data.ImagePositionPatient = [float(each) for each in affine[:3, :3] @ [0, 0, k] + affine[:3, 3]]
        data.PixelSpacing = [float(steps[1]), float(steps[0])]
        data.Rows, data.Columns = volume.voxels.shape[1], volume.voxels.shape[0]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
        data.RescaleSlope, data.RescaleIntercept = 1, -1024
        stored = np.clip(volume.voxels[:, :, k].T + 1024, 0, 65535).astype(np.uint16)
        data.PixelData = stored.tobytes()
        data = data if change is None else change(k, data)
        if data is not None:
            # Names run against the order in space, as they do on real discs.
            data.save_as(folder / f"im{999 - k:04d}.dcm", enforce_file_format=True)  # type: ignore[attr-defined]
    return folder
