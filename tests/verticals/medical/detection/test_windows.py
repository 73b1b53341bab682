from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from colonnade.core.encoders.volume import VolumeConfig
from colonnade.verticals.medical.detection import engines, windows
from colonnade.verticals.medical.detection.detector import Detector, DetectorConfig
from colonnade.verticals.medical.detection.windows import chances

BOXES = [(slice(i, i + 16), slice(0, 16), slice(0, 16)) for i in (0, 3, 8, 11, 16)]
VALUES = np.random.default_rng(0).normal(-600, 300, (32, 16, 16)).astype(np.float32)


@pytest.fixture
def detector() -> Detector:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        encoder = VolumeConfig(width=8, channels=(4, 8, 8, 8), depths=(0, 1, 1, 1), groups=4, layers=1, heads=2)
        return Detector(DetectorConfig(encoder=encoder)).eval()


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def threads_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.mark.usefixtures("two_threads")
def test_windows_side_by_side_equal_windows_in_a_row(detector: Detector) -> None:
    together = list(chances(detector, VALUES, BOXES))
    assert threads_of_a_new_thread() == torch.get_num_threads() == 2
    torch.set_num_threads(1)
    alone = list(chances(detector, VALUES, BOXES))
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("two_threads")
def test_a_window_that_fails_leaves_the_threads_as_they_were(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(windows, "chance_of", fails)
    with pytest.raises(RuntimeError, match="broken"):
        list(chances(detector, VALUES, BOXES))
    assert threads_of_a_new_thread() == torch.get_num_threads() == 2


def test_without_bfloat16_an_export_that_equals_torch_computes_the_windows(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("openvino", "onnx", "onnxscript"):
        pytest.importorskip(library)
    monkeypatch.setattr(engines, "supported", lambda device: False)
    monkeypatch.setattr(windows, "supported", lambda device: False)
    plain = list(chances(detector, VALUES, BOXES))  # too few windows for an export
    assert engines.precision_of(detector, windows=len(BOXES)) == "torch f32"
    monkeypatch.setattr(engines, "PAYS", 2)
    assert engines.precision_of(detector, windows=len(BOXES)) == "openvino f32"
    quick = list(chances(detector, VALUES, BOXES))
    for one, other in zip(quick, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_export_is_made_once_and_anew_for_new_weights(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def export(detector: Detector, *, size: int) -> object:
        made.append(object())
        return made[-1]

    monkeypatch.setattr(engines, "pays", lambda detector: True)
    monkeypatch.setattr(engines, "exported", export)
    assert engines.engine_for(detector, windows=engines.PAYS - 1, size=64) is None
    first = engines.engine_for(detector, windows=engines.PAYS, size=64)
    assert engines.engine_for(detector, windows=engines.PAYS, size=64) is first
    with torch.no_grad():
        next(iter(detector.parameters())).add_(0.1)
    assert engines.engine_for(detector, windows=engines.PAYS, size=64) is made[1] is not first
