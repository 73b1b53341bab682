"""The convolutional mel spectrogram against torchaudio's."""

import pytest
import torch

from colonnade.core.errors import ConfigError
from colonnade.core.layers.mel import LogMel
from colonnade.core.torchlibs import import_torchaudio


@pytest.mark.parametrize(("rate", "window", "hop", "mels"), [(16_000, 400, 160, 40), (12_000, 1024, 256, 64)])
def test_it_equals_torchaudio_to_100_decibels(rate, window, hop, mels):
    x = torch.randn(2, 6 * window, generator=torch.Generator().manual_seed(0))
    reference = import_torchaudio().transforms.MelSpectrogram(
        sample_rate=rate, n_fft=window, hop_length=hop, n_mels=mels, pad_mode="constant"
    )(x)[..., : x.shape[1] // hop]
    ours = LogMel(rate=rate, window=window, hop=hop, mels=mels).power(x)
    error = (ours - reference).square().sum() / reference.square().sum()
    assert ours.shape == reference.shape
    assert -10 * error.log10() > 100


def test_silence_is_finite_and_autocast_changes_nothing():
    mel = LogMel(rate=16_000, window=400, hop=160, mels=40)
    x = torch.randn(1, 1600, generator=torch.Generator().manual_seed(0))
    assert mel(0 * x).isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(mel(x), mel(x.clone()))
        assert mel(x).dtype == torch.float32
        inside = mel(x)
    assert torch.equal(inside, mel(x))


def test_more_bands_than_the_window_can_tell_apart_are_refused():
    with pytest.raises(ConfigError, match="lengthen the window"):
        LogMel(rate=16_000, window=400, hop=160, mels=128)
