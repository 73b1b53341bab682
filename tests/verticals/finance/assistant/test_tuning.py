"""The sentence encoder and its adapters, where the extra `text` is installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from colonnade.verticals.finance.assistant import sentences
from colonnade.verticals.finance.assistant.tuning import Lessons, adapters

pytestmark = pytest.mark.skipif(
    not sentences.available() or find_spec("peft") is None, reason="the extras text and adapt are not installed"
)
TEXTS = ("where is my card", "the card has not come", "change my pin", "a new pin please") * 4
LABELS = np.array([0, 0, 1, 1] * 4)


def _apart(vectors: np.ndarray) -> float:
    """How much closer a query is to those of its intent than to others."""
    near = vectors @ vectors.T
    same = LABELS[:, None] == LABELS
    return float(near[same].mean() - near[~same].mean())


def test_adapters_move_the_vectors_of_intents_apart_and_are_added_to_the_encoder_as_they_are():
    plain = sentences.vectors(sentences.encoder(), TEXTS)
    moved = adapters(TEXTS, LABELS, 2, Lessons(layers=1, rank=2, epochs=12, batch=4, rate=1e-2, seed=0))
    assert {name.rsplit(".", 1)[1] for name in moved} == {"up", "down"}
    assert all(name.startswith("backbone.model.encoder.layer.5.") for name in moved)
    assert len(moved) == 2 * 6
    after = sentences.vectors(sentences.encoder(moved), TEXTS)
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1, rtol=1e-5)
    assert _apart(after) > _apart(plain) + 0.02
    np.testing.assert_allclose(after[:4], after[4:8], atol=1e-5)
