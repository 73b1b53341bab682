"""The loop: events in order, the schedule, accumulation, clipping, early stopping, best weights, replay."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from colonnade.core.errors import ColonnadeError, ConfigError, UnknownName
from colonnade.core.layers.attention import Block
from colonnade.core.training.events import Started, Step, Stopped, Validated
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig


def data(batches: int = 6, rows: int = 4) -> list[torch.Tensor]:
    return list(torch.randn(batches, rows, 3, generator=torch.Generator().manual_seed(0)))


def line() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def square(model: nn.Module):
    return lambda x: (model(x)[:, 0] - x.sum(dim=1)).square().mean()


def trained(model: nn.Module, config: TrainingConfig, batches: list[torch.Tensor], **more) -> list:
    return list(fit(model, lambda epoch: batches, square(model), config=config, **more))


def test_it_learns_and_tells_what_happened_in_order() -> None:
    model = line()
    events = trained(model, TrainingConfig(epochs=60, rate=0.05), data())
    assert [type(event) for event in events[:8]] == [Started, *[Step] * 6, Validated]
    assert events[0].parameters == events[0].trainable == 4
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, 361))
    assert isinstance(events[-1], Stopped)
    assert "all 60 epochs" in events[-1].reason
    assert events[-2].losses["loss"] < 1e-3 < 0.1 < events[7].losses["loss"]
    assert not model.training


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    rates = [
        event.rate
        for event in trained(line(), TrainingConfig(epochs=10, rate=1.0, warmup=0.2), data())
        if isinstance(event, Step)
    ]
    top = rates.index(max(rates))
    assert top == pytest.approx(0.2 * 60, abs=1)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[0] < 0.1
    assert rates[-1] < 0.01


def test_accumulated_batches_equal_one_large_batch() -> None:
    small, large, batches = line(), line(), data(6)
    config = TrainingConfig(epochs=2, accumulate=3, clip=0)
    parts = trained(small, config, batches)
    whole = trained(large, TrainingConfig(epochs=2, clip=0), [torch.cat(batches[:3]), torch.cat(batches[3:])])
    assert torch.allclose(small.weight, large.weight, atol=1e-6)
    norms = [[event.norm for event in events if isinstance(event, Step)] for events in (parts, whole)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)  # AdamW would hide a gradient of another scale


def test_a_last_group_that_is_not_full_is_still_a_mean() -> None:
    batches = data(4)
    events = trained(line(), TrainingConfig(epochs=1, accumulate=3, clip=0), batches)
    alone = trained(line(), TrainingConfig(epochs=1, clip=0, rate=1e-12), batches[3:])
    assert [event.step for event in events if isinstance(event, Step)] == [1, 2]
    assert events[2].norm == pytest.approx(alone[1].norm, rel=1e-2)


def test_gradients_are_clipped_and_the_true_norm_is_told() -> None:
    model = line()
    kept = []
    hook = model.weight.register_post_accumulate_grad_hook(lambda _: None)
    config = TrainingConfig(epochs=1, clip=0.1)
    for event in fit(model, lambda epoch: data(1), square(model), config=config):
        if isinstance(event, Step):
            kept.append(event.norm)
    hook.remove()
    assert kept[0] > 0.1
    with pytest.raises(ConfigError, match="at least 1"):
        TrainingConfig(epochs=0)


def test_a_clipped_gradient_moves_less() -> None:
    """AdamW hides the scale of a gradient, so the norm is read where the optimizer reads it."""
    model, seen = line(), []
    original = torch.optim.AdamW.step

    def spy(self, *args):
        seen.append(math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters())))
        return original(self, *args)

    torch.optim.AdamW.step = spy
    try:
        trained(model, TrainingConfig(epochs=1, clip=0.1), data())
    finally:
        torch.optim.AdamW.step = original
    assert seen == pytest.approx([0.1] * 6, rel=1e-3)


def test_it_stops_after_three_epochs_without_improvement_and_restores_the_best_weights() -> None:
    model, values, weights = line(), iter([5.0, 3.0, 2.0, 2.5, 2.0, 9.0, 1.0]), []

    def validate() -> dict[str, float]:
        assert not model.training
        assert not torch.is_grad_enabled()
        weights.append(model.weight.detach().clone())
        return {"loss": next(values), "other": 0.0}

    events = trained(model, TrainingConfig(epochs=7), data(), validate=validate)
    stopped = events[-1]
    assert (stopped.best_epoch, stopped.best) == (2, 2.0)
    assert "not improved for 3 epochs" in stopped.reason
    assert len(weights) == 6
    assert torch.equal(model.weight, weights[2])
    assert not torch.equal(model.weight, weights[-1])
    assert [event.best for event in events if isinstance(event, Validated)] == [True, True, True, False, False, False]


def test_a_higher_metric_can_be_the_better_one() -> None:
    values = iter([0.1, 0.9, 0.5])
    config = TrainingConfig(epochs=3, watch="accuracy", better="higher", patience=0)
    events = trained(line(), config, data(), validate=lambda: {"accuracy": next(values)})
    assert events[-1].best == 0.9


def test_a_metric_that_is_not_measured_is_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'accuracy'"):
        trained(line(), TrainingConfig(epochs=1, watch="acuracy"), data(), validate=lambda: {"accuracy": 1.0})


def test_a_loss_that_is_not_finite_ends_the_run_with_a_sentence() -> None:
    with pytest.raises(ColonnadeError, match=r"training broke at step 2 of epoch 0.*loss is nan"):
        trained(line(), TrainingConfig(epochs=1), [*data(2), torch.full((4, 3), float("nan"))])


def test_named_losses_are_summed_and_told_apart() -> None:
    model = line()
    step = square(model)
    events = list(
        fit(
            model,
            lambda epoch: data(),
            lambda x: {"task": step(x), "more": 2 * step(x)},
            config=TrainingConfig(epochs=1),
        )
    )
    for event in events[1:8]:
        assert event.losses["loss"] == pytest.approx(event.losses["task"] + event.losses["more"])
        assert event.losses["more"] == pytest.approx(2 * event.losses["task"])


def noisy() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def test_two_runs_of_one_seed_are_equal_whatever_was_drawn_before_and_outside_nothing_moves() -> None:
    first, second, other = noisy(), noisy(), noisy()
    trained(first, TrainingConfig(epochs=2, seed=1), data())
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    trained(second, TrainingConfig(epochs=2, seed=1), data())
    assert torch.equal(before, torch.random.get_rng_state())
    trained(other, TrainingConfig(epochs=2, seed=2), data())
    assert torch.equal(first[0].weight, second[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)


def test_bf16_trains_and_leaves_float32_weights() -> None:
    model = line()
    events = trained(model, TrainingConfig(epochs=40, rate=0.05, precision="bf16"), data())
    assert events[0].precision == "bf16"
    assert events[-2].losses["loss"] < 0.05
    assert model.weight.dtype == torch.float32


def test_recomputed_activations_give_the_same_weights() -> None:
    def run(recompute: bool) -> nn.Module:
        torch.manual_seed(0)
        block, mask = Block(8, 2, dropout=0.3), torch.ones(2, 5, dtype=torch.bool)
        batches = list(torch.randn(4, 2, 5, 8, generator=torch.Generator().manual_seed(0)))
        config = TrainingConfig(epochs=2, recompute=recompute)
        list(fit(block, lambda epoch: batches, lambda x: block(x, mask).square().mean(), config=config))
        assert "forward" not in vars(block)
        return block

    plain, recomputed = run(False), run(True)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), recomputed.parameters(), strict=True))
