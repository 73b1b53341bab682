"""Proof 4, export: does the whole multimodal graph run elsewhere, equal to eager for every subset of modalities?

Five modalities (a 224-pixel CNN, both sound paths on 2 s, text, a series, a table) with fusion, gates and two heads are
written as one ONNX file with presence as an input. Weights are drawn from the seed, those that start at zero as well: a
silent residual would prove nothing. Each of the 31 subsets is compared with eager, as a whole batch and as one row.
Latency is of one record with everything present, on one thread (more suffer from whatever else the machine does):
engines take turns in rounds, and ratios are taken within a round.

    python benchmarks/export.py [--seeds 3] [--rounds 7] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import results
import torch

from colonnade.core.decoding.heads import ClassHead, QuantileHead
from colonnade.core.encoders.audio import AudioConfig, AudioEncoder
from colonnade.core.encoders.base import Encoder
from colonnade.core.encoders.image import ImageConfig, ImageEncoder
from colonnade.core.encoders.series import SeriesConfig, SeriesEncoder
from colonnade.core.encoders.table import TableConfig, TableEncoder
from colonnade.core.encoders.text import TextConfig, TextEncoder
from colonnade.core.engine import open_engine
from colonnade.core.export import write
from colonnade.core.export.check import load, measure
from colonnade.core.export.multimodal import program_of
from colonnade.core.export.program import Program
from colonnade.core.fusion.fusion import FusionConfig
from colonnade.core.model import Model
from colonnade.core.progress import say
from colonnade.core.random import numpy_generator, torch_generator
from colonnade.core.types import Image, Noun, Series, Table, Text, Waveform

WIDTH = 64
LENGTHS = {
    "audio": {1: "samples"},
    "audio.mask": {1: "samples"},
    "text": {1: "words"},
    "text.mask": {1: "words"},
    **{f"series.{part}": {1: "patches"} for part in ("values", "real", "offsets", "ends", "mask")},
}
Run = Callable[[], Any]


def encoders() -> dict[str, Encoder]:
    """One encoder a modality, of the size that a small task would take."""
    columns = ("age", "load", "speed")
    return {
        "image": ImageEncoder(ImageConfig(width=WIDTH, backbone="cnn", name="tf_efficientnet_lite0")),
        "audio": AudioEncoder(AudioConfig(width=WIDTH)),
        "text": TextEncoder(TextConfig(width=WIDTH)),
        "series": SeriesEncoder(SeriesConfig(width=WIDTH, channels=3, causal=True)),
        "table": TableEncoder(TableConfig(width=WIDTH, numbers=columns, categories=("site",))),
    }


def model_of(seed: int) -> Model:
    """The model with every weight drawn, so that no path is silent."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = {"verdict": ClassHead(classes=5), "size": QuantileHead()}
        model = Model(encoders(), heads=heads, fusion=FusionConfig(width=WIDTH, rank=4))
    generator = torch_generator(seed, "export benchmark")
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05, generator=generator)
    return model.eval()


def record(seed: int, number: int) -> Mapping[str, Noun]:
    """One record of noise; lengths differ from record to record."""
    noise = numpy_generator(seed * 100 + number, "export benchmark")
    steps = 96 + 40 * number
    return {
        "image": Image(pixels=noise.random((240, 320, 3), np.float32)),
        "audio": Waveform(samples=noise.normal(size=32_000 - 4_000 * number) * 0.1, rate=16_000),
        "text": Text(text="a scratch near the edge of the part, seen twice " * (number + 1)),
        "series": Series(values=noise.normal(size=(steps, 3)), times=np.arange(steps) * 1.0),
        "table": Table(numbers={"age": 3.0 * number, "load": float(noise.normal())}, categories={"site": f"s{number}"}),
    }


def program(seed: int) -> tuple[Program, Program]:
    """The program to prove, and the same one with a single record as its only case, to time."""
    model = model_of(seed)
    proof = program_of(model, model.collate([record(seed, number) for number in range(3)]), lengths=LENGTHS)
    one = program_of(model, model.collate([record(seed, 0)] * 2), lengths=LENGTHS)
    return proof, one


def prove(seed: int, folder: Path) -> tuple[Program, dict[str, Any]]:
    """Export, and the largest difference over subsets by engine (OpenVINO's bf16 hint beside them)."""
    proof, one = program(seed)
    made = write(proof, task="benchmark/export", out=folder)
    told = json.loads((folder / "program.json").read_text())
    worst = {name: max(parity.values()) for name, parity in told["parity"].items()}
    hint = measure(open_engine(folder, "openvino", precision="bf16"), load(folder / "fixtures.safetensors"))
    size = (folder / "model.onnx").stat().st_size / 1e6
    say(f"seed {seed}: {worst}, bf16 {max(hint.values()):.2g}, {made.seconds:.0f} s, {told['notes']}")
    return one, {"worst": worst, "bf16": max(hint.values()), "subsets": len(made.parity), "size": size}


def latency(one: Program, folder: Path, *, rounds: int, threads: int) -> dict[str, tuple[float, list[float]]]:
    """Median milliseconds, and eager's time over the engine's in each round."""
    torch.set_num_threads(threads)
    tensors = tuple(each[:1] for each in one.example)
    arrays = {name: each.numpy() for name, each in zip(one.inputs, tensors, strict=True)}
    runs: dict[str, Run] = {"eager": lambda: one.eager(tensors)}
    for label, name, precision in (
        ("ONNX Runtime f32", "onnxruntime", None),
        ("OpenVINO f32", "openvino", None),
        ("OpenVINO bf16", "openvino", "bf16"),
    ):
        engine = open_engine(folder, name, precision=precision, threads=threads)
        runs[label] = lambda engine=engine: engine.run(arrays)
    spent: dict[str, list[float]] = {label: [] for label in runs}
    for round_ in range(rounds + 1):
        for label, run in runs.items():
            taken = _milliseconds(run)
            if round_:  # the first round warms up
                spent[label].append(taken)
    ratios = {label: [eager / own for eager, own in zip(spent["eager"], spent[label], strict=True)] for label in runs}
    return {label: (statistics.median(spent[label]), ratios[label]) for label in runs}


def _milliseconds(run: Run, times: int = 10) -> float:
    """The quickest of a few: what others on the machine take is not this engine's."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        taken.append(1000 * (time.perf_counter() - started))
    return min(taken)


def told(proofs: list[dict[str, Any]], timed: dict[str, tuple[float, list[float]]]) -> str:
    """The section's text."""
    rows = [
        [
            engine,
            f"{proofs[0]['subsets']}",
            f"{max(each['worst'].get(engine, float('inf')) for each in proofs):.1e}",
            "1e-4",
        ]
        for engine in ("onnxruntime", "openvino")
    ]
    rows.append(
        ["openvino, bf16 hint", f"{proofs[0]['subsets']}", f"{max(each['bf16'] for each in proofs):.1e}", "none"]
    )
    speed = [
        [label, f"{median:.1f} ms", f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"]
        for label, (median, ratios) in timed.items()
    ]
    return (
        f"One ONNX file of {proofs[0]['size']:.0f} MB: image, audio, text, series and table, fusion, gates and two "
        f"heads; presence is an input. Largest difference from eager over {len(proofs)} seed(s), as a share of the "
        "largest value of the output (at least 1):\n\n"
        + results.table(["engine", "subsets", "difference", "goal"], rows)
        + "\n\nOne record with everything present, engines taking turns (median of rounds; ratio to eager of the same "
        "round, with its range):\n\n" + results.table(["engine", "time", "times quicker than eager"], speed)
    )


def busy() -> str:
    """A warning, where others had the machine as well."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores + 1:
        return ""
    return f"\n\nThe machine was busy (load {load:.0f} on {cores} cores): take times and ratios from a quiet one.\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        proofs = []
        for seed in range(options.seeds):
            one, proof = prove(seed, Path(place) / str(seed))
            proofs.append(proof)
        timed = latency(one, Path(place) / str(options.seeds - 1), rounds=options.rounds, threads=options.threads)
    text = told(proofs, timed) + busy()
    print(text)
    command = (
        f"python benchmarks/export.py --seeds {options.seeds} --rounds {options.rounds} --threads {options.threads}"
    )
    results.write("Export", command=command, text=text, packages=("torch", "onnx", "onnxruntime", "openvino"))


if __name__ == "__main__":
    main()
