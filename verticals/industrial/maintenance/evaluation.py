"""How good the models are on labelled data: life on machines cut off, faults on recordings, beside the baselines.

Machines whose remaining life is given are judged at their last cycle; machines that ran to failure are cut off at
random first. Nothing is fitted on what is judged, except baselines, which are fitted on nothing else than what the
models had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ....core.errors import InputError
from ....core.progress import track
from ....core.random import numpy_generator
from ....core.result import Evaluation
from ....core.trust.intervals import bootstrap
from ....core.types import Array
from .data import Recording, read_labelled
from .faults import numbers_of
from .life import LifeModel
from .records import CAP, FAULTS, FIRST, History
from .vibrations import UNIT, read_vibration

if TYPE_CHECKING:
    from .pipeline import MaintenancePipeline


def evaluate(pipeline: MaintenancePipeline, data: Path, *, layout: str | None, seed: int) -> Evaluation:
    """Metrics of whatever the data label and the pipeline has learned.

    Raises:
        InputError: the data and the pipeline have nothing in common.
    """
    labelled = read_labelled(data, layout)
    notes: list[str] = []
    metrics: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    baselines: dict[str, dict[str, float]] = {}
    subsets: dict[str, dict[str, float]] = {}
    count = 0
    machines = list(labelled.cut) or cut_off(labelled.failed, seed=seed)
    if machines and pipeline.life is not None:
        if not labelled.cut:
            notes.append("machines that ran to failure were cut off at random; those that were learned from flatter")
        said, found, ranges = life_metrics(pipeline.life, machines, seed=seed)
        metrics |= found
        intervals |= ranges
        baselines |= life_baselines(pipeline.life, machines, said)
        subsets["sensors"] = {name: found[name] for name in ("rmse", "nasa_score", "coverage")} | {"n": len(machines)}
        count += len(machines)
    if labelled.recordings and pipeline.faults is not None:
        found, ranges = fault_metrics(pipeline, labelled.recordings, seed=seed, notes=notes)
        metrics |= found
        intervals |= ranges
        baselines["the commonest fault"] = {"accuracy": _commonest(labelled.recordings)}
        subsets["vibration+machine"] = {"accuracy": found["accuracy"], "n": len(labelled.recordings)}
        notes.append(
            "a load of a bearing that was learned is nearly the same recording: judge by bearing (benchmarks/cwru)"
        )
        count += len(labelled.recordings)
    if not count:
        raise InputError(f"{data} labels nothing that this checkpoint has learned ({', '.join(labelled.layouts)})")
    return Evaluation(
        task="industrial/maintenance",
        data=str(data),
        n=count,
        metrics=metrics,
        intervals=intervals,
        baselines=baselines,
        subsets=subsets,
        worst_subset=None if len(subsets) > 1 else next(iter(subsets)),
        notes=tuple(notes),
    )


def cut_off(fleet: Sequence[History], *, seed: int) -> list[History]:
    """Each machine until a cycle drawn evenly between its 31st and its last but one."""
    generator = numpy_generator(seed, "cut off")
    found = []
    for history in fleet:
        if len(history) > FIRST + 7:
            found.append(history.until(int(generator.integers(FIRST + 6, len(history)))))
    return found


def life_metrics(
    model: LifeModel, machines: Sequence[History], *, seed: int
) -> tuple[dict[str, Array], dict[str, float], dict[str, tuple[float, float]]]:
    """Lives said, metrics and their 95 % intervals over machines."""
    said = told(model, machines)
    truth, low, high = said["truth"], said["low"], said["high"]
    inside = ((truth >= low - 1e-6) & (truth <= high + 1e-6)).astype(float)
    metrics = {
        "rmse": rmse(truth, said["life"]),
        "mae": float(np.abs(truth - said["life"]).mean()),
        "nasa_score": nasa_score(truth, said["life"]),
        "coverage": float(inside.mean()),
        "interval_width": float((high - low).mean()),
    }
    ranges = {}
    if len(machines) > 1:
        for name, found in (
            ("rmse", bootstrap(rmse, truth, said["life"], seed=seed)),
            ("coverage", bootstrap(lambda values: float(values.mean()), inside, seed=seed)),
        ):
            ranges[name] = (found.low, found.high)
    return said, metrics, ranges


def told(model: LifeModel, machines: Sequence[History]) -> dict[str, Array]:
    """What is said after the last cycle of each machine, beside the capped truth."""
    rows = []
    for history in track(list(machines), "judging machines"):
        course = model.course(history, [len(history) - 1])
        truth = min(float(history.remaining()[-1]), CAP)
        rows.append((truth, course.life[0], course.low[0], course.high[0], course.boosted[0]))
    return dict(zip(("truth", "life", "low", "high", "boosted"), np.array(rows).T, strict=True))


def life_baselines(
    model: LifeModel, machines: Sequence[History], said: Mapping[str, Array]
) -> dict[str, dict[str, float]]:
    """Boosting alone, the wear line alone, and the fleet's mean life."""
    truth = said["truth"]
    line = np.array([np.clip(CAP * model.scale.standard(each)[-30:, -1].mean(), 0, CAP) for each in machines])
    plain = {
        "boosting alone": said["boosted"],
        "wear line (ridge)": line,
        "mean life": np.full(len(truth), model.mean_life),
    }
    return {name: {"rmse": rmse(truth, life), "nasa_score": nasa_score(truth, life)} for name, life in plain.items()}


def rmse(truth: Array, life: Array) -> float:
    """Root mean square error in cycles."""
    return float(np.sqrt(np.mean((truth - life) ** 2)))


def nasa_score(truth: Array, life: Array) -> float:
    """The asymmetric score of the 2008 challenge (Saxena et al. 2008), summed: late is worse than early."""
    error = life - truth
    return float(np.where(error < 0, np.exp(-error / 13), np.exp(error / 10)).sum() - len(error))


def fault_metrics(
    pipeline: MaintenancePipeline, recordings: Sequence[Recording], *, seed: int, notes: list[str]
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Accuracy over recordings and the recall of each fault, with intervals over bearings."""
    assert pipeline.faults is not None
    right, labels, groups = [], [], []
    for recording in track(list(recordings), "judging recordings"):
        vibration = read_vibration(recording.path)
        numbers = numbers_of(vibration.wave, recording.rpm, recording.bearing, in_g=UNIT not in vibration.notes)
        probabilities = pipeline.faults.probabilities(numbers)
        right.append(float(max(probabilities, key=probabilities.__getitem__) == recording.fault))
        labels.append(recording.fault)
        groups.append(f"{recording.fault}/{recording.group}")
    hits, names = np.array(right), np.array(labels)
    metrics = {"accuracy": float(hits.mean())}
    metrics |= {f"recall.{fault}": float(hits[names == fault].mean()) for fault in FAULTS if (names == fault).any()}
    if len(set(groups)) < 2:
        return metrics, {}
    found = bootstrap(lambda values: float(values.mean()), hits, groups=np.array(groups), seed=seed)
    notes.append(f"{len(set(groups))} bearings: the interval of the accuracy is over them")
    return metrics, {"accuracy": (found.low, found.high)}


def _commonest(recordings: Sequence[Recording]) -> float:
    counts = np.unique([recording.fault for recording in recordings], return_counts=True)[1]
    return float(counts.max() / counts.sum())
