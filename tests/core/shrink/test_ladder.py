from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.random import numpy_generator
from colonnade.core.shrink.distilling import Hint, answers, classes
from colonnade.core.shrink.ladder import Step, auroc, honest, judge, ratio, table, timed


def rows(count: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose true log-odds are twice themselves."""
    generator = numpy_generator(seed, "ladder")
    bad = generator.random(count) < 0.5
    return (generator.normal(size=count) + np.where(bad, 1.0, -1.0)) * scale + shift, bad


def test_calibration_learned_anew_is_honest_where_a_kept_one_is_not() -> None:
    first = honest(*rows(4_000, 0))
    held, test = rows(4_000, 1, shift=2.0, scale=3.0), rows(4_000, 2, shift=2.0, scale=3.0)
    found = judge(*test, honest(*held), first, seed=0)
    assert found["ece"] < 0.03
    assert found["stale_ece"] > 0.1
    assert found["interval"][0] < found["auroc"] < found["interval"][1]


def test_the_promised_false_alarms_are_kept_and_few_rows_promise_less() -> None:
    by = honest(*rows(4_000, 0), false_alarms=0.05)
    found = judge(*rows(20_000, 3), by, by, seed=0)
    assert found["promised"] == 0.05
    assert found["false_alarms"] == pytest.approx(0.05, abs=0.015)
    assert honest(*rows(20, 0), false_alarms=0.01).promised > 0.05


def test_the_area_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    scores, bad = rows(300, 4)
    scores = scores.round(1)  # with ties
    assert auroc(bad, scores) == pytest.approx(roc_auc_score(bad, scores))


def test_everything_that_is_timed_takes_turns() -> None:
    called: list[str] = []
    spent = timed({name: lambda name=name: called.append(name) for name in ("one", "two")}, rounds=2)
    assert {name: len(each) for name, each in spent.items()} == {"one": 2, "two": 2}
    order = [name for index, name in enumerate(called) if not index or called[index - 1] != name]
    assert order == ["one", "two"] * 3  # the first turn warms up
    assert ratio([4.0, 9.0, 8.0], [2.0, 3.0, 1.0]) == 3.0


def test_a_step_is_a_row_and_plain_values() -> None:
    step = Step(
        name="int8", megabytes=0.2, parameters=75_000, milliseconds=1.5, ratio=6.0, auroc=0.98, interval=(0.97, 0.99),
        ece=0.02, stale_ece=0.05, false_alarms=0.01, promised=0.01, found=0.9,
    )  # fmt: skip
    assert "| int8 | 0.20 | 75,000 | 1.50 | 6.0 | 0.9800 |" in table([step])
    assert step.to_dict()["interval"] == [0.97, 0.99]


def test_a_teacher_that_is_trusted_wholly_is_what_is_learned() -> None:
    import torch

    logits, labels = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0])
    taught = torch.tensor([0.2, 0.9])
    logits.requires_grad_()
    answers(logits, labels, taught, trust=1.0).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, (0.5 - taught) / 2)
    with pytest.raises(ValueError, match="from 0 to 1"):
        answers(logits, labels, taught, trust=2.0)
    same = torch.tensor([[2.0, -1.0, 0.5]])
    assert classes(same, torch.tensor([0]), same, trust=1.0).item() == pytest.approx(0, abs=1e-6)
    assert Hint(4, 2)(torch.zeros(3, 4), torch.zeros(3, 2)).ndim == 0
