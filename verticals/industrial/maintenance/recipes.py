"""How the models of maintenance are made: the ones that ship, and a user's own.

    colonnade fit industrial/maintenance DATA --recipe shipped --out maintenance   DATA/cmapss and DATA/cwru
    colonnade fit industrial/maintenance my_fleet/ --out mine                      C-MAPSS folder, CSV or Parquet
    colonnade fit industrial/maintenance my_recordings/ --out mine                 recordings by fault
    colonnade fit industrial/maintenance my_fleet/ --method lora --out mine        the network moved, the boosting kept

A folder without recordings keeps the fault model that fitting starts from; one without machines keeps its life model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ....core import digest
from ....core.errors import InputError, UnknownName
from ....core.pipeline import FitOptions
from ....core.progress import say, track
from ....core.training.continual import replayed
from .bounds import COVERAGE, crossed
from .data import Labelled, Recording, read_labelled
from .faults import FaultModel, Numbers, fit_faults, numbers_of, pieces
from .lessons import Schedule, learn
from .life import LifeModel
from .records import CAP, REPLAYED
from .vibrations import UNIT, read_vibration

GIVEN = "the data that fit was given"
FLEET = "NASA C-MAPSS FD001 training engines (simulator, public domain)"
RECORDINGS = (
    "Case Western Reserve University Bearing Data Center, drive end, 12 kHz; the coefficients of three small logistic "
    "models are all that is kept of them"
)
RECIPES = ("shipped",)
KEPT = (
    "fleet",
    "fleet_sha256",
    "fleet_origin",
    "recordings",
    "recordings_origin",
)  # of the card of the models that stay


@dataclass(frozen=True, kw_only=True)
class Made:
    """Both models and what the card says of them."""

    life: LifeModel | None
    faults: FaultModel | None
    card: Mapping[str, Any]


def fit(before: Made, data: Path, options: FitOptions, *, task: str) -> Made:
    """New models of whatever the data label; the others stay as they were before.

    Raises:
        InputError: nothing to learn from, or a method that does not apply.
    """
    life, faults = before.life, before.faults
    if options.recipe is not None and options.recipe not in RECIPES:
        raise UnknownName(f"recipe of {task}", options.recipe, RECIPES)
    if options.recipe == "shipped":
        life = faults = None
        labelled = _shipped(data)
    else:
        labelled = read_labelled(data)
        if options.replay is not None:
            labelled = _beside(labelled, read_labelled(options.replay), options.seed)
    if options.method != "full" and labelled.failed and life is None:
        raise InputError(f"{options.method} starts from a life model and there is none: fit with --method full first")
    if labelled.failed and (options.method == "full" or life is None):
        life = learn(labelled.failed, schedule_of(options))
    elif labelled.failed and life is not None:
        from .adaptation import adapted

        life = adapted(life, labelled.failed, schedule_of(options), method=options.method)
    if labelled.recordings:
        if options.method != "full":
            say(f"fit: the fault model is a few logistic numbers and fitted whole: {options.method} means the same")
        faults = taught(labelled.recordings)
    if not labelled.failed and not labelled.recordings:
        raise InputError(
            f"{data} holds machines with a known remaining life but none that ran to failure: fit needs those"
        )
    return Made(life=life, faults=faults, card=_card(life, labelled, before, options))


def _beside(new: Labelled, old: Labelled, seed: int) -> Labelled:
    """The new machines and recordings with at most as many old ones."""
    failed = [replace(each, machine=REPLAYED + each.machine) for each in old.failed]
    return replace(
        new,
        failed=replayed(new.failed, failed if new.failed else None, seed=seed),
        recordings=replayed(new.recordings, old.recordings if new.recordings else None, seed=seed),
    )


def schedule_of(options: FitOptions) -> Schedule:
    """The schedule of a fit; `epochs` are those of the network."""
    schedule = Schedule(seed=options.seed)
    return schedule if options.epochs is None else replace(schedule, epochs=options.epochs)


def taught(recordings: Sequence[Recording]) -> FaultModel:
    """A fault model from labelled recordings, each in pieces."""
    rows, labels = numbers_by_piece(recordings)
    return fit_faults(rows, labels)


def numbers_by_piece(recordings: Sequence[Recording]) -> tuple[list[Numbers], list[str]]:
    """The numbers and the label of every piece."""
    rows: list[Numbers] = []
    labels: list[str] = []
    for recording in track(list(recordings), "reading recordings"):
        vibration = read_vibration(recording.path)
        in_g = UNIT not in vibration.notes
        for piece in pieces(vibration.wave):
            rows.append(numbers_of(piece, recording.rpm, recording.bearing, in_g=in_g))
            labels.append(recording.fault)
    return rows, labels


def _shipped(data: Path) -> Labelled:
    lacking = [name for name in ("cmapss", "cwru") if not (data / name).is_dir()]
    if lacking:
        raise InputError(
            f"the recipe shipped reads {data}/cmapss and {data}/cwru, and {', '.join(lacking)} is not there"
        )
    fleet, recordings = read_labelled(data / "cmapss", "cmapss"), read_labelled(data / "cwru", "recordings")
    return replace(fleet, recordings=recordings.recordings)


def _card(life: LifeModel | None, labelled: Labelled, before: Made, options: FitOptions) -> dict[str, Any]:
    kept = () if options.recipe == "shipped" else KEPT
    told: dict[str, Any] = {name: before.card[name] for name in kept if name in before.card}
    told |= {
        "inputs": "sensor series (one row a cycle), vibration (acceleration at a bearing), machine table",
        "outputs": f"remaining life in cycles up to {CAP:g} with a {COVERAGE:.0%} interval, health index, bearing "
        "fault",
        "recipe": options.recipe or "fit",
        "method": options.method,
        "seed": options.seed,
    }
    if labelled.failed:
        told["fleet"] = f"{len(labelled.failed)} machines that ran to failure"
        told["fleet_origin"] = FLEET if options.recipe == "shipped" else GIVEN
        told["fleet_sha256"] = digest.of_value([history.values.tolist() for history in labelled.failed])
    if labelled.recordings:
        faults = sorted({each.fault for each in labelled.recordings})
        told["recordings"] = f"{len(labelled.recordings)} recordings of {', '.join(faults)}"
        told["recordings_origin"] = RECORDINGS if options.recipe == "shipped" else GIVEN
    if life is not None and len(life.errors):
        told["left_out"] = left_out_numbers(life)
    return told


def left_out_numbers(life: LifeModel) -> dict[str, float]:
    """Error on machines left out, coverage and width of intervals fitted without each; machines counted once."""
    machines, said, truth = life.errors.T.astype(np.float64)
    _, which, counts = np.unique(machines, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which] / len(counts)
    low, high = crossed(said, truth, machines)
    inside = (truth >= low - 1e-6) & (truth <= high + 1e-6)
    return {
        "rmse": float(np.sqrt((weight * (said - truth) ** 2).sum())),
        "coverage": float((weight * inside).sum()),
        "width": float((weight * (high - low)).sum()),
    }
