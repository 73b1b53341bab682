"""Buckets are the same for ever: what a model learnt in one is there in another process and another year."""

import numpy as np

from colonnade.core.layers.hashing import bucket_of, buckets_of

GOLDEN_WORDS = [757, 924, 842]
GOLDEN_CODES = [[536, 701], [466, 520], [76, 805]]


def test_words_fall_where_they_always_fell():
    assert [bucket_of(word, 1000) for word in ("cough", "Übelkeit", "65")] == GOLDEN_WORDS


def test_codes_fall_where_they_always_fell():
    assert buckets_of(np.array([[0, 0], [1, 1], [2**62, 7]]), 1000).tolist() == GOLDEN_CODES


def test_what_is_not_known_is_bucket_zero_and_nothing_else_is():
    assert bucket_of("", 10) == 0
    codes = buckets_of(np.arange(-3, 500)[:, None], 10)
    assert (codes[:3] == 0).all()
    assert codes[3:].min() == 1
    assert codes[3:].max() == 10


def test_the_same_word_or_code_in_another_column_falls_elsewhere():
    assert bucket_of("left", 10_000, column="side") != bucket_of("left", 10_000, column="lobe")
    one, other = buckets_of(np.array([[5, 5]]), 10_000)[0]
    assert one != other


def test_neighbouring_codes_are_spread_evenly():
    counts = np.bincount(buckets_of(np.arange(10_000)[:, None], 100)[:, 0], minlength=101)[1:]
    assert np.abs(counts - 100).max() < 50
