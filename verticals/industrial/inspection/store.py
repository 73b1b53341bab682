"""An inspector as a checkpoint and back, and its fused network as a program for other engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.checkpoint import Checkpoint
from ....core.classifier import Classifier
from ....core.errors import ConfigError
from ....core.types import Table
from ..camera.memory import PatchMemory
from ..sound.memory import SoundMemory
from .decision import Threshold
from .experts import COLUMNS, SCORE, Coverage, Experts, Scale
from .model import Inspector

if TYPE_CHECKING:
    from ....core.export.program import Program

FUSED = "fused."


def pack(inspector: Inspector, *, kind: str, card: Mapping[str, Any], tolerance_mm: float) -> Checkpoint:
    """The inspector as plain values and tensors."""
    experts, tensors = inspector.experts, {}
    config: dict[str, Any] = {
        "tolerance_mm": tolerance_mm,
        "floor_mm": inspector.floor_mm,
        "centre": inspector.scale.centre,
        "spread": inspector.scale.spread,
        "rates": {name: each.rate for name, each in inspector.thresholds.items()},
    }
    for name, each in inspector.thresholds.items():
        tensors[f"threshold.{name}"] = each.scores
    if experts.patches is not None:
        tensors["patches"] = experts.patches.bank
        config["origin"] = experts.patches.origin
    if experts.sounds is not None:
        config["level"] = experts.sounds.level
        for view, mean in experts.sounds.mean.items():
            tensors[f"sound.mean.{view}"] = mean
            tensors[f"sound.white.{view}"] = experts.sounds.white[view]
    if experts.coverage is not None:
        known = experts.coverage
        config["coverage"] = {"area": known.area, "residual": known.residual, "box": known.box.tolist()}
        tensors |= {"coverage.samples": known.samples, "coverage.share": known.share}
    if inspector.fused is not None:
        config["fused"] = inspector.fused.to_plain()
        tensors |= {FUSED + name: value for name, value in inspector.fused.tensors().items()}
    vocabulary = {"groups": list(inspector.groups), "columns": {sense: list(names) for sense, names in COLUMNS.items()}}
    return Checkpoint(kind=kind, config=config, tensors=tensors, vocabulary=vocabulary, card=card)


def unpack(checkpoint: Checkpoint) -> Inspector:
    """The inspector that `pack` wrote."""
    config, tensors = checkpoint.config, checkpoint.tensors
    columns = {sense: tuple(names) for sense, names in checkpoint.vocabulary["columns"].items()}
    if columns != COLUMNS:
        raise ValueError(f"its experts measure {columns}, this version measures {COLUMNS}")
    patches = PatchMemory(bank=tensors["patches"], origin=config["origin"]) if "patches" in tensors else None
    sounds = None
    if "level" in config:
        views = [name.removeprefix("sound.mean.") for name in tensors if name.startswith("sound.mean.")]
        sounds = SoundMemory(
            mean={view: tensors[f"sound.mean.{view}"] for view in views},
            white={view: tensors[f"sound.white.{view}"] for view in views},
            level=float(config["level"]),
        )
    coverage = None
    if "coverage" in config:
        known = config["coverage"]
        coverage = Coverage(
            box=np.array(known["box"]),
            area=float(known["area"]),
            samples=tensors["coverage.samples"],
            share=tensors["coverage.share"],
            residual=float(known["residual"]),
        )
    fused = None
    if "fused" in config:
        weights = {name.removeprefix(FUSED): value for name, value in tensors.items() if name.startswith(FUSED)}
        fused = Classifier.of(config["fused"], weights)
    return Inspector(
        experts=Experts(coverage=coverage, patches=patches, sounds=sounds),
        scale=Scale(centre=config["centre"], spread=config["spread"]),
        fused=fused,
        thresholds={
            name: Threshold(scores=tensors[f"threshold.{name}"], rate=rate) for name, rate in config["rates"].items()
        },
        groups=tuple(checkpoint.vocabulary["groups"]),
        floor_mm=float(config["floor_mm"]),
    )


def program(inspector: Inspector) -> Program:
    """The fused network on the experts' numbers, with every subset of senses as a case.

    Raises:
        ConfigError: one sense was learned, so there is nothing fused to export.
    """
    from ....core.export.multimodal import program_of

    if inspector.fused is None:
        raise ConfigError("one sense was learned: there is no fused network to export")
    model = inspector.fused.model
    rows = [
        {
            sense: Table(numbers={name: low + 0.1 * i for i, name in enumerate((*COLUMNS[sense], SCORE))})
            for sense in model.modalities
        }
        for low in (0.5, 2.0)
    ]
    notes = {
        "before": "each sense's expert measures its numbers; they are centred and scaled by config.json, then asinh",
        "after": "the head gives log-probabilities of good and defect; their difference meets the subset's threshold",
    }
    return program_of(model, model.collate(rows), notes=notes)
