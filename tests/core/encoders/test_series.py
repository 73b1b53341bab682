"""Series: shape at any scale, the level beside it, times that matter, newest samples whole."""

import numpy as np
import pytest
import torch

from colonnade.core.encoders.series import SeriesConfig, SeriesEncoder
from colonnade.core.errors import ConfigError, FormatError
from colonnade.core.types import Series


def an_encoder(**changes):
    torch.manual_seed(0)
    return SeriesEncoder(SeriesConfig(**{"width": 16, "channels": 2, "patch": 4, "heads": 2, **changes})).eval()


def a_series(count=20, *, seed=0, times=None):
    values = np.random.default_rng(seed).normal(size=(count, 2)).cumsum(axis=0)
    return Series(values=values, times=np.arange(float(count)) if times is None else times)


@torch.no_grad()
def encoded(encoder, series):
    return encoder(*encoder.collate([series])).values[0]


def test_scale_and_level_change_the_level_token_and_no_other():
    encoder, series = an_encoder(), a_series()
    grown = Series(values=1000 * series.values + 50_000, times=series.times)
    small, large = encoded(encoder, series), encoded(encoder, grown)
    torch.testing.assert_close(small[1:], large[1:], rtol=0, atol=1e-2)
    assert not torch.allclose(small[0], large[0], atol=0.1)


def test_a_given_scale_is_left_alone():
    encoder, series = an_encoder(scale="given"), a_series()
    grown = Series(values=3 * series.values, times=series.times)
    assert not torch.allclose(encoded(encoder, series)[1:], encoded(encoder, grown)[1:], atol=0.1)


def test_the_newest_patch_is_whole_and_the_oldest_may_be_part_empty():
    encoder, series = an_encoder(), a_series(10)
    x = encoder.collate([series]).x
    assert x.real[0].tolist() == [[False, False, True, True], [True] * 4, [True] * 4]
    np.testing.assert_array_equal(x.values[0, -1].numpy(), series.values[-4:])


def test_irregular_times_change_the_tokens_and_their_origin_does_not():
    encoder = an_encoder()
    regular = encoded(encoder, a_series())
    shifted = encoded(encoder, a_series(times=1.7e9 + np.arange(20.0)))
    torch.testing.assert_close(regular, shifted, rtol=0, atol=1e-5)
    stretched = encoded(encoder, a_series(times=np.arange(20.0) ** 2))
    assert not torch.allclose(regular, stretched, atol=1e-2)


def test_the_unit_of_time_is_the_step():
    days, seconds = an_encoder(), an_encoder(step=86_400.0)
    torch.testing.assert_close(
        encoded(days, a_series()), encoded(seconds, a_series(times=86_400.0 * np.arange(20))), rtol=0, atol=1e-5
    )


def test_a_causal_patch_does_not_know_the_future():
    encoder = an_encoder(causal=True, scale="given")
    series = a_series(20)
    early = Series(values=series.values[:12], times=series.times[:12])
    torch.testing.assert_close(encoded(encoder, series)[1:4], encoded(encoder, early)[1:], rtol=0, atol=1e-5)
    free = an_encoder(scale="given")
    assert not torch.allclose(encoded(free, series)[1:4], encoded(free, early)[1:], atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 3.0, 1e12])
def test_a_channel_that_stands_still_is_finite(value):
    series = Series(values=np.full((9, 2), value), times=np.arange(9.0))
    assert encoded(an_encoder(), series).isfinite().all()


def test_another_number_of_channels_is_refused():
    with pytest.raises(FormatError, match="2 channels, got 1"):
        an_encoder().collate([Series(values=np.ones(5), times=np.arange(5.0))])


def test_a_config_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="patch"):
        SeriesConfig(width=8, channels=1, patch=0)


@torch.no_grad()
def test_it_exports_with_any_length():
    encoder = an_encoder(depth=1, window=3)
    packed = encoder.collate([a_series(20), a_series(9)])
    both = {0: torch.export.Dim("batch", min=1, max=64), 1: torch.export.Dim("patch", min=1, max=4096)}
    dynamic = (type(packed.x)(*[both] * len(packed.x)), both)
    program = torch.export.export(encoder, tuple(packed), dynamic_shapes=dynamic, strict=False).module()
    for count in (1, 50, 133):
        again = encoder.collate([a_series(count), None, a_series(3)])
        torch.testing.assert_close(program(*again)[0], encoder(*again).values, rtol=1e-4, atol=1e-5)
