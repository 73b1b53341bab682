"""Which weights move: low-rank adapters (LoRA), progressive unfreezing, or the head only. Owns `peft`, imported late.

The adapters go into the model in place, so its class, its `collate` and its state stay what they were; `merge` folds
them into the weights, after which nothing of `peft` is left. A task names the parts of its network once (`Parts`), and
`begin` and `finish` do for it what any method asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from ..errors import ConfigError, UnknownName
from ..optional import require
from ..random import torch_generator
from ..torchlibs import import_torchaudio, import_torchvision

SHARE = 0.02  # of a network moves under LoRA


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Rank and scale (alpha / rank) of the adapters, and the last part of the names of the linear layers they go into.

    Source: Hu et al., LoRA, 2022. `trained` are prefixes of what trains in full beside them, such as a new head.
    At most `share` of the model moves, adapters and `trained` together: where that is too little for the rank, the
    rank falls, and then the layers farthest from the answer go without. alpha / rank stays as given.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    layers: tuple[str, ...] = ("qkv", "ask", "answer", "out", "up", "down")
    trained: tuple[str, ...] = ()
    share: float = 1.0
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
    targets = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.rsplit(".", 1)[-1] in config.layers
    }
    if not targets:
        raise ConfigError(f"the model has no linear layer named {', '.join(config.layers)} to adapt")
    chosen, rank = _afforded(model, targets, config)
    config = replace(config, rank=rank, alpha=max(1, round(rank * config.alpha / config.rank)))
    import_torchvision()  # peft imports models of transformers, which import both
    import_torchaudio()
    peft = require("peft", "adapt", "LoRA")
    settings = peft.LoraConfig(
        r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=chosen
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_generator(config.seed, "lora").initial_seed())
        peft.inject_adapter_in_model(settings, model)
    if config.trained:
        _let_move(model, [*config.trained], keep=True)


def _afforded(model: nn.Module, targets: dict[str, nn.Linear], config: LoraConfig) -> tuple[list[str], int]:
    """The layers that get adapters and their rank, within the share of the model that may move."""
    names = list(targets)
    if config.share >= 1:
        return names, config.rank
    whole = sum(each.numel() for each in model.parameters())
    beside = sum(
        each.numel() for name, each in model.named_parameters() if any(_under(name, part) for part in config.trained)
    )
    left = config.share * whole - beside
    costs = [targets[name].in_features + targets[name].out_features for name in names]
    while len(names) > 1 and sum(costs) > left:
        names, costs = names[1:], costs[1:]
    return names, max(1, min(config.rank, int(left // sum(costs))))


def merge(model: nn.Module) -> int:
    """Fold the adapters into the weights and take them out, in place, for export; gives how many there were."""
    layers = require("peft.tuners.tuners_utils", "adapt", "LoRA").BaseTunerLayer
    adapted = [(name, module) for name, module in model.named_modules() if isinstance(module, layers)]
    for name, module in adapted:
        module.merge()
        model.set_submodule(name, module.get_base_layer())
    return len(adapted)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A network's parts as methods need them: prefixes by group, nearest the answer first, and its adapters.

    A probe trains the first group; progressive unfreezing adds a group every `every` epochs.
    """

    groups: tuple[tuple[str, ...], ...]
    lora: LoraConfig = field(default_factory=lambda: LoraConfig(share=SHARE))
    every: int = 1


def begin(model: nn.Module, method: str, parts: Parts) -> Unfreezing | None:
    """The model made ready for the method, in place, and the order in which its parts move (None: as they stand now).

    Raises:
        UnknownName: no such method.
    """
    groups = tuple(_there(model, group) for group in parts.groups)
    if method == "full":
        return None
    if method == "lora":
        add_lora(model, replace(parts.lora, trained=_there(model, parts.lora.trained)))
        return None
    if method in ("probe", "progressive"):
        kept = tuple(group for group in groups if group)
        return Unfreezing(groups=kept[:1] if method == "probe" else kept, every=parts.every)
    raise UnknownName("method", method, ("full", "lora", "progressive", "probe"))


def finish(model: nn.Module, method: str) -> None:
    """Adapters folded into the weights, and all of them free to move again."""
    if method == "lora":
        merge(model)
    model.requires_grad_(True)


def _there(model: nn.Module, prefixes: Sequence[str]) -> tuple[str, ...]:
    """The prefixes that this model has parameters under: a network without experts has none to train."""
    names = [name for name, _ in model.named_parameters()]
    return tuple(prefix for prefix in prefixes if any(_under(name, prefix) for name in names))


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
