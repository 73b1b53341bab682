"""What every fit does around the task's own: looks, trains as wished, measures, keeps, and writes it on the card."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fitted_small import Small, start, written

from colonnade.core.errors import InputError
from colonnade.core.fitting import ROWS, recalled
from colonnade.core.pipeline import FitOptions
from colonnade.core.progress import quiet


@pytest.fixture(autouse=True)
def _silent():
    quiet()
    yield
    quiet(False)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> tuple[Small, dict, Path]:
    place = tmp_path_factory.mktemp("fitted")
    quiet()
    data, test = written(place / "old", rows=240), written(place / "old test", seed=1)
    told = start().fit(data, out=place / "model", options=FitOptions(test=test, epochs=16))
    return Small.from_pretrained(place / "model"), dict(told.card), place


def test_the_card_says_what_a_fit_cost_and_reached(fitted):
    _, card, place = fitted
    told = card["fit"]
    (network,) = told["cost"]["networks"]
    assert network["trainable"] == network["parameters"] > 1000
    assert network["epochs"] == 16 or "has not improved" in network["stopped"]
    assert network["updates"] > 0
    assert told["cost"]["peak_memory_mib"] > 0
    assert told["test"]["metrics"]["accuracy"] > 0.8 > told["test"]["before"]["accuracy"]
    assert set(told["test"]["subsets"]) == {"a", "b", "a+b"}
    assert told["test"]["baselines"]
    assert json.loads((place / "model" / "card.json").read_text())["fit"]["method"] == "full"


@pytest.mark.parametrize(("method", "most"), [("lora", 0.2), ("probe", 0.8), ("progressive", 1.0)])
def test_every_method_trains_a_share_and_leaves_a_plain_checkpoint(fitted, tmp_path, method, most):
    before, _, _place = fitted
    options = FitOptions(method=method, epochs=2)
    card = before.fit(written(tmp_path / "new", shift=0.5), out=tmp_path / "model", options=options).card
    assert 0 < card["fit"]["cost"]["trainable_share"] <= most
    after = Small.from_pretrained(tmp_path / "model")
    assert set(after.classifier.tensors()) == set(before.classifier.tensors())


def test_curves_of_every_run_are_written_and_equal_what_the_run_did(fitted, tmp_path):
    before, _, place = fitted
    options = FitOptions(epochs=2, batch=8, log=tmp_path / "curves", quality=False)
    before.fit(place / "old", out=tmp_path / "model", options=options)
    rows = (tmp_path / "curves" / "curves.csv").read_text().splitlines()
    assert rows[0] == "run,step,epoch,name,value"
    assert sum(",step/loss," in row for row in rows) == 2 * 18
    assert sum(",validation/loss," in row for row in rows) == 2
    if find_spec("tensorboard") is not None:
        assert list((tmp_path / "curves" / "001-fit").glob("events*"))


def test_wishes_reach_the_run(fitted, tmp_path):
    before, _, place = fitted
    options = FitOptions(epochs=2, batch=8, rate=5e-3, warmup=1000, patience=1, precision="fp32", recompute=True)
    card = before.fit(place / "old", out=tmp_path / "model", options=options).card
    (network,) = card["fit"]["cost"]["networks"]
    assert network["updates"] == 2 * 18  # 144 of 240 rows train, in batches of 8
    assert card["fit"]["wishes"] == {
        "rate": 5e-3, "batch": 8, "warmup": 1000, "patience": 1, "precision": "fp32", "recompute": True
    }  # fmt: skip


def test_new_data_are_told_from_those_that_the_checkpoint_was_trained_on(fitted, tmp_path):
    model, _, _ = fitted
    assert len(recalled(model)) == 240
    alike = model.quality(written(tmp_path / "alike", seed=5)).shifts[0]
    moved = model.quality(written(tmp_path / "moved", seed=5, shift=3.0)).shifts[0]
    assert alike.verdict == "not told apart from"
    assert alike.low < 0.6
    assert moved.verdict == "differs from"
    assert moved.low > 0.9
    assert {each["feature"] for each in moved.differs} == {"a_x", "b_x"}


def test_rows_that_a_checkpoint_kept_and_that_are_broken_are_refused_with_a_sentence(fitted, tmp_path):
    import shutil

    _, _, place = fitted
    shutil.copytree(place / "model", tmp_path / "model")
    (tmp_path / "model" / ROWS).write_text("{")
    with pytest.raises(InputError, match=r"rows\.json is not what a fit wrote"):
        Small.from_pretrained(tmp_path / "model").quality(place / "old")


def test_replay_keeps_what_a_contradicting_fit_forgets_and_the_card_says_so(fitted, tmp_path):
    before, _, place = fitted
    new = written(tmp_path / "new", seed=7, shift=3.0, flip=True)  # elsewhere, and the other way round
    keep = place / "old test"
    told = {}
    for name, replay in (("alone", None), ("replayed", place / "old")):
        options = FitOptions(epochs=15, patience=0, replay=replay, keep=keep, quality=False)
        told[name] = before.fit(new, out=tmp_path / name, options=options).card["fit"]["kept"]
    assert not told["alone"]["within_a_point"]
    assert "points are lost" in told["alone"]["said"]
    assert told["alone"]["lost"] > 10 > told["replayed"]["lost"]
    assert told["alone"]["before"] == told["replayed"]["before"]


def test_a_duplicate_under_two_labels_counts_for_less_in_training(fitted, tmp_path):
    line = "0.111111,0.222222"
    data = written(tmp_path / "data", more=(f"x1,low,x1,{line}", f"x2,high,x2,{line}"))
    card = start().fit(data, out=tmp_path / "model", options=FitOptions(epochs=1)).card
    quality = card["fit"]["quality"]
    (conflict,) = [each for each in quality["findings"] if each["rule"] == "label conflict"]
    assert set(conflict["rows"]) == {"x1", "x2"}
    assert quality["down_weighted"] >= 2


def test_a_search_needs_a_network_that_validates(tmp_path):
    pytest.importorskip("optuna")
    from colonnade.core.training.search import search

    with pytest.raises(InputError, match="nothing to search"):
        search(lambda: None, trials=1, seed=0)


def test_a_search_is_chosen_on_validation_told_on_the_card_and_repeatable(fitted, tmp_path):
    pytest.importorskip("optuna")
    before, _, place = fitted
    found = []
    for name in ("one", "two"):
        options = FitOptions(epochs=2, search=5, seed=3, quality=False)
        found.append(before.fit(place / "old", out=tmp_path / name, options=options).card["fit"]["search"])
    one, two = found
    assert one == two
    assert len(one["trials"]) == 5
    scores = [trial["score"] for trial in one["trials"] if trial["score"] is not None]
    assert one["validation"] == min(scores)
    assert all(1e-5 <= trial["rate"] <= 1e-3 for trial in one["trials"])


def test_old_data_that_can_no_longer_be_answered_are_said_and_the_fit_is_not_lost(fitted, tmp_path, monkeypatch):
    before, _, place = fitted
    real = Small.evaluate

    def evaluate(self, data, **more):
        if self is not before:
            raise InputError("a label that it does not know")
        return real(self, data, **more)

    monkeypatch.setattr(Small, "evaluate", evaluate)
    options = FitOptions(epochs=1, keep=place / "old test", test=place / "old test", quality=False)
    card = before.fit(place / "old", out=tmp_path / "model", options=options).card
    assert card["fit"]["kept"]["within_a_point"] is False
    assert "can no longer be answered at all" in card["fit"]["kept"]["said"]
    assert card["fit"]["test"]["refused"] == "a label that it does not know"
    assert (tmp_path / "model" / "model.safetensors").is_file()
