"""Inspection: is the fused answer worth more than any single sense, and is the promised rate of false rejects kept?

    python benchmarks/inspection.py            # about an hour of one core

Generated units of the sample's nut (a real mesh; scan, picture and sound by the simulator), looked at by the inspector
that ships: test units come from a seed of their own; each seed deals the good units anew to teaching and
thresholds, and draws the networks anew. A unit is bad where any sense carries a visible defect, so a single sense is
capped by construction at (1 + the share of bad units that it can see) / 2. Real photographs: photographs.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from results import spread, table, write
from scipy.stats import beta

from colonnade.core.progress import track
from colonnade.core.random import numpy_generator
from colonnade.core.trust.intervals import bootstrap
from colonnade.core.trust.subsets import subset_name, subsets_of
from colonnade.core.types import Array, Image, Waveform
from colonnade.verticals.industrial.camera.images import read_image
from colonnade.verticals.industrial.inspection.evaluation import Looked, largest, raw, subsets
from colonnade.verticals.industrial.inspection.experts import Experts, Seen
from colonnade.verticals.industrial.inspection.metrics import roc_auc
from colonnade.verticals.industrial.inspection.model import Inspector, Row
from colonnade.verticals.industrial.inspection.recipes import (
    Lesson,
    assemble,
    demonstrated,
    read_unit,
    sample_part,
)
from colonnade.verticals.industrial.records import SENSES, Sound, Unit
from colonnade.verticals.industrial.simulate.camera import Shift
from colonnade.verticals.industrial.simulate.sensors import Rig, rig
from colonnade.verticals.industrial.simulate.units import Batch, kinds_for, unit
from colonnade.verticals.industrial.sound.sounds import read_sound

COMMAND = "python benchmarks/inspection.py"
SAMPLE = Path(__file__).parents[1] / "samples" / "industrial"
TESTED = 90_417_553  # the seed of the test units; those of 880_301, 551_207 and 7_140_311 were seen while it was built
GOOD, BAD, TEST_GOOD, TEST_BAD = 250, 140, 100, 420
SHIFTED_GOOD, SHIFTED_BAD = 30, 28
PLAIN = 6.0  # the severity from which a defect must be found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    text = generated(options.seeds)
    print(text)
    write("Inspection of generated parts", command=COMMAND, text=text, packages=("torch", "timm", "scipy"))


@dataclass(frozen=True)
class Tested:
    """What the experts said: of the units that teach, of test units, and of test units under worse conditions."""

    lesson: Lesson
    looked: Looked
    worse: dict[str, Looked]


def generated(seeds: int) -> str:
    """Every subset of senses on generated units: fused beside the baselines."""
    return told(tested(), seeds)


def tested() -> Tested:
    """Generate and look: nearly all of the time. The inspector is the one that ships, before its thresholds."""
    lesson = demonstrated(SAMPLE, seed=0, good=GOOD, bad=BAD)
    made = rig(sample_part(SAMPLE))
    looked = look(lesson.experts, made, _numbers(TEST_GOOD, TEST_BAD), Batch())
    return Tested(lesson, looked, worse(lesson.experts, made, looked))


def _numbers(good: int, bad: int) -> list[int]:
    """The first good and the first defective of the test units."""
    return [*range(good), *range(TEST_GOOD, TEST_GOOD + bad)]


def look(experts: Experts, made: Rig, numbers: Sequence[int], batch: Batch, senses: Sequence[str] = SENSES) -> Looked:
    """Those of the test units as the senses saw them; nothing heavy is kept."""
    test, observed, kinds = [], [], kinds_for(made, batch)
    for number in track(numbers, "looking at test units"):
        kind = None if number < TEST_GOOD else kinds[(number - TEST_GOOD) % len(kinds)]
        generator = numpy_generator(TESTED, f"unit {number} of {made.part.name}")
        each = unit(made, kind, batch, generator=generator, name=f"{number:04d}")
        kept = {name: value for name, value in each.given.items() if name in senses or name == "nominal"}
        seen = bare(experts.look(read_unit(replace(each, given=kept))))
        if "sound" in senses:
            seen["clipped"] = bare(experts.look({"sound": _clipped(each.given["sound"])}))["sound"]
        observed.append(seen)
        test.append(slim(each))
    return Looked(units=test, observed=observed)


def _clipped(wave: Waveform) -> Sound:
    limit = 0.35 * float(np.abs(wave.samples).max())
    return read_sound(Waveform(samples=np.clip(wave.samples, -limit, limit), rate=wave.rate))


def worse(experts: Experts, made: Rig, looked: Looked) -> dict[str, Looked]:
    """A small set of the test units: as usual, then with one sensor worse; the other senses stay as they were."""
    numbers = _numbers(SHIFTED_GOOD, SHIFTED_BAD)
    usual = Looked(units=[looked.units[n] for n in numbers], observed=[dict(looked.observed[n]) for n in numbers])
    clipped = [{"sound": each.pop("clipped")} for each in usual.observed]  # type: ignore[attr-defined]
    for each in looked.observed:
        each.pop("clipped", None)  # type: ignore[attr-defined]
    black = read_image(Image(pixels=np.zeros((320, 320), np.uint8)))
    dark = bare(experts.look({"image": black}))
    found = {"as usual": usual, "microphone clipped at 35 %": _with(usual, clipped)}
    found["camera dark"] = _with(usual, [dark] * len(numbers))
    changes: list[tuple[str, str, Batch]] = [
        ("four of ten scanner views lost", "scan", Batch(lost=4)),
        ("lamps turned by 20 degrees", "image", Batch(shift=Shift(kind="lamp"))),
        ("30 % less light", "image", Batch(shift=Shift(kind="exposure"))),
        ("one lamp dead", "image", Batch(shift=Shift(kind="dead"))),
        ("out of focus", "image", Batch(shift=Shift(kind="defocus"))),
    ]
    for name, sense, batch in changes:
        found[name] = _with(usual, look(experts, made, numbers, batch, (sense,)).observed)
    return found


def _with(usual: Looked, changed: Sequence[Mapping[str, Seen]]) -> Looked:
    pairs = zip(usual.observed, changed, strict=True)
    return Looked(units=usual.units, observed=[{**one, **two} for one, two in pairs])


def bare(observed: Mapping[str, Seen]) -> dict[str, Seen]:
    """Without pictures and clouds."""
    return {sense: Seen(numbers=e.numbers, score=e.score, refused=e.refused) for sense, e in observed.items()}


def slim(unit: Unit) -> Unit:
    return replace(unit, given={}, truth={name: unit.truth[name] for name in ("visible", "severity", "fault")})


def told(found: Tested, seeds: int) -> str:
    """The tables."""
    made_of = [assemble(_dealt(found.lesson, seed), start=None, seed=seed) for seed in range(seeds)]
    rows_of = [subsets(each, found.looked) for each in made_of]
    head = ["senses", "fused", "product of experts", "largest surprise", "best single", "false rejects (1 %)", "recall"]
    keys = ("roc_auc", "late_roc_auc", "largest_spread_roc_auc", "best_single_roc_auc", "false_rejects", "recall")
    rows = [[name, *(spread([each[name][key] for each in rows_of]) for key in keys)] for name in rows_of[0]]
    against = ["senses", "less the best single sense", "less the largest surprise", "less the product of experts"]
    compared = [_compared(made_of, found.looked, name) for name in rows_of[0]]
    promised = rows_of[0][next(iter(rows_of[0]))]["promised"]
    kinds = len({made.defect for made in found.looked.units}) - 1
    return (
        f"{TEST_GOOD} good and {TEST_BAD} defective test units, {kinds} kinds of defect in turn, severities 3, 6, 12 "
        f"and 25 times the noise of the sense; area under the ROC curve, mean [range] of {seeds} seeds. A unit is bad "
        f"where any sense carries a visible defect: {_caps(found.looked)}."
        f"\n\n{table(head, rows)}\n\nThe promise is at most {promised:.1%} false rejects. A unit with a sense "
        "that was refused (bent so far that it does not lie on the nominal part) is unmeasurable, never passed, and "
        "left out of the subsets with that sense.\n\n"
        "Area of the fused score less that of each baseline: mean of the seeds, 95 % over redrawn test units."
        f"\n\n{table(against, compared)}\n\n{_detection(made_of, found.looked)}\n\n{_worst(made_of, found.worse)}"
    )


def _caps(looked: Looked) -> str:
    bad = [unit for unit in looked.units if not unit.good]
    cells = []
    for sense in SENSES:
        share = float(np.mean([unit.truth["visible"][sense] for unit in bad]))
        cells.append(f"{sense} {share:.0%} (so at most about {(1 + share) / 2:.2f} alone)")
    return (
        f"visible to {', '.join(cells)}; faults too faint to be called audible add a little to sound. What the senses "
        "measure, and that one sense alone answers by its rule, was decided after a look at units of another seed; "
        "these were drawn once all was fixed"
    )


def _detection(made_of: Sequence[Inspector], looked: Looked) -> str:
    """Defects found at the promised false rejects, by severity, by kind, and what they were called."""
    rejected = np.array([_rejected(each, looked.observed) for each in made_of])
    severity = np.array([unit.truth["severity"] for unit in looked.units])
    seen = np.array([any(unit.truth["visible"].values()) for unit in looked.units])
    plain = (severity >= PLAIN) & seen
    rows = []
    for number in sorted(set(severity) - {0.0}):
        chosen = (severity == number) & seen
        rows.append([f"{number:g}", str(chosen.sum()), spread(rejected[:, chosen].mean(axis=1))])
    cells = []
    for number, row in enumerate(rejected):
        found, count = int(row[plain].sum()), int(plain.sum())
        low = float(beta.ppf(0.05, found, count - found + 1)) if found else 0.0
        cells.append(f"seed {number}: {found} of {count}, at least {low:.3f}")
    kinds = np.array([unit.defect for unit in looked.units])
    named = [_named(each, looked) for each in made_of]
    by_kind = [
        [
            kind,
            str((kinds == kind).sum()),
            spread(rejected[:, kinds == kind].mean(axis=1)),
            spread([n[kind] for n in named]),
        ]
        for kind in sorted(set(kinds) - {"good"})
    ]
    overall = spread([float(np.average([n[k] for k in n], weights=[(kinds == k).sum() for k in n])) for n in named])
    return (
        f"Found at the threshold of all three senses (1 % false rejects promised), by severity:\n\n"
        f"{table(['severity', 'visible defects', 'found'], rows)}\n\nOf severity {PLAIN:g} and more and "
        f"visible to any sense (one-sided 95 % bound of Clopper and Pearson): {'; '.join(cells)}.\n\n"
        f"By kind, with the share whose likeliest kind is the true one (overall {overall}):\n\n"
        f"{table(['kind', 'units', 'found', 'named rightly'], by_kind)}"
    )


def _rejected(inspector: Inspector, observed: Sequence[Mapping[str, Seen]]) -> Array:
    """By the threshold of the senses that could be used."""
    scores, answer = inspector.scores(observed), []
    for each, score in zip(observed, scores, strict=True):
        name = subset_name(sense for sense in SENSES if sense in each and each[sense].usable)
        threshold = inspector.thresholds.get(name)
        answer.append(threshold is not None and threshold.verdict(float(score)) == "reject")
    return np.array(answer)


def _named(inspector: Inspector, looked: Looked) -> dict[str, float]:
    right: dict[str, list[bool]] = {}
    for made, observed in zip(looked.units, looked.observed, strict=True):
        if not made.good:
            first = next(iter(inspector.kinds(observed)), "")
            right.setdefault(made.defect, []).append(first == made.defect)
    return {kind: float(np.mean(each)) for kind, each in right.items()}


def _worst(made_of: Sequence[Inspector], worse: dict[str, Looked]) -> str:
    """Every condition: the area with all senses, the worst subset, false rejects, and units that were refused."""
    rows = []
    for name, looked in worse.items():
        labels = looked.labels
        area = [roc_auc(labels, each.scores(looked.observed)) for each in made_of]
        rejects = [float(_rejected(each, looked.observed)[~labels].mean()) for each in made_of]
        refused = np.mean([any(not seen.usable for seen in each.values()) for each in looked.observed])
        rows.append([name, spread(area), *_lowest(made_of, looked), spread(rejects), f"{refused:.2f}"])
    head = ["condition", "all senses", "worst subset", "its area", "false rejects", "units with a refused sense"]
    return (
        f"Sensors that fail or drift ({SHIFTED_GOOD} good and {SHIFTED_BAD} defective units; nothing is learned "
        f"anew; a refused sense makes the unit unmeasurable unless another rejects it):\n\n{table(head, rows)}"
    )


def _lowest(made_of: Sequence[Inspector], looked: Looked) -> tuple[str, str]:
    areas = {}
    for subset in subsets_of(SENSES):
        some = [
            {sense: each[sense] for sense in subset if sense in each and each[sense].usable} for each in looked.observed
        ]
        if any(some):
            areas[subset_name(subset)] = [roc_auc(looked.labels, each.scores(some)) for each in made_of]
    name = min(areas, key=lambda each: float(np.mean(areas[each])))
    return name, spread(areas[name])


def _dealt(lesson: Lesson, seed: int) -> Lesson:
    """The same good rows, dealt anew to teaching and thresholds."""
    rows = [*lesson.good, *lesson.held]
    order = numpy_generator(seed, "benchmark deal").permutation(len(rows))
    share = len(lesson.good)
    good: list[Row] = [rows[index] for index in order[:share]]
    return replace(lesson, good=good, held=[rows[index] for index in order[share:]])


def _compared(made_of: Sequence[Inspector], looked: Looked, name: str) -> list[str]:
    """One subset: how much more area the fused score has than each baseline, with paired intervals."""
    senses = name.split("+")
    whole = [n for n, each in enumerate(looked.observed) if all(each[sense].usable for sense in senses)]
    looked = Looked(units=[looked.units[n] for n in whole], observed=[looked.observed[n] for n in whole])
    observed = [{sense: each[sense] for sense in senses} for each in looked.observed]
    fused = [each.scores(observed) for each in made_of]
    late = [each.scores(observed, late=True) for each in made_of]
    most = [largest(each, observed) for each in made_of]
    singles = [[raw(each, observed, sense) for each in made_of] for sense in senses]
    singles += [[each.scores([{sense: o[sense]} for o in observed]) for each in made_of] for sense in senses]
    single = max(singles, key=lambda scores: np.mean([roc_auc(looked.labels, score) for score in scores]))
    cells = [name]
    for other in (single, most, late):
        interval = bootstrap(_gain, looked.labels, np.stack(fused, axis=1), np.stack(other, axis=1), rounds=400)
        cells.append(f"{interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]")
    return cells


def _gain(labels: Array, scores: Array, others: Array) -> float:
    """Mean over the columns of the difference in area."""
    pairs = zip(scores.T, others.T, strict=True)
    return float(np.mean([roc_auc(labels, score) - roc_auc(labels, other) for score, other in pairs]))


if __name__ == "__main__":
    main()
