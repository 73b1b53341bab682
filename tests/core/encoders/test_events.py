"""Events: a stream gives the tokens of the whole history, times matter, and the future does not."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.core.encoders.events import EventsConfig, EventsEncoder
from colonnade.core.encoders.stream import Stream
from colonnade.core.errors import ConfigError, FormatError
from colonnade.core.types import Events


def an_encoder(**changes):
    torch.manual_seed(0)
    settled = {"width": 16, "numbers": 2, "codes": 1, "buckets": 20, "window": 4, "heads": 2, "rates": 4, **changes}
    return EventsEncoder(EventsConfig(**settled)).eval()


def some(gaps, *, origin=1.7e9, seed=0):
    generator = np.random.default_rng(seed)
    numbers, codes = generator.normal(size=(len(gaps), 2)), generator.integers(-1, 9, (len(gaps), 1))
    return Events(times=origin + np.cumsum(gaps), numbers=numbers, codes=codes)


def part(events, begin, end):
    one = slice(begin, end)
    return Events(times=events.times[one], numbers=events.numbers[one], codes=events.codes[one])


@torch.no_grad()
def encoded(encoder, events):
    return encoder(*encoder.collate([events])).values[0]


gaps_of_any_length = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e7)), min_size=1, max_size=50)


@settings(max_examples=25, deadline=None)
@given(gaps=gaps_of_any_length, window=st.integers(1, 12), periods=st.sampled_from([(), (86_400.0,)]))
def test_a_stream_equals_encoding_the_whole_history(gaps, window, periods):
    encoder = an_encoder(window=window, periods=periods)
    events = some(gaps)
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-10)):
        encoder.to(dtype)
        stream = Stream(encoder)
        tokens = torch.cat([stream.update(part(events, index, index + 1)) for index in range(len(gaps))])
        torch.testing.assert_close(tokens, encoded(encoder, events), rtol=0, atol=tolerance)


def test_a_stream_of_hundreds_of_events_stays_equal_in_float32():
    encoder = an_encoder(window=16)
    events = some(np.random.default_rng(0).exponential(3600.0, 400))
    torch.testing.assert_close(Stream(encoder).update(events), encoded(encoder, events), rtol=0, atol=1e-5)


def test_a_stored_state_goes_on_where_the_stream_stopped():
    encoder, events = an_encoder(), some([5.0] * 30)
    first = Stream(encoder)
    first.update(part(events, 0, 20))
    second = Stream(encoder, first.state)
    torch.testing.assert_close(second.update(part(events, 20, 30)), encoded(encoder, events)[20:], rtol=0, atol=1e-5)


def test_the_memory_of_a_stream_is_bounded():
    encoder, events = an_encoder(window=4), some([5.0] * 40)
    stream = Stream(encoder)
    stream.update(part(events, 0, 10))
    early = [[part.shape for part in memory] for memory in stream.state.memories]
    stream.update(part(events, 10, 40))
    assert [[part.shape for part in memory] for memory in stream.state.memories] == early


def test_an_event_out_of_order_is_refused_and_leaves_the_stream_as_it_was():
    encoder, events = an_encoder(), some([5.0] * 10)
    stream = Stream(encoder)
    stream.update(part(events, 0, 8))
    with pytest.raises(FormatError, match="order of their times"):
        stream.update(part(events, 6, 7))
    torch.testing.assert_close(stream.update(part(events, 8, 10)), encoded(encoder, events)[8:], rtol=0, atol=1e-5)


def test_the_future_changes_no_token_of_the_past():
    encoder, events = an_encoder(), some([5.0] * 40)
    torch.testing.assert_close(encoded(encoder, events)[:25], encoded(encoder, part(events, 0, 25)), rtol=0, atol=1e-5)


def test_only_the_gaps_matter_and_not_where_time_is_counted_from():
    encoder, gaps = an_encoder(), np.random.default_rng(0).exponential(100.0, 30).round(3)
    torch.testing.assert_close(
        encoded(encoder, some(gaps, origin=0.0)), encoded(encoder, some(gaps, origin=1.7e9)), rtol=0, atol=1e-4
    )
    assert not torch.allclose(encoded(encoder, some(gaps))[-1], encoded(encoder, some(2 * gaps))[-1], atol=1e-2)


def test_seconds_are_told_apart_after_years_of_history():
    encoder = an_encoder(shortest=1.0)
    old, new = some([0.0, 3e8, 1.0]), some([0.0, 3e8, 2.0])
    assert (encoded(encoder, old)[-1] - encoded(encoder, new)[-1]).abs().max() > 1e-3


def test_the_clock_tells_night_from_day():
    encoder = an_encoder(periods=(86_400.0,))
    night, day = some([10.0] * 5), some([10.0] * 5, origin=1.7e9 + 43_200)
    assert not torch.allclose(encoded(encoder, night), encoded(encoder, day), atol=1e-2)


def test_what_left_every_window_is_still_felt_through_the_state():
    encoder = an_encoder(window=2, depth=1)
    numbers = np.zeros((20, 2))
    calm = Events(times=np.arange(20.0), numbers=numbers, codes=np.zeros((20, 1)))
    loud = Events(times=np.arange(20.0), numbers=numbers + (np.arange(20) == 3)[:, None], codes=np.zeros((20, 1)))
    assert not torch.allclose(encoded(encoder, calm)[-1], encoded(encoder, loud)[-1], atol=1e-4)
    without = an_encoder(window=2, depth=1, rates=0)
    assert torch.allclose(encoded(without, calm)[-1], encoded(without, loud)[-1], atol=1e-6)


def test_a_limit_keeps_the_newest_events():
    events = some([5.0] * 30)
    packed = an_encoder(limit=10).collate([events])
    assert packed.mask.shape == (1, 10)
    torch.testing.assert_close(packed.x.numbers[0], torch.from_numpy(events.numbers[-10:]))


def test_events_of_numbers_alone_or_codes_alone_are_enough():
    times = np.arange(5.0)
    for encoder, events in (
        (an_encoder(codes=0), Events(times=times, numbers=np.ones((5, 2)))),
        (an_encoder(numbers=0), Events(times=times, numbers=np.ones((5, 0)), codes=np.ones((5, 1)))),
    ):
        assert encoded(encoder, events).isfinite().all()


def test_other_columns_are_refused():
    with pytest.raises(FormatError, match="2 numbers and 0 codes"):
        an_encoder().collate([Events(times=np.arange(3.0), numbers=np.ones((3, 2)))])


def test_a_config_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="limit"):
        EventsConfig(width=8, numbers=1, limit=0)


@torch.no_grad()
def test_it_exports_with_any_length():
    encoder = an_encoder(depth=1)
    packed = encoder.collate([some([5.0] * 9), some([7.0] * 6)])
    both = {0: torch.export.Dim("batch", min=1, max=64), 1: torch.export.Dim("event", min=1, max=4096)}
    dynamic = (type(packed.x)(*[both] * len(packed.x)), both)
    program = torch.export.export(encoder, tuple(packed), dynamic_shapes=dynamic, strict=False).module()
    for count in (1, 33, 70):
        again = encoder.collate([some([5.0] * count), None, some([9.0])])
        torch.testing.assert_close(program(*again)[0], encoder(*again).values, rtol=1e-4, atol=1e-5)
