"""Proof 4, export: does the whole multimodal graph run elsewhere, equal to eager for every subset of modalities?

Five modalities (a 224-pixel CNN, both sound paths on 2 s, text, a series, a table) with fusion, gates and two heads are
written as one ONNX file with presence as an input; so are the five other kinds of encoder. Weights are drawn from the
seed, those that start at zero as well: a silent residual would prove nothing. Each of the 31 subsets is compared with
eager, as a whole batch and as one row. Latency is of one record with everything present, on one thread (more suffer
from whatever else the machine does): engines take turns in rounds, and ratios are taken within a round.

    python benchmarks/export.py [--seeds 3] [--rounds 7] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import results
import torch
from modalities import WIDTH, encoders, other_encoders, other_record, record

from colonnade.core.decoding.heads import ClassHead, QuantileHead
from colonnade.core.encoders.base import Encoder
from colonnade.core.engine import open_engine
from colonnade.core.export import write
from colonnade.core.export.check import load, measure
from colonnade.core.export.multimodal import program_of
from colonnade.core.export.program import Program
from colonnade.core.fusion.fusion import FusionConfig
from colonnade.core.model import Model
from colonnade.core.progress import say
from colonnade.core.random import torch_generator

LENGTHS = {
    "audio": {1: "samples"},
    "audio.mask": {1: "samples"},
    "text": {1: "words"},
    "text.mask": {1: "words"},
    **{f"series.{part}": {1: "patches"} for part in ("values", "real", "offsets", "ends", "mask")},
}
Run = Callable[[], Any]


def model_of(encoders: Callable[[], dict[str, Encoder]], seed: int) -> Model:
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


def program(seed: int) -> tuple[Program, Program]:
    """The program to prove, and the same one with a single record as its only case, to time."""
    model = model_of(encoders, seed)
    proof = program_of(model, model.collate([record(seed, number) for number in range(3)]), lengths=LENGTHS)
    one = program_of(model, model.collate([record(seed, 0)] * 2), lengths=LENGTHS)
    return proof, one


def others(seed: int) -> Program:
    """The program of the other five kinds of encoder."""
    model = model_of(other_encoders, seed)
    return program_of(model, model.collate([other_record(seed, number) for number in range(3)]))


def prove(proof: Program, seed: int, folder: Path) -> dict[str, Any]:
    """Export, and the largest difference over subsets by engine (OpenVINO's bf16 hint beside them)."""
    made = write(proof, task="benchmark/export", out=folder)
    told = json.loads((folder / "program.json").read_text())
    worst = {name: max(parity.values()) for name, parity in told["parity"].items()}
    hint = measure(open_engine(folder, "openvino", precision="bf16"), load(folder / "fixtures.safetensors"))
    size = (folder / "model.onnx").stat().st_size / 1e6
    say(f"seed {seed}: {worst}, bf16 {max(hint.values()):.2g}, {made.seconds:.0f} s, {told['notes']}")
    return {"worst": worst, "bf16": max(hint.values()), "subsets": len(made.parity), "size": size}


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


def told(first: list[dict[str, Any]], second: list[dict[str, Any]], timed: dict[str, tuple[float, list[float]]]) -> str:
    """The section's text."""
    rows = []
    for name, proofs in (("the first five", first), ("the other five", second)):
        subsets = f"{proofs[0]['subsets']}"
        for engine in ("onnxruntime", "openvino"):
            worst = max(each["worst"].get(engine, float("inf")) for each in proofs)
            rows.append([name, engine, subsets, f"{worst:.1e}", "1e-4"])
        rows.append([name, "openvino, bf16 hint", subsets, f"{max(each['bf16'] for each in proofs):.1e}", "none"])
    speed = [
        [label, f"{median:.1f} ms", f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"]
        for label, (median, ratios) in timed.items()
    ]
    return (
        f"One ONNX file of {first[0]['size']:.0f} MB: image (CNN), audio, text, series and table, fusion, gates and "
        "two heads; presence is an input. A second one holds the other kinds of encoder, small: image (Swin), volume, "
        f"points, events and graph. Largest difference from eager over {len(first)} seed(s), as a share of the largest "
        "value of the output (at least 1):\n\n"
        + results.table(["encoders", "engine", "subsets", "difference", "goal"], rows)
        + "\n\nOne record with all of the first five present, engines taking turns (median of rounds; ratio to "
        "eager of the same round, with its range):\n\n"
        + results.table(["engine", "time", "times quicker than eager"], speed)
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
        first, second = [], []
        for seed in range(options.seeds):
            proof, one = program(seed)
            first.append(prove(proof, seed, Path(place) / str(seed)))
            second.append(prove(others(seed), seed, Path(place) / f"others {seed}"))
        timed = latency(one, Path(place) / str(options.seeds - 1), rounds=options.rounds, threads=options.threads)
    text = told(first, second, timed) + busy()
    print(text)
    command = (
        f"python benchmarks/export.py --seeds {options.seeds} --rounds {options.rounds} --threads {options.threads}"
    )
    results.write("Export", command=command, text=text, packages=("torch", "onnx", "onnxruntime", "openvino"))


if __name__ == "__main__":
    main()
