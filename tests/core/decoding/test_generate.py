"""Generation writes only what the rule allows, and beams find what greed misses."""

from __future__ import annotations

import itertools

import pytest
import torch

from colonnade.core.decoding.decoder import Decoder, DecoderConfig
from colonnade.core.decoding.generate import generate, trie
from colonnade.core.decoding.writer import Writer
from colonnade.core.errors import ConfigError, InputError
from colonnade.core.types import Tokens

BEGIN, END = 0, 1


def table(rows: dict[tuple[int, ...], list[float]]):
    """A score by prefix; ids 0 to 4."""
    even = [0.2] * 5
    return lambda prefixes: torch.tensor([rows.get(tuple(p), even) for p in prefixes.tolist()]).log()


def anything(prefix):
    return range(1, 5)


def test_greedy_takes_the_best_at_each_step_and_ends():
    score = table({(0,): [0, 0, 0.2, 0.7, 0.1], (0, 3): [0, 0.9, 0.1, 0, 0]})
    (written,) = generate(score, anything, begin=BEGIN, end=END, longest=5)
    assert written.ids == (3,)
    assert written.ended
    assert written.score == pytest.approx(torch.tensor(0.63).log().item(), abs=1e-5)


def test_only_allowed_sequences_are_written_whatever_the_scores_say():
    sentences = [(2, 3), (2, 4, 2), (4,)]
    rule = trie(sentences, end=END)
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        score = lambda prefixes, g=generator: torch.randn(len(prefixes), 5, generator=g)  # noqa: E731
        for written in generate(score, rule, begin=BEGIN, end=END, longest=6, beams=3):
            assert written.ids in sentences
            assert written.ended


def test_beams_find_what_greed_misses_and_equal_the_exhaustive_search():
    score = table({(0,): [0, 0, 0.6, 0.4, 0], (0, 2): [0, 0.6, 0.4, 0, 0], (0, 3): [0, 1.0, 0, 0, 0]})
    greedy = generate(score, anything, begin=BEGIN, end=END, longest=3)[0]
    best = generate(score, anything, begin=BEGIN, end=END, longest=3, beams=4)[0]
    assert greedy.ids == (2,)
    assert best.ids == (3,)
    sentences = list(itertools.product((2, 3, 4), repeat=3))
    torch.manual_seed(0)
    logs = {p: torch.randn(5).softmax(0).tolist() for n in range(4) for p in itertools.product((2, 3, 4), repeat=n)}
    free = table({(BEGIN, *prefix): row for prefix, row in logs.items()})
    found = generate(free, trie(sentences, end=END), begin=BEGIN, end=END, longest=4, beams=27)
    assert {written.ids for written in found} == set(sentences)
    assert [written.score for written in found] == sorted((written.score for written in found), reverse=True)


def test_a_rule_that_allows_nothing_is_refused():
    with pytest.raises(InputError, match="allows nothing after"):
        generate(table({}), lambda prefix: (), begin=BEGIN, end=END, longest=3)
    with pytest.raises(ConfigError, match="0 beams"):
        generate(table({}), anything, begin=BEGIN, end=END, longest=3, beams=0)


def a_writer() -> tuple[Writer, Tokens]:
    torch.manual_seed(0)
    writer = Writer(Decoder(16, DecoderConfig(layers=2, heads=2)), width=16, vocabulary=6, longest=8)
    return writer, Tokens(torch.randn(3, 4, 16), torch.ones(3, 4, dtype=torch.bool))


def test_a_writer_never_reads_what_comes_later():
    writer, fused = a_writer()
    ids = torch.randint(0, 6, (3, 7))
    changed = ids.clone()
    changed[:, 4:] = (ids[:, 4:] + 1) % 6
    torch.testing.assert_close(writer(ids, fused)[:, :4], writer(changed, fused)[:, :4])
    assert not torch.allclose(writer(ids, fused)[:, 4:], writer(changed, fused)[:, 4:])


def test_a_writer_learns_to_write_what_the_fused_tokens_say():
    writer, fused = a_writer()
    target = torch.tensor([[2, 3, 1, -1], [3, 3, 2, 1], [4, 1, -1, -1]])
    optimizer = torch.optim.AdamW(writer.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        writer.loss(target, fused).value.mean().backward()
        optimizer.step()
    for row, wanted in enumerate([(2, 3), (3, 3, 2), (4,)]):
        one = Tokens(fused.values[row : row + 1], fused.mask[row : row + 1])
        score = lambda ids, one=one: writer(ids, Tokens(one.values.expand(len(ids), -1, -1), one.mask.expand(len(ids), -1)))[:, -1]  # noqa: E731, E501  # fmt: skip
        assert generate(score, anything, begin=BEGIN, end=END, longest=6)[0].ids == wanted


def test_a_writer_refuses_what_is_too_long():
    writer, fused = a_writer()
    with pytest.raises(InputError, match="up to 8 tokens, got 9"):
        writer(torch.zeros(3, 9, dtype=torch.long), fused)
