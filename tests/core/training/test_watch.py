"""What is asked of every run is done by every run, and whoever watches hears of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from colonnade.core.errors import ConfigError
from colonnade.core.layers.attention import Block
from colonnade.core.training.account import Account
from colonnade.core.training.adaptation import LoraConfig, Parts, begin, finish, trainable
from colonnade.core.training.continual import compared, lower_is_better, replayed
from colonnade.core.training.events import Step, Stopped
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig
from colonnade.core.training.watch import Wishes, size_of, watching, wishing


class Deep(nn.Module):
    def __init__(self, depth: int = 2, width: int = 16) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(width, 2) for _ in range(depth)])
        self.head = nn.Linear(width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(x.shape[:2], dtype=torch.bool)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(x)[..., 0]


def run(model: nn.Module, *, epochs: int = 2, config: TrainingConfig | None = None) -> list:
    rows = list(torch.randn(6, 4, 5, 16, generator=torch.Generator().manual_seed(0)))
    config = config or TrainingConfig(epochs=epochs, rate=1e-2, precision="fp32")
    return list(fit(model, lambda epoch: rows, lambda x: model(x).square().mean(), config=config, label="deep"))


def test_wishes_hold_inside_and_not_outside():
    with wishing(Wishes(rate=1e-4, warmup=3)):
        inside = [event.rate for event in run(Deep()) if isinstance(event, Step)]
    outside = [event.rate for event in run(Deep()) if isinstance(event, Step)]
    assert max(inside) <= 1e-4 < 5e-3 < max(outside)
    assert inside[0] < inside[1] < inside[2] > inside[-1], "three updates of warm-up"


def test_warmup_takes_at_most_a_third_of_a_short_training():
    granted = Wishes(warmup=5000).granted(TrainingConfig(), 100)
    assert granted.warmup == 0.3
    assert Wishes(warmup=500).granted(TrainingConfig(), 10_000).warmup == 0.05


def test_a_wished_batch_leaves_four_updates_an_epoch():
    assert size_of(32, 1000) == 32
    with wishing(Wishes(batch=256)):
        assert size_of(32, 4000) == 256
        assert size_of(32, 100) == 25
        assert size_of(32, 2) == 1


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"rate": 2.0}, {"batch": 0}, {"warmup": -1}, {"precision": "fp8"}])
def test_wishes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        Wishes(**wrong)


def test_an_account_counts_what_moved_and_ran():
    account = Account()
    model = Deep()
    model.blocks[0].requires_grad_(False)
    with watching(account.tell):
        run(model)
    run(Deep())  # after the `with`: not counted
    (deep,) = account.runs
    assert (deep.parameters, deep.trainable) == trainable(model)
    assert (deep.updates, deep.epochs, deep.label) == (12, 2, "deep")
    told = account.to_plain()
    assert told["trainable_share"] == round(deep.trainable / deep.parameters, 5)
    assert told["networks"][0]["runs"] == 1
    assert "epochs are done" in told["networks"][0]["stopped"]


def test_a_watcher_may_stop_a_run():
    def tell(event, label, score):
        if isinstance(event, Step) and event.step >= 3:
            raise InterruptedError

    with watching(tell), pytest.raises(InterruptedError):
        run(Deep())


def test_recomputing_gives_the_same_weights():
    torch.manual_seed(0)
    plain, again = Deep(), Deep()
    again.load_state_dict(plain.state_dict())
    run(plain)
    with wishing(Wishes(recompute=True)):
        run(again)
    for one, other in zip(plain.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


PARTS = Parts(groups=(("head",), ("blocks.1",), ("",)), lora=LoraConfig(trained=("head",), share=0.05))


def test_lora_stays_within_the_share_by_a_lower_rank_and_then_by_fewer_layers():
    wide = Deep(4, 64)
    begin(wide, "lora", PARTS)
    whole, moved = trainable(wide)
    adapters = sum(each.numel() for name, each in wide.named_parameters() if "lora" in name)
    assert moved <= 0.055 * (whole - adapters)
    narrow = Deep(2, 16)
    before = sum(each.numel() for each in narrow.parameters())
    begin(narrow, "lora", Parts(groups=PARTS.groups, lora=LoraConfig(trained=("head",), share=0.02)))
    with_adapters = [name for name, _ in narrow.named_modules() if name.endswith("lora_A")]
    assert with_adapters == ["blocks.1.mlp.down.lora_A"], "the layer nearest the answer"
    assert trainable(narrow)[1] < 0.04 * before
    finish(narrow, "lora")
    assert trainable(narrow) == (before, before)


def test_a_probe_moves_the_first_group_that_the_model_has():
    model = Deep()
    parts = Parts(groups=(("nothing",), ("head",), ("",)))
    unfreezing = begin(model, "probe", parts)
    unfreezing.apply(model, 5)
    assert {name for name, each in model.named_parameters() if each.requires_grad} == {"head.weight", "head.bias"}


def test_replay_takes_no_more_old_than_new_and_the_same_for_a_seed():
    old, new = list(range(100)), ["a", "b", "c"]
    found = replayed(new, old, seed=1)
    assert len(found) == 6
    assert found[3:] == new
    assert found == replayed(new, old, seed=1)
    assert replayed(new, None, seed=1) == new
    assert replayed(new, [1], seed=1) == [1, *new]


def test_what_is_lost_is_counted_in_the_direction_of_the_metric():
    assert compared("old", {"accuracy": 0.90}, {"accuracy": 0.88}).lost == pytest.approx(2)
    assert compared("old", {"rmse": 20.0}, {"rmse": 20.1}).within
    worse = compared("old", {"rmse": 20.0}, {"rmse": 22.0})
    assert worse.lost == pytest.approx(10)
    assert "more than the one allowed" in worse.said()
    assert compared("old", {"roc_auc": 0.8}, {"roc_auc": 0.9}).within
    assert [lower_is_better(name) for name in ("qlike", "test_loss", "roc_auc", "coverage")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_last_event_is_told_too():
    seen = []
    with watching(lambda event, label, score: seen.append(type(event))):
        run(Deep(), epochs=1)
    assert seen[-1] is Stopped
