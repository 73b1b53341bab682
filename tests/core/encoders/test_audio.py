"""Sound: rates and lengths on the way in, and what each of the two paths can and cannot hear."""

import numpy as np
import pytest
import torch

from colonnade.core.encoders.audio import AudioConfig, AudioEncoder
from colonnade.core.errors import ConfigError
from colonnade.core.types import Waveform

TINY = AudioConfig(
    width=8, rate=4000, strides=(4, 5), channels=8, dilations=(1, 2), window=40, hop=10, mels=6, mel_channels=2,
    layers=1, heads=2,
)  # fmt: skip


def encoder(**changes) -> AudioEncoder:
    torch.manual_seed(0)
    return AudioEncoder(AudioConfig(**{**vars(TINY), **changes})).eval()


def tone(rate: int, seconds: float = 0.5) -> Waveform:
    return Waveform(samples=0.3 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate), rate=rate)


def test_sound_of_another_rate_becomes_the_same_sound():
    x = encoder().collate([tone(4000), tone(8000), tone(11025)])
    middle = slice(200, 1800)
    torch.testing.assert_close(x.x[1, middle], x.x[0, middle], atol=0.005, rtol=0)
    torch.testing.assert_close(x.x[2, middle], x.x[0, middle], atol=0.005, rtol=0)


def test_sound_is_cut_at_the_seconds_and_padded_to_whole_tokens():
    packed = encoder(seconds=0.101).collate([tone(4000, 1.0), tone(4000, 0.05)])
    assert packed.mask.sum(dim=1).tolist() == [404, 200]
    assert packed.x.shape == (2, 420)


def test_a_token_stands_for_its_samples():
    tokens = encoder()(*encoder().collate([tone(4000, 0.1), tone(4000, 0.051)]))
    assert tokens.mask.sum(dim=1).tolist() == [20, 11]


def test_loudness_is_kept_or_levelled_as_configured():
    soft, loud = tone(4000), Waveform(samples=3 * tone(4000).samples, rate=4000)
    kept, levelled = encoder().collate([soft, loud]).x, encoder(level="rms").collate([soft, loud]).x
    torch.testing.assert_close(kept[1], 3 * kept[0])
    torch.testing.assert_close(levelled[1], levelled[0])


@torch.no_grad()
def test_the_waveform_path_hears_polarity_and_the_mel_path_does_not():
    """So the two are not the same thing twice."""
    both = encoder()
    x, mask = both.collate([tone(4000)])
    assert not torch.allclose(both.waveform(x, mask), both.waveform(-x, mask), atol=1e-3)
    torch.testing.assert_close(both.mel(x, mask), both.mel(-x, mask))


@torch.no_grad()
@pytest.mark.parametrize("path", ["waveform", "mel"])
def test_each_path_works_alone_and_sways_the_joint_tokens(path):
    alone = encoder(paths=(path,))
    packed = alone.collate([tone(4000)])
    assert alone(*packed).values.isfinite().all()
    joint = encoder()
    before = joint(*packed).values
    getattr(joint, path).out.weight.mul_(2)
    assert not torch.allclose(before, joint(*packed).values, atol=1e-3)


@torch.no_grad()
def test_it_exports_with_any_length():
    whole = encoder()
    packed = whole.collate([tone(4000, 0.2), tone(4000, 0.1)])
    sizes = {0: torch.export.Dim("batch", max=64), 1: 20 * torch.export.Dim("token", min=2, max=5000)}
    program = torch.export.export(whole, tuple(packed), dynamic_shapes=(sizes, sizes), strict=False).module()
    for seconds in (0.05, 0.73):
        packed = whole.collate([tone(4000, seconds), None, tone(4000, 0.03)])
        torch.testing.assert_close(program(*packed)[0], whole(*packed).values, rtol=1e-4, atol=1e-5)


def test_a_config_that_contradicts_itself_is_refused():
    with pytest.raises(ConfigError, match="at least one"):
        AudioConfig(paths=())
    with pytest.raises(ConfigError, match="multiple of the hop"):
        AudioConfig(hop=150)
    with pytest.raises(ConfigError, match="lengthen the window"):
        encoder(mels=40)
