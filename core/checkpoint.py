"""A checkpoint is a folder that can be read with `cat`: tensors in safetensors, everything else in JSON. No pickle.

    model.safetensors   tensors by name
    config.json         {"format": 1, "kind": "medical/nodules", "colonnade": "0.1.0", "weights": <SHA-256>, ...}
    vocabulary.json     what turns numbers back into words
    card.json           inputs, outputs, numbers reached, data digest, seed

Written aside, then renamed. It knows nothing of what the tensors mean.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .digest import of_file
from .errors import CheckpointError
from .result import dumps, plain, whole_folder
from .version import __version__

FORMAT = 1
PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a pipeline is made of, apart from code. `tensors` are NumPy arrays by name."""

    kind: str
    config: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray]
    vocabulary: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    extras: Mapping[str, str] = field(default_factory=dict)  # more JSON files by name, which nothing needs to load

    def save(self, folder: str | Path) -> Path:
        """Write the folder, whole or not at all."""
        from safetensors.numpy import save

        tensors = {key: np.ascontiguousarray(value) for key, value in self.tensors.items()}
        weights = save(tensors)
        sha256 = hashlib.sha256(weights).hexdigest()
        head = {
            "format": FORMAT, "kind": self.kind, "colonnade": __version__, "weights": sha256, "config": self.config
        }  # fmt: skip
        with whole_folder(folder) as aside:
            (aside / "model.safetensors").write_bytes(weights)  # save_file would keep it from other readers
            (aside / "config.json").write_text(dumps(head), encoding="utf-8")
            (aside / "vocabulary.json").write_text(dumps(dict(self.vocabulary)), encoding="utf-8")
            (aside / "card.json").write_text(dumps(plain(self.card)), encoding="utf-8")
            for name, text in self.extras.items():
                (aside / name).write_text(text, encoding="utf-8")
        return Path(folder)


def load(folder: str | Path, kind: str) -> Checkpoint:
    """Read a checkpoint of that kind.

    Raises:
        CheckpointError: it is missing, of another kind, newer than this program, truncated, mixed with another, or
            holds a pickle.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"there is no checkpoint folder at {folder}")
    try:
        items = sorted(folder.iterdir())
    except OSError as error:
        raise CheckpointError(f"cannot read {folder}: {error.strerror}") from error
    for item in items:
        if item.suffix.lower() in PICKLES:
            raise CheckpointError(f"{item} can run code when it is read: a checkpoint holds safetensors and JSON only")
    head = _object(folder / "config.json")
    if not isinstance(head.get("format"), int) or "kind" not in head or "config" not in head:
        raise CheckpointError(f"{folder / 'config.json'} does not say its format, kind and config")
    if head["format"] > FORMAT:
        raise CheckpointError(
            f"{folder} has format {head['format']}, this program reads up to {FORMAT}: upgrade colonnade"
        )
    if head["kind"] != kind:
        raise CheckpointError(f"{folder} is a checkpoint of {head['kind']}, not of {kind}")
    weights = folder / "model.safetensors"
    tensors, digest = _tensors(weights), of_file(weights)
    if head.get("weights", digest) != digest:
        raise CheckpointError(f"{folder} holds weights of another checkpoint than its config.json: save it again")
    return Checkpoint(
        kind=kind,
        config=head["config"],
        tensors=tensors,
        vocabulary=_object(folder / "vocabulary.json"),
        card=_object(folder / "card.json"),
        digest=digest,
    )


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: the checkpoint is not whole") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} must hold one JSON object")
    return value


def _tensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: the checkpoint is not whole") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file: {error}") from error
