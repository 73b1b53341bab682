"""Which weights move: low-rank adapters (LoRA), progressive unfreezing, or the head only. Owns `peft`, imported late.

The adapters go into the model in place, so its class, its `collate` and its state stay what they were; `merge` folds
them into the weights, after which nothing of `peft` is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ..errors import ConfigError, UnknownName
from ..optional import require
from ..random import torch_generator
from ..torchlibs import import_torchaudio, import_torchvision


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Rank and scale (alpha / rank) of the adapters, and the last part of the names of the linear layers they go into.

    Source: Hu et al., LoRA, 2022. `trained` are prefixes of what trains in full beside them, such as a new head.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    layers: tuple[str, ...] = ("qkv", "ask", "answer", "out", "up", "down")
    trained: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Unfreezing:
    """Groups of name prefixes, nearest the answer first: one more group moves every `every` epochs, the rest is frozen.

    A single group is a probe: `Unfreezing(groups=(("decoder.heads",),))` trains the heads only. The prefix "" is all.
    Source: Howard and Ruder, ULMFiT, 2018.
    """

    groups: tuple[tuple[str, ...], ...]
    every: int = 1

    def __post_init__(self) -> None:
        if not self.groups or self.every < 1:
            raise ConfigError(
                f"unfreezing needs a group and a pace of at least 1 epoch, got {self.groups}, {self.every}"
            )

    def apply(self, model: nn.Module, epoch: int) -> None:
        """Let the groups of this epoch move and freeze the rest; frozen batch norms keep their statistics.

        Raises:
            UnknownName: a prefix that no parameter has.
        """
        prefixes = [prefix for group in self.groups[: epoch // self.every + 1] for prefix in group]
        _let_move(model, prefixes)
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train(any(parameter.requires_grad for parameter in module.parameters()))


def add_lora(model: nn.Module, config: LoraConfig = LoraConfig()) -> None:
    """Put adapters into the model, in place, and freeze everything else but `config.trained`. They start as zero.

    Raises:
        MissingExtra: `peft` is not installed.
        ConfigError: the model has no linear layer of these names.
    """
    targets = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.rsplit(".", 1)[-1] in config.layers
    ]
    if not targets:
        raise ConfigError(f"the model has no linear layer named {', '.join(config.layers)} to adapt")
    import_torchvision()  # peft imports models of transformers, which import both
    import_torchaudio()
    peft = require("peft", "adapt", "LoRA")
    settings = peft.LoraConfig(
        r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=targets
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_generator(config.seed, "lora").initial_seed())
        peft.inject_adapter_in_model(settings, model)
    if config.trained:
        _let_move(model, [*config.trained], keep=True)


def merge(model: nn.Module) -> int:
    """Fold the adapters into the weights and take them out, in place, for export; gives how many there were."""
    layers = require("peft.tuners.tuners_utils", "adapt", "LoRA").BaseTunerLayer
    adapted = [(name, module) for name, module in model.named_modules() if isinstance(module, layers)]
    for name, module in adapted:
        module.merge()
        model.set_submodule(name, module.get_base_layer())
    return len(adapted)


def trainable(model: nn.Module) -> tuple[int, int]:
    """How many numbers the model has, and how many of them move."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, moves in sizes if moves)


def _let_move(model: nn.Module, prefixes: list[str], *, keep: bool = False) -> None:
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(_under(name, prefix) for name in names):
            raise UnknownName("part of the model", prefix, {name.rsplit(".", 1)[0] for name in names})
    for name, parameter in model.named_parameters():
        moves = any(_under(name, prefix) for prefix in prefixes)
        parameter.requires_grad_(moves or (keep and parameter.requires_grad))


def _under(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(f"{prefix}.")
