"""Where a run is, on disk: one safetensors file whose header holds the JSON part, written aside, then renamed.

    model/...       every tensor of the model
    optimizer/...   the moments of each parameter that has moved
    best/...        the best tensors so far
    owed/SEAT/...   what a compressed exchange of gradients has not handed on yet, by who owes it
    common/...      what it holds alike on all ranks

One file, so that a kill between two writes cannot leave tensors of one step beside the counters of another; where many
ranks write, a folder of such files that appears whole (`snapshots.py`). Either is read by any number of ranks.
Nothing is kept of random states: each step draws from (seed, step) alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..durable import sync
from ..errors import CheckpointError

FILE = "resume.safetensors"
FORMAT = 1


@dataclass
class Place:
    """How far the run is: the next batch of the next epoch, and what early stopping has seen."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int | None = None
    waited: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counted: int = 0
    stopped: str = ""


def state_of(model: nn.Module, optimizer: torch.optim.Optimizer, best: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of a run by name, as they lie in memory (or in shards)."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    for name, parameter in model.named_parameters():
        tensors |= {f"optimizer/{name}/{key}": value for key, value in optimizer.state.get(parameter, {}).items()}
    return tensors


def head_of(place: Place, identity: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON part."""
    return {"format": FORMAT, "place": asdict(place), "identity": dict(identity)}


def save(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, *, place: Place, best: Mapping[str, Tensor],
    identity: Mapping[str, Any],
) -> Path:  # fmt: skip
    """Write the run's state, whole or not at all."""
    return write(folder, copied(state_of(model, optimizer, best)), head_of(place, identity))


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of their own on the CPU: training goes on, and safetensors refuses tensors that share memory."""
    return {name: value.detach().clone().contiguous().cpu() for name, value in tensors.items()}


def write(folder: Path, tensors: Mapping[str, Tensor], head: Mapping[str, Any]) -> Path:
    """Write tensors and head as the one file, whole or not at all."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    aside = folder / f".{FILE}.{os.getpid()}"
    try:
        save_file(dict(tensors), aside, metadata={"run": json.dumps(head)})
        sync(aside)
        os.replace(aside, path)
        sync(folder)
    finally:
        aside.unlink(missing_ok=True)
    return path


def load(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, *, identity: Mapping[str, Any]
) -> tuple[Place, dict[str, Tensor], dict[str, Tensor]]:
    """Put model and optimizer back to where the run in `folder` was; the start if there is none.

    Gives the place, the best tensors so far, and what the exchange of gradients had kept, under its names here.

    Raises:
        CheckpointError: the state is not whole, is newer, or is of a run with another model or other settings.
    """
    from . import snapshots

    found = snapshots.newest(folder)
    if found is None:
        return Place(), {}, {}
    path, head = found
    if head["format"] > FORMAT:
        raise CheckpointError(
            f"{path} has format {head['format']}, this program reads up to {FORMAT}: upgrade colonnade"
        )
    here = json.loads(json.dumps(dict(identity)))
    then = {key: value for key, value in head["identity"].items() if key != "ranks"}  # any number of them goes on
    differing = sorted(key for key in {*here, *then} if here.get(key) != then.get(key))
    if differing:
        told = ", ".join(f"{key} {then.get(key)!r} then and {here.get(key)!r} now" for key in differing)
        raise CheckpointError(f"{path} is of another run ({told}): use the settings of then, or an empty folder")
    wanted = _places_for(path, snapshots.contents(path), model)
    with torch.no_grad():
        snapshots.fill(path, wanted)
    parameters = dict(model.named_parameters())
    for name, value in _part(wanted, "optimizer").items():
        owner, key = name.rsplit("/", 1)
        optimizer.state[parameters[owner]][key] = value.detach().to(parameters[owner].device)
    exchanged = {name: value for name, value in wanted.items() if name.startswith(("owed/", "common/"))}
    return Place(**head["place"]), _part(wanted, "best"), exchanged


def _places_for(path: Path, kept: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Tensors to read a state into: those of the model itself, and new ones cut as its own are."""
    current, parameters = model.state_dict(), dict(model.named_parameters())
    theirs = {name: value.shape for name, value in _part(kept, "model").items()}
    ours = {name: value.shape for name, value in current.items()}
    if theirs != ours:
        differing = sorted(name for name in {*theirs, *ours} if theirs.get(name) != ours.get(name))
        raise CheckpointError(f"{path} is of another model: it differs in {', '.join(differing[:5])}")
    places = {f"model/{name}": value for name, value in current.items()}
    places |= {f"best/{name}": torch.zeros_like(current[name]) for name in _part(kept, "best")}
    for name, value in _part(kept, "optimizer").items():
        owner = parameters[name.rsplit("/", 1)[0]]
        alike = value.shape == owner.shape and value.ndim > 0
        places[f"optimizer/{name}"] = torch.zeros_like(owner if alike else value, device=owner.device)
    rest = {name: value for name, value in kept.items() if name not in places}
    return places | {name: torch.zeros_like(value, device="cpu") for name, value in rest.items()}


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.split("/", 1)[1]: value for name, value in tensors.items() if name.startswith(f"{part}/")}
