"""Where a run is, on disk: one safetensors file whose header holds the JSON part, written aside, then renamed.

    model/...       every tensor of the model
    optimizer/...   the moments of each parameter that has moved
    best/...        the best tensors so far

One file, so that a kill between two writes cannot leave tensors of one step beside the counters of another.
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


def save(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, *, place: Place, best: Mapping[str, Tensor],
    identity: Mapping[str, Any],
) -> Path:  # fmt: skip
    """Write the run's state, whole or not at all."""
    from safetensors.torch import save_file

    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    for name, parameter in model.named_parameters():
        tensors |= {f"optimizer/{name}/{key}": value for key, value in optimizer.state.get(parameter, {}).items()}
    # Cloned, since safetensors refuses tensors that share memory (tied weights).
    whole = {name: value.detach().clone().contiguous().cpu() for name, value in tensors.items()}
    head = {"format": FORMAT, "place": asdict(place), "identity": dict(identity)}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    aside = folder / f".{FILE}.{os.getpid()}"
    try:
        save_file(whole, aside, metadata={"run": json.dumps(head)})
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def load(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, *, identity: Mapping[str, Any]
) -> tuple[Place, dict[str, Tensor]]:
    """Put model and optimizer back to where the run in `folder` was; the start if there is none.

    Raises:
        CheckpointError: the file is not whole, is newer, or is of a run with another model or other settings.
    """
    path = folder / FILE
    if not path.exists():
        return Place(), {}
    head, tensors = _read(path)
    if head["format"] > FORMAT:
        raise CheckpointError(
            f"{path} has format {head['format']}, this program reads up to {FORMAT}: upgrade colonnade"
        )
    here = json.loads(json.dumps(dict(identity)))
    differing = sorted(key for key in {*here, *head["identity"]} if here.get(key) != head["identity"].get(key))
    if differing:
        told = ", ".join(f"{key} {head['identity'].get(key)!r} then and {here.get(key)!r} now" for key in differing)
        raise CheckpointError(f"{path} is of another run ({told}): use the settings of then, or an empty folder")
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
    for name, value in tensors.items():
        part, rest = name.split("/", 1)
        parts[part][rest] = value
    try:
        model.load_state_dict(parts["model"])
    except RuntimeError as error:
        raise CheckpointError(f"{path} is of another model: {error}") from error
    parameters = dict(model.named_parameters())
    for name, value in parts["optimizer"].items():
        owner, key = name.rsplit("/", 1)
        optimizer.state[parameters[owner]][key] = value.to(parameters[owner].device)
    return Place(**head["place"]), parts["best"]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {})["run"])
            return head, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a whole state of a training run: {error}; delete it to start anew"
        ) from error
