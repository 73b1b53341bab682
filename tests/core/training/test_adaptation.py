"""LoRA, progressive unfreezing and probes, as options of the one loop."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from colonnade.core.errors import ConfigError, MissingExtra, UnknownName
from colonnade.core.layers.attention import Block, CrossAttention, masked_mean
from colonnade.core.training.adaptation import LoraConfig, Unfreezing, add_lora, merge, trainable
from colonnade.core.training.events import Validated
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(32, 2) for _ in range(2)])
        self.cross = CrossAttention(32, 2)
        self.norm = nn.BatchNorm1d(32)
        self.head = nn.Linear(32, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(x.shape[:2], dtype=torch.bool)
        for block in self.blocks:
            x = block(x, mask)
        x = x + self.cross(x, x, mask)
        return self.head(self.norm(masked_mean(x, mask)))[:, 0]


def small() -> Small:
    torch.manual_seed(0)
    return Small()


def data() -> list[torch.Tensor]:
    return list(torch.randn(6, 8, 4, 32, generator=torch.Generator().manual_seed(1)))


def train(model: nn.Module, epochs: int = 4, **more) -> list:
    config = TrainingConfig(epochs=epochs, rate=1e-2)
    return list(
        fit(
            model,
            lambda epoch: data(),
            lambda x: (model(x) - x.mean(dim=(1, 2))).square().mean(),
            config=config,
            **more,
        )
    )


def moved(before: dict[str, torch.Tensor], model: nn.Module) -> set[str]:
    return {name for name, value in model.named_parameters() if name in before and not torch.equal(before[name], value)}


def copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def test_lora_starts_as_the_model_trains_little_and_merges_to_the_same_answers() -> None:
    model, x = small().eval(), data()[0]
    whole, _ = trainable(model)
    names, before, base = set(model.state_dict()), model(x), model.blocks[0].attention.qkv.weight.clone()
    add_lora(model, LoraConfig(rank=2, alpha=4, trained=("head",)))
    assert torch.equal(model(x), before)
    assert trainable(model)[1] < 0.2 * whole
    events = [event for event in train(model) if isinstance(event, Validated)]
    assert events[-1].losses["loss"] < 0.8 * events[0].losses["loss"]
    assert torch.equal(model.blocks[0].attention.qkv.base_layer.weight, base)
    adapted = model(x)
    assert not torch.allclose(adapted, before, atol=1e-3)
    assert merge(model) == 2 * 4 + 3
    assert torch.allclose(model(x), adapted, atol=1e-5)
    assert set(model.state_dict()) == names
    assert type(model.blocks[0].attention.qkv) is nn.Linear


def test_lora_reaches_every_projection_of_our_blocks_and_the_parts_trained_beside_it() -> None:
    model = small()
    add_lora(model, LoraConfig(rank=2, alpha=4, trained=("head",)))
    open_ = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {"head.weight", "head.bias"} <= open_
    assert all("lora_" in name or name.startswith("head.") for name in open_)
    places = {name.split(".lora_")[0] for name in open_ if "lora_" in name}
    expected = {f"blocks.{n}.{end}" for n in (0, 1) for end in ("attention.qkv", "attention.out", "mlp.up", "mlp.down")}
    assert places == expected | {"cross.ask", "cross.answer", "cross.out"}


def test_lora_is_drawn_from_its_seed() -> None:
    models = [small(), small(), small()]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        torch.randn(seed + 3)
        add_lora(model, LoraConfig(rank=2, alpha=4, seed=seed))
    first, second, other = (model.blocks[0].mlp.up.lora_A["default"].weight for model in models)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_lora_without_peft_or_without_layers_is_a_sentence(monkeypatch) -> None:
    with pytest.raises(ConfigError, match="no linear layer named qkv"):
        add_lora(nn.Linear(2, 2))
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"colonnade\[adapt\]"):
        add_lora(small())


def test_a_probe_moves_the_head_only_and_leaves_frozen_statistics() -> None:
    model = small()
    before, mean = copy(model), model.norm.running_mean.clone()
    train(model, unfreezing=Unfreezing(groups=(("head",),)))
    assert moved(before, model) == {"head.weight", "head.bias"}
    assert torch.equal(model.norm.running_mean, mean)


def test_unfreezing_moves_one_more_group_at_its_pace() -> None:
    model, seen = small(), []
    before = copy(model)
    groups = (("head",), ("cross", "norm"), ("",))
    config = TrainingConfig(epochs=5, rate=1e-2)
    step = lambda x: (model(x) - x.mean(dim=(1, 2))).square().mean()  # noqa: E731
    for event in fit(model, lambda _: data(), step, config=config, unfreezing=Unfreezing(groups=groups, every=2)):
        if isinstance(event, Validated):
            seen.append({name.split(".")[0] for name in moved(before, model)})
    assert seen == [{"head"}] * 2 + [{"head", "cross", "norm"}] * 2 + [{"head", "cross", "norm", "blocks"}]


def test_a_part_that_the_model_does_not_have_is_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'head'"):
        Unfreezing(groups=(("haed",),)).apply(small(), 0)
    with pytest.raises(ConfigError, match="pace"):
        Unfreezing(groups=(("head",),), every=0)
