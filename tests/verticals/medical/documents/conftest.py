"""An answer with two findings on a small DICOM series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import generate_uid

from colonnade.core import digest
from colonnade.core.result import Interval, Result, Source
from colonnade.core.types import Volume
from colonnade.verticals.medical.records import Finding, Nodules
from colonnade.verticals.medical.studies.dicom import read_series

PATIENT = {"PatientID": "12345", "PatientName": "Doe^Jane", "PatientBirthDate": "19600101", "PatientSex": "F"}


def identified(k: int, data: Any) -> Any:
    """What a real series says beside its pixels."""
    for name, value in PATIENT.items():
        setattr(data, name, value)
    data.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    data.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame"])
    data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "20240102", "101500", "A1", "S1"
    data.ReferringPhysicianName, data.SeriesNumber, data.SliceThickness = "House", 3, 2.0
    data.Manufacturer, data.InstitutionName = "Maker", "Hospital"
    data.PositionReferenceIndicator = ""
    return data


def finding(label: int, where: np.ndarray, **other: Any) -> Finding:
    return Finding(
        label=label, center_mm=(1.0, 2.0, 3.0), diameter_mm=6.5, long_axis_mm=7.0, short_axis_mm=6.0,
        diameter_interval=Interval(value=6.5, low=5.5, high=8.0), volume_mm3=150.0, median_hu=30.0,
        side="right" if label == 1 else "left", score=0.83, slice_index=4, mask=where, **other,
    )  # fmt: skip


def answered(volume: Volume, *, source: Path | None, count: int = 2) -> Result:
    labels = np.zeros(volume.voxels.shape, np.uint8)
    labels[3:6, 8:11, 2:5] = 1
    labels[20:23, 8:10, 7:9] = 3  # a gap: the finding of label 2 was deleted
    labels[:, :, :] = labels if count else 0
    found = tuple(finding(label, np.argwhere(labels == label)) for label in (1, 3))[:count]
    given = Source(modality="ct", path=str(source), sha256=digest.of_file(source)) if source else None
    return Result(
        task="medical/nodules", version="0.1.0", model={"name": "nodules", "sha256": "ab" * 32},
        inputs=(given,) if given else (), status="ok",
        answer=Nodules(
            findings=found, lung_volume_ml=4000.0, spacing_mm=volume.spacing, threshold=0.2,
            labels=labels, affine=volume.affine,
        ),
    )  # fmt: skip


@pytest.fixture
def study(block: Volume, write_series: Callable[..., Path], tmp_path: Path) -> Path:
    return write_series(block, tmp_path / "ct", identified)


@pytest.fixture
def result(study: Path) -> Result:
    return answered(read_series(study)[0], source=study)


@pytest.fixture
def identify() -> Callable[[int, Any], Any]:
    return identified
