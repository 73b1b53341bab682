"""Torch itself: a `.pt2` program from an exported folder. The one engine that imports torch.

A `.pt2` may hold pickles, which can run code when they are read. Ours never do, and one that does is refused unread.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, final

from ..errors import CheckpointError, FormatError
from ..types import Array
from .base import Engine


@final
class Eager(Engine):
    """A torch.export program, run as torch runs it. `inputs` and `outputs` name its tensors in order."""

    name = "torch"
    precision = "f32"

    def __init__(self, path: Path, *, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        import torch

        _refuse_pickles(path)
        try:
            self._module: Any = torch.export.load(path).module()
        except (RuntimeError, ValueError, KeyError, AssertionError) as error:
            raise CheckpointError(f"torch cannot open {path}: {error}") from error
        self.inputs, self.outputs = inputs, outputs

    def compute(self, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        import torch

        try:
            with torch.no_grad():
                found = self._module(*(torch.from_numpy(array) for array in arrays))
        except (RuntimeError, AssertionError, TypeError) as error:
            raise FormatError(f"torch refuses these inputs: {str(error).splitlines()[0]}") from error
        return tuple(each.numpy() for each in found)


def _refuse_pickles(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            files = [(item.filename, item.file_size) for item in archive.infolist()]
            # Torch unpickles every .pt (example inputs, and the weights of older formats) and runs compiled parts.
            samples = [name for name, size in files if size and (name.endswith(".pt") or "/aotinductor/" in name)]
            twice = len({name for name, _ in files}) < len(files)  # of two with one name, torch may read the other
            payloads = [name for name in archive.namelist() if name.endswith(("_config.json",)) and "/data/" in name]
            entries = [entry for name in payloads for entry in json.loads(archive.read(name))["config"].values()]
            objects = [name for name in archive.namelist() if "custom_obj" in name]
    except (zipfile.BadZipFile, KeyError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} is not a whole .pt2 program: {error}") from error
    if samples or twice or objects or any(entry.get("use_pickle") for entry in entries):
        raise CheckpointError(f"{path} holds a pickle, which can run code when it is read: export it again")
