"""Images: what happens to pixels before the backbone, and the registry's weights."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from colonnade.core.encoders.image import ImageConfig, ImageEncoder, ImageShape
from colonnade.core.encoders.lite0 import load_lite0, read_tensors
from colonnade.core.errors import CheckpointError, ConfigError, FormatError
from colonnade.core.torchlibs import import_timm
from colonnade.core.types import Image

TINY = ImageShape(patch=2, dims=(8,), depths=(1, 1), heads=(2, 2), window=4)


def encoder(**changes) -> ImageEncoder:
    torch.manual_seed(0)
    return ImageEncoder(ImageConfig(**{"width": 8, "size": 16, "shape": TINY, **changes})).eval()


def pixels(picture: np.ndarray, **changes) -> torch.Tensor:
    return encoder(**changes).collate([Image(pixels=picture)]).x[0]


def test_grey_is_repeated_and_transparency_is_dropped():
    grey = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    colour = np.stack([grey, 1 - grey, grey * grey], axis=2)
    clear = np.concatenate([colour, np.zeros((16, 16, 1))], axis=2)
    assert torch.equal(pixels(grey), torch.tensor(grey).expand(3, 16, 16))
    assert torch.equal(pixels(clear), pixels(colour))


def test_colour_becomes_grey_by_its_mean():
    colour = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32)
    grey = pixels(colour, channels=1, mean=(0.5,), std=(0.5,))
    torch.testing.assert_close(grey[0], torch.tensor(colour.mean(axis=2)))


def test_channels_that_do_not_fit_are_refused():
    with pytest.raises(FormatError, match="5 channels cannot become one of 3"):
        pixels(np.zeros((16, 16, 5)))


def test_making_a_picture_smaller_averages_what_it_drops():
    lines = np.tile(np.arange(160) % 10 == 0, (160, 1)).astype(np.float32)
    assert (pixels(lines)[:, 1:-1, 1:-1] - 0.1).abs().max() < 0.02


def test_crop_sees_the_centre_and_stretch_sees_all():
    wide = np.concatenate([np.zeros((16, 16)), np.full((16, 16), 0.5), np.ones((16, 16))], axis=1)
    assert torch.equal(pixels(wide, fit="crop"), torch.full((3, 16, 16), 0.5))
    assert pixels(wide).min() < 0.01
    assert pixels(wide).max() > 0.99


def test_maps_are_channels_first_at_their_strides():
    for each in (encoder(), encoder(backbone="cnn", name="tf_efficientnet_lite0", shape=None, size=64)):
        size = each.config.size
        maps = each.maps(torch.rand(2, 3, size, size))
        expected = [(2, c, size // s, size // s) for c, s in zip(each.map_channels, each.strides, strict=True)]
        assert [tuple(y.shape) for y in maps] == expected


def test_a_config_that_contradicts_itself_is_refused():
    with pytest.raises(ConfigError, match="3 channels need as many"):
        ImageConfig(mean=(0.5,))
    with pytest.raises(ConfigError, match="not a Swin"):
        ImageConfig(name="convnext_atto")
    with pytest.raises(ConfigError, match="no model 'swin_of_dreams'"):
        encoder(name="swin_of_dreams")


def test_lite0_recognises_a_palace():
    from sklearn.datasets import load_sample_image

    model = import_timm().create_model("tf_efficientnet_lite0", pretrained=False).eval()
    load_lite0(model)
    photograph = pixels(load_sample_image("china.jpg"), size=224, fit="crop", shape=None)
    with torch.no_grad():
        scores = model((photograph[None] - 0.5) / 0.5)
    assert scores.argmax().item() == 698, "ImageNet's class 698 is palace"


def test_lite0_fits_an_encoder_and_refuses_another_network():
    lite = encoder(backbone="cnn", name="tf_efficientnet_lite0", shape=None, size=64)
    before = lite.backbone.state_dict()["conv_stem.weight"].clone()
    load_lite0(lite.backbone)
    assert not torch.equal(before, lite.backbone.state_dict()["conv_stem.weight"])
    with pytest.raises(CheckpointError, match="do not fit"):
        load_lite0(encoder().backbone)


def test_reading_tensors_runs_nothing(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    trap = tmp_path / "trap.pth"
    trap.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in (1, 1, {}, {"a": Trap()}, [])))
    with pytest.raises(CheckpointError, match="old format"):
        read_tensors(trap)
    assert not (tmp_path / "sprung").exists()
    (tmp_path / "short.pth").write_bytes(trap.read_bytes()[:20])
    with pytest.raises(CheckpointError, match="not a whole file"):
        read_tensors(tmp_path / "short.pth")
