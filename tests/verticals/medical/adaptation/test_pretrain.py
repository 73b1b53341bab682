from __future__ import annotations

import numpy as np
import pytest
import torch

from colonnade.core.encoders.volume import VolumeConfig
from colonnade.core.errors import InputError
from colonnade.verticals.medical.adaptation import pretrain as module
from colonnade.verticals.medical.adaptation.pretrain import Hidden, Rebuilder, pretrain, reconstruction_loss
from colonnade.verticals.medical.detection.detector import Detector, DetectorConfig


@pytest.fixture
def detector() -> Detector:
    encoder = VolumeConfig(width=8, channels=(4, 8, 8, 8), depths=(0, 1, 1, 1), groups=4, layers=1, heads=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Detector(DetectorConfig(encoder=encoder))


@pytest.fixture
def stripes() -> list[np.ndarray]:
    x = np.arange(72, dtype=np.float32)
    return [np.broadcast_to(-600 + 300 * np.sin(x / 6)[:, None, None], (72, 66, 50)).astype(np.float32)]


def test_learning_moves_the_encoder_and_leaves_the_heads(
    detector: Detector, stripes: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCHES", 5)
    before = {name: each.clone() for name, each in detector.state_dict().items()}
    losses = pretrain(detector, stripes, seed=0, epochs=2)
    moved = {name.split(".")[0] for name, each in detector.state_dict().items() if not torch.equal(each, before[name])}
    assert moved == {"encoder"}
    assert losses[-1] < 0.9 * losses[0]
    assert not detector.training


def test_the_loss_is_that_of_hidden_voxels_alone(detector: Detector, stripes: list[np.ndarray]) -> None:
    whole, hidden = Hidden(scans=stripes)(0)[0]
    assert whole.shape == hidden.shape == (2, 1, 64, 64, 64)
    assert 0.4 < float(hidden.float().mean()) < 0.6
    made = torch.where(hidden, whole, whole + 5)
    assert float(reconstruction_loss(made, whole, hidden)) == 0
    assert float(reconstruction_loss(whole + 1, whole, hidden)) == pytest.approx(1)
    with torch.no_grad():
        assert Rebuilder(detector)(whole).shape == whole.shape


def test_without_scans_there_is_nothing_to_learn_from(detector: Detector) -> None:
    with pytest.raises(InputError, match="without labels"):
        pretrain(detector, [], seed=0)
