"""What a checkpoint of maintenance holds, and the residual network as a program for other engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.checkpoint import Checkpoint
from ....core.errors import ConfigError, FormatError
from ....core.trees import Trees
from ....core.types import Array
from .bounds import Bounds
from .envelope import RATE
from .faults import COMBS, FaultModel, Logistic
from .features import WINDOW, Scale, channels_of
from .health import Health
from .life import LifeModel
from .network import Member, Network, NetworkConfig, windows_of

if TYPE_CHECKING:
    from ....core.export.program import Program

PARTS = ("part", "damaged", "unlevelled")


def pack(
    life: LifeModel | None, faults: FaultModel | None, *, kind: str, card: Mapping[str, Any], lead: float
) -> Checkpoint:
    """Both models as plain values and tensors; either may be missing."""
    config: dict[str, Any] = {"lead": lead}
    vocabulary: dict[str, Any] = {"combs": list(COMBS)}
    tensors: dict[str, Array] = {}
    if life is not None:
        config["life"] = {
            "network": asdict(life.network.config), "share": life.share, "base": life.scale.base,
            "health": asdict(life.health), "mean_life": life.mean_life, "machines": life.machines,
        }  # fmt: skip
        vocabulary["sensors"] = list(life.scale.sensors)
        tensors |= {f"scale.{name}": getattr(life.scale, name) for name in ("mean", "spread", "wear")}
        tensors |= {f"trees.{name}": value for name, value in life.trees.tensors().items()}
        tensors |= {f"bounds.{name}": value for name, value in life.bounds.tensors().items()}
        tensors |= {f"network.{name}": value.detach().numpy() for name, value in life.network.state_dict().items()}
        tensors["errors"] = life.errors
    if faults is not None:
        for name in PARTS:
            model = getattr(faults, name)
            if model is not None:
                tensors |= {f"faults.{name}.{key}": value for key, value in vars(model).items()}
    return Checkpoint(kind=kind, config=config, tensors=tensors, vocabulary=vocabulary, card=card)


def unpack(checkpoint: Checkpoint) -> tuple[LifeModel | None, FaultModel | None]:
    """What `pack` wrote."""
    if tuple(checkpoint.vocabulary["combs"]) != COMBS:
        raise ValueError(f"its faults are told by {checkpoint.vocabulary['combs']}, this version tells them by {COMBS}")
    life = _life(checkpoint) if "life" in checkpoint.config else None
    part = _logistic(checkpoint.tensors, "part")
    if part is None:
        return life, None
    others = {name: _logistic(checkpoint.tensors, name) for name in PARTS[1:]}
    return life, FaultModel(part=part, **others)


def _life(checkpoint: Checkpoint) -> LifeModel:
    import torch

    told, tensors = checkpoint.config["life"], checkpoint.tensors
    scale = Scale(
        sensors=tuple(checkpoint.vocabulary["sensors"]), mean=tensors["scale.mean"], spread=tensors["scale.spread"],
        wear=tensors["scale.wear"], base=float(told["base"]),
    )  # fmt: skip
    config = NetworkConfig(**told["network"])
    trees = Trees.from_tensors(_under(tensors, "trees"))
    if trees.features != scale.features:
        raise FormatError(f"the trees read {trees.features} features, the sensors give {scale.features}: fit it again")
    network = Network(config, [Member(config, seed=0) for _ in range(config.members)])
    state = {name: torch.from_numpy(value) for name, value in _under(tensors, "network").items()}
    network.load_state_dict(state)
    return LifeModel(
        scale=scale,
        trees=trees,
        network=network.eval(),
        share=float(told["share"]),
        bounds=Bounds.from_tensors(_under(tensors, "bounds")),
        health=Health(**told["health"]),
        mean_life=float(told["mean_life"]),
        machines=int(told["machines"]),
        errors=tensors["errors"],
    )


def _logistic(tensors: Mapping[str, Array], name: str) -> Logistic | None:
    found = _under(tensors, f"faults.{name}")
    return Logistic(**found) if found else None


def _under(tensors: Mapping[str, Array], name: str) -> dict[str, Array]:
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}.")}


def program(life: LifeModel | None) -> Program:
    """The residual network on windows of channels.

    Raises:
        ConfigError: no life model was learned.
    """
    from ....core.export.program import Program

    if life is None:
        raise ConfigError("no life model was learned: there is no network to export")
    generator = np.random.default_rng(0)
    columns = len(life.scale.sensors) + 1
    walks = [np.cumsum(generator.normal(scale=0.1, size=(90, columns)), axis=0) for _ in range(3)]
    places = [(channels_of(walk, np.linspace(125, 40, 90)), row) for walk, row in zip(walks, (24, 60, 89), strict=True)]
    example = windows_of(places)
    return Program(
        module=life.network,
        example=example,
        inputs=("channels", "real"),
        outputs=("change",),
        dynamic=({0: "batch"}, {0: "batch"}),
        cases={"sensors": example},
        notes={
            "before": f"the last {WINDOW} cycles, padded on the left: sensors in spreads and smoothed, their "
            "drift from "
            f"the machine's start, age, and boosting's life over its cap; vibration (at {RATE} Hz) takes no network",
            "after": f"change is in cycles: life = boosting + {life.share:g} * change, held within 0 and the cap",
        },
    )
