"""An inspector as a checkpoint and back, and its fused network as a program for other engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.checkpoint import Checkpoint
from ....core.classifier import Classifier
from ....core.config import from_plain, to_plain
from ....core.errors import ConfigError
from ....core.types import Table
from ..camera.expert import CameraExpert
from ..camera.memory import PatchMemory
from ..points.expert import PointExpert
from ..points.memory import ShapeConfig, ShapeMemory
from ..sound.expert import SoundExpert
from .decision import Threshold
from .experts import COLUMNS, Coverage, Experts, Scale
from .model import Inspector, Naming, numbers_read
from .places import Places

if TYPE_CHECKING:
    from ....core.export.program import Program

FUSED, NAMING = "fused.", "naming."
SOUND, CAMERA, POINTS = "sound.", "camera.", "points."


def pack(inspector: Inspector, *, kind: str, card: Mapping[str, Any], tolerance_mm: float) -> Checkpoint:
    """The inspector as plain values and tensors."""
    experts, tensors = inspector.experts, {}
    config: dict[str, Any] = {
        "tolerance_mm": tolerance_mm,
        "floor_mm": inspector.floor_mm,
        "centre": inspector.scale.centre,
        "spread": inspector.scale.spread,
        "tail": {
            sense: {name: list(each) for name, each in tails.items()} for sense, tails in inspector.scale.tail.items()
        },
        "rates": {name: each.rate for name, each in inspector.thresholds.items()},
    }
    for name, each in inspector.thresholds.items():
        tensors[f"threshold.{name}"] = each.scores
    _pack_experts(experts, config, tensors)
    if inspector.fused is not None:
        config["fused"] = inspector.fused.to_plain()
        tensors |= {FUSED + name: value for name, value in inspector.fused.tensors().items()}
    if inspector.naming is not None:
        config["naming"] = {"kinds": list(inspector.naming.kinds), **inspector.naming.classifier.to_plain()}
        tensors |= {NAMING + name: value for name, value in inspector.naming.classifier.tensors().items()}
    columns = {sense: inspector.scale.columns(sense) for sense in inspector.scale.centre}
    vocabulary = {"groups": list(inspector.groups), "columns": columns}
    return Checkpoint(kind=kind, config=config, tensors=tensors, vocabulary=vocabulary, card=card)


def _pack_experts(experts: Experts, config: dict[str, Any], tensors: dict[str, Any]) -> None:
    if experts.patches is not None:
        tensors["patches"] = experts.patches.bank
        config["origin"] = experts.patches.origin
    if experts.camera is not None:
        config["camera"] = experts.camera.config()
        tensors |= {CAMERA + name: value for name, value in experts.camera.tensors().items()}
    if experts.sounds is not None:
        config["sound"] = experts.sounds.config()
        tensors |= {SOUND + name: value for name, value in experts.sounds.tensors().items()}
    if experts.shapes is not None:
        known = experts.shapes
        config["shapes"] = {"cell": known.cell, "stride": known.stride, "config": to_plain(known.config)}
        tensors["shapes"] = known.bank
    if experts.points is not None:
        config["points"] = experts.points.config()
        tensors |= {POINTS + name: value for name, value in experts.points.tensors().items()}
    if experts.picture is not None:
        tensors["picture"] = experts.picture
    if np.isfinite(experts.steady):
        config["steady"] = experts.steady
    _pack_places("pixels", experts.pixels, tensors)
    if experts.coverage is not None:
        part = experts.coverage
        config["coverage"] = {"area": part.area, "residual": part.residual, "box": part.box.tolist()}
        config["coverage"]["sizes"] = {name: list(each) for name, each in (part.sizes or {}).items()}
        tensors |= {"coverage.samples": part.samples, "coverage.share": part.share}
        _pack_places("places", part.places, tensors)


def _pack_places(name: str, places: Places | None, tensors: dict[str, Any]) -> None:
    if places is not None:
        tensors |= {f"{name}.mean": places.mean.astype(np.float16), f"{name}.spread": places.spread.astype(np.float16)}


def _places(name: str, tensors: Mapping[str, Any]) -> Places | None:
    if f"{name}.mean" not in tensors:
        return None
    mean, spread = (np.asarray(tensors[f"{name}.{each}"], np.float32) for each in ("mean", "spread"))
    return Places(mean=mean, spread=spread)


def unpack(checkpoint: Checkpoint) -> Inspector:
    """The inspector that `pack` wrote."""
    config, tensors = checkpoint.config, checkpoint.tensors
    columns = {sense: tuple(names) for sense, names in checkpoint.vocabulary["columns"].items()}
    if any(set(names) - set(COLUMNS[sense]) for sense, names in columns.items()):
        raise ValueError(f"its experts measure {columns}, this version measures {COLUMNS}")
    fused = None
    if "fused" in config:
        weights = {name.removeprefix(FUSED): value for name, value in tensors.items() if name.startswith(FUSED)}
        fused = Classifier.of(config["fused"], weights)
    naming = None
    if "naming" in config:
        weights = {name.removeprefix(NAMING): value for name, value in tensors.items() if name.startswith(NAMING)}
        naming = Naming(kinds=tuple(config["naming"]["kinds"]), classifier=Classifier.of(config["naming"], weights))
    return Inspector(
        experts=_experts(config, tensors),
        scale=Scale(
            centre=config["centre"],
            spread=config["spread"],
            tail={sense: {name: (a, b) for name, (a, b) in each.items()} for sense, each in config["tail"].items()},
        ),
        fused=fused,
        naming=naming,
        thresholds={
            name: Threshold(scores=tensors[f"threshold.{name}"], rate=rate) for name, rate in config["rates"].items()
        },
        groups=tuple(checkpoint.vocabulary["groups"]),
        floor_mm=float(config["floor_mm"]),
    )


def _experts(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> Experts:
    """The experts that `_pack_experts` wrote."""
    patches = PatchMemory(bank=tensors["patches"], origin=config["origin"]) if "patches" in tensors else None
    camera = sounds = shapes = points = coverage = None
    if "camera" in config:
        own = {name.removeprefix(CAMERA): value for name, value in tensors.items() if name.startswith(CAMERA)}
        camera = CameraExpert.of(config["camera"], own)
    if "sound" in config:
        own = {name.removeprefix(SOUND): value for name, value in tensors.items() if name.startswith(SOUND)}
        sounds = SoundExpert.of(config["sound"], own)
    if "shapes" in config:
        known = config["shapes"]
        settings = from_plain(ShapeConfig, known["config"])
        shapes = ShapeMemory(bank=tensors["shapes"], cell=known["cell"], stride=known["stride"], config=settings)
    if "points" in config:
        own = {name.removeprefix(POINTS): value for name, value in tensors.items() if name.startswith(POINTS)}
        points = PointExpert.of(config["points"], own)
    if "coverage" in config:
        known = config["coverage"]
        coverage = Coverage(
            box=np.array(known["box"]),
            area=float(known["area"]),
            samples=tensors["coverage.samples"],
            share=tensors["coverage.share"],
            residual=float(known["residual"]),
            places=_places("places", tensors),
            sizes={name: (float(mean), float(spread)) for name, (mean, spread) in known["sizes"].items()},
        )
    return Experts(
        coverage=coverage,
        camera=camera,
        patches=patches,
        sounds=sounds,
        shapes=shapes,
        points=points,
        picture=tensors.get("picture"),
        pixels=_places("pixels", tensors),
        steady=float(config.get("steady", float("inf"))),
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
            sense: Table(numbers={name: low + 0.1 * i for i, name in enumerate(numbers_read(inspector.fused, sense))})
            for sense in model.modalities
        }
        for low in (0.5, 2.0)
    ]
    notes = {
        "before": "each sense's expert measures its numbers; they are centred and scaled by config.json, then asinh",
        "after": "the head gives log-probabilities of good and defect; their difference meets the subset's threshold",
    }
    return program_of(model, model.collate(rows), notes=notes)
