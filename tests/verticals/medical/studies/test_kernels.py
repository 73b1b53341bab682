from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colonnade.core.types import Volume
from colonnade.verticals.medical.studies.dicom import read_series
from colonnade.verticals.medical.studies.kernels import sharp, told


@pytest.mark.parametrize("name", ["B70f", "B50s", "Bl57", "Br64d\\3", "FC51", "FC30", "LUNG", "bone ", "YC", "L"])
def test_names_of_sharp_kernels_are_known(name: str) -> None:
    assert sharp(name)


@pytest.mark.parametrize("name", ["B30f", "Br40d", "I31f\\3", "FC08", "FC18-H", "STANDARD", "SOFT", "B", "C", "", "??"])
def test_soft_and_unknown_names_are_not_called_sharp(name: str) -> None:
    assert not sharp(name)


@pytest.mark.parametrize("value", [None, "", [], 7])
def test_a_header_without_a_kernel_says_nothing(value: object) -> None:
    assert told(value) == ()


def test_a_series_with_a_sharp_kernel_is_read_and_told(
    block: Volume, write_series: Callable[..., Path], tmp_path: Path
) -> None:
    def sharpened(k: int, data: Any) -> Any:
        data.ConvolutionKernel = ["B70f", "3"]
        return data

    _, flags = read_series(write_series(block, tmp_path / "ct", sharpened))
    assert flags == ("reconstructed with the sharp kernel B70f: noise is strong and small false marks come easily",)
