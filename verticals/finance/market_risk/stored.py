"""What a checkpoint of market risk holds: the settings, and every tensor by name. It knows nothing of forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ....core.checkpoint import Checkpoint
from .companion import Companion, Joined, companion_from
from .companion import tensors_of as tensors_beside
from .inputs import Standard
from .model import SILENT, Network, NetworkConfig, member_of
from .records import HORIZONS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration on a checkpoint. `base` is the mean logarithm of the training days' variance.

    `listens`: by horizon, how much of what news changes is kept; `heard_until`: no news from there on was learnt from.
    """

    network: NetworkConfig
    until: str
    base: float
    listens: tuple[float, ...] = SILENT
    heard_until: str | None = None
    companions: Mapping[str, Joined] = field(default_factory=dict)


def tensors_of(network: Network, companions: Mapping[str, Companion]) -> dict[str, np.ndarray]:
    """Everything learnt, by name."""
    tensors = {
        name: value.detach().numpy() for name, value in network.state_dict().items() if name.startswith("members.")
    }
    tensors |= {f"standard.{name}": value for name, value in vars(network.standard).items()}
    tensors |= {f"errors.{horizon}": value for horizon, value in network.errors.items()}
    for name, companion in companions.items():
        tensors |= {f"{name}.{key}": value for key, value in tensors_beside(companion).items()}
    return tensors


def network_from(checkpoint: Checkpoint, settings: Settings) -> Network:
    """The network that `tensors_of` wrote down."""
    import torch

    tensors = checkpoint.tensors
    fields = ("table_mean", "table_scale", "window_mean", "window_scale")
    network = Network(
        [member_of(settings.network, seed=0) for _ in range(settings.network.members)],
        standard=Standard(**{name: tensors[f"standard.{name}"] for name in fields}),
        until=np.datetime64(settings.until, "D"),
        errors={horizon: tensors[f"errors.{horizon}"] for horizon in HORIZONS},
        listens=settings.listens,
        heard_until=None if settings.heard_until is None else np.datetime64(settings.heard_until, "D"),
    )
    state = {name: torch.from_numpy(value) for name, value in tensors.items() if name.startswith("members.")}
    network.load_state_dict(state)
    return network


def companions_from(checkpoint: Checkpoint, settings: Settings) -> dict[str, Companion]:
    """What stands beside the network in a checkpoint."""
    return {
        name: companion_from(
            joined,
            {key[len(name) + 1 :]: value for key, value in checkpoint.tensors.items() if key.startswith(f"{name}.")},
        )
        for name, joined in settings.companions.items()
    }
