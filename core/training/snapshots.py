"""Snapshots of a run while it goes on: copied in memory, written by a thread, seen on disk only when they are whole.

Several ranks write a folder `step-00000012/` of safetensors files, each the tensors or shards that it holds, by
torch.distributed.checkpoint; a rename by rank 0 after the last of them makes it visible. Any number of ranks reads it,
and `consolidate` makes one plain safetensors file of it. The folder must be one that all ranks see.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..distributed import rank
from ..distributed.ranks import many
from ..durable import sync
from ..errors import CheckpointError
from . import resume

HEAD = "run.json"
_NAME = "step-{:08d}"


class Snapshots:
    """Writes into `folder`, at most one at a time; the step goes on meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pending: tuple[int, Future[Path]] | None = None
        # A group of their own: their messages must not mix with those of the step that runs meanwhile.
        self._group = dist.new_group(backend="gloo") if many() else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshot")

    def take(self, step: int, tensors: Mapping[str, Tensor], head: Mapping[str, Any]) -> tuple[int, Path] | None:
        """Begin to write this state; gives the step and place of the one before, which is whole by then."""
        before = self.wait()
        copy = _held(tensors) if many() else resume.copied(tensors)
        write = self._sharded if many() else self._single
        self._pending = (step, self._thread.submit(write, step, copy, dict(head)))
        return before

    def wait(self) -> tuple[int, Path] | None:
        """The snapshot that was being written, whole; None if there was none.

        Raises:
            OSError: it could not be written.
        """
        if self._pending is None:
            return None
        step, future = self._pending
        self._pending = None
        return step, future.result()

    def close(self) -> None:
        """End the thread, after what it is writing."""
        self._thread.shutdown()

    def _single(self, step: int, tensors: dict[str, Tensor], head: dict[str, Any]) -> Path:
        path = resume.write(self.folder, tensors, head)
        _forget(self.folder, keep=path)
        return path

    def _sharded(self, step: int, tensors: dict[str, Any], head: dict[str, Any]) -> Path:
        from torch.distributed import checkpoint as dcp
        from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter

        path = self.folder / _NAME.format(step)
        aside = path.with_name(f".{path.name}.partial")
        if rank() == 0:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
        dist.barrier(self._group)
        writer = HuggingFaceStorageWriter(str(aside), save_distributed=True)
        dcp.save(tensors, storage_writer=writer, process_group=self._group)
        if rank() == 0:  # dcp.save returns there after all have written
            (aside / HEAD).write_text(json.dumps(head), encoding="utf-8")
            sync(aside / HEAD)
            sync(aside)
            shutil.rmtree(path, ignore_errors=True)
            os.replace(aside, path)
            sync(self.folder)  # before those that it replaces are deleted
            _forget(self.folder, keep=path)
        dist.barrier(self._group)
        return path


def newest(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The state that went furthest, with its head; None if nothing was saved.

    Raises:
        CheckpointError: the single file is not whole.
    """
    found = []
    single = folder / resume.FILE
    if single.exists():
        found.append((single, _head_of_file(single)))
    for path in folder.glob("step-*"):
        if (path / HEAD).exists():
            found.append((path, _head_of_folder(path)))
    return max(found, key=lambda each: each[1]["place"]["step"], default=None)


def contents(path: Path) -> dict[str, Tensor]:
    """Every tensor of a state, whole, without its numbers (on the device `meta`)."""
    if path.is_dir():
        from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
        from torch.distributed.checkpoint.metadata import TensorStorageMetadata

        metadata = HuggingFaceStorageReader(str(path)).read_metadata().state_dict_metadata
        tensors = {name: each for name, each in metadata.items() if isinstance(each, TensorStorageMetadata)}
        return {n: torch.empty(each.size, dtype=each.properties.dtype, device="meta") for n, each in tensors.items()}
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).to("meta") for name in file.keys()}  # noqa: SIM118


def fill(path: Path, wanted: Mapping[str, Tensor]) -> None:
    """Put a state's tensors into these, which may be shards of other cuts than those that were written."""
    if path.is_dir():
        from torch.distributed import checkpoint as dcp
        from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader

        dcp.load(dict(wanted), storage_reader=HuggingFaceStorageReader(str(path)), no_dist=not many())
        return
    from safetensors import safe_open
    from torch.distributed.tensor import DTensor, distribute_tensor

    with safe_open(path, framework="pt") as file:
        for name, tensor in wanted.items():
            value = file.get_tensor(name)
            if isinstance(tensor, DTensor):
                value = distribute_tensor(value.to(tensor.device), tensor.device_mesh, tensor.placements)
            tensor.copy_(value)


def consolidate(folder: Path, out: Path, *, part: str = "model") -> Path:
    """One plain safetensors file of a run's newest state: its `model`, or the `best` so far; for any reader.

    Raises:
        CheckpointError: there is no state in the folder, or none of that part.
    """
    from safetensors.torch import save_file

    found = newest(folder)
    kept = {} if found is None else {n: t for n, t in contents(found[0]).items() if n.startswith(f"{part}/")}
    if found is None or not kept:
        raise CheckpointError(f"{folder} holds no {part} of a training run: name the folder that --snapshots had")
    wanted = {name: torch.zeros_like(tensor, device="cpu") for name, tensor in kept.items()}
    fill(found[0], wanted)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        save_file({name.split("/", 1)[1]: value for name, value in wanted.items()}, aside)
        sync(aside)
        os.replace(aside, out)
    finally:
        aside.unlink(missing_ok=True)
    return out


def _held(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy on the CPU of what this rank holds; shards stay shards."""
    return {name: value.detach().clone().cpu() for name, value in tensors.items()}


def _forget(folder: Path, *, keep: Path) -> None:
    """Delete the states before this one, and what a kill left half-written."""
    torn = (*folder.glob(".step-*.partial"), *folder.glob(f".{resume.FILE}.*"))
    for path in (*folder.glob("step-*"), *torn, folder / resume.FILE):
        if path == keep:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _head_of_folder(path: Path) -> dict[str, Any]:
    try:
        head = json.loads((path / HEAD).read_text(encoding="utf-8"))
        head["place"]["step"] = int(head["place"]["step"])
        return dict(head)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} is not a whole state of a training run: {error}; delete it to start anew"
        ) from error


def _head_of_file(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(json.loads((file.metadata() or {})["run"]))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a whole state of a training run: {error}; delete it to start anew"
        ) from error
