"""Sounds: are faults heard in noise, and is the line that is named the fault's own?

    python benchmarks/sounds.py                 # about a minute and a half on an idle core

Recordings of the simulated machine (verticals/industrial/simulate/machine.py) at signal-to-noise ratios of +6 to -12
decibels, severities even from .1 to 1; seeds that nothing was chosen on. Beside the expert stand its views alone, other
backends on the mel spectrum, and what came before (Mahalanobis distance on spectrum and envelope). As a control, good
recordings are called faulty: whatever finds those has seen what it should not.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
from results import spread, table, write

from colonnade.core.random import numpy_generator
from colonnade.core.types import Array, Waveform
from colonnade.verticals.industrial.inspection.metrics import roc_auc
from colonnade.verticals.industrial.records import Sound
from colonnade.verticals.industrial.simulate.machine import RATE, run
from colonnade.verticals.industrial.sound.backends import fit_backend
from colonnade.verticals.industrial.sound.expert import VIEWS, fit_sound
from colonnade.verticals.industrial.sound.memory import fit_sounds
from colonnade.verticals.industrial.sound.sounds import read_sound
from colonnade.verticals.industrial.sound.spectrum import log_mel, views

RATIOS = (6, 0, -6, -12)
FAULTS = {"outer_race": "BPFO", "inner_race": "BPFI", "tooth": "1x", "imbalance": "shaft 1x", "lubrication": None}
LEARNED, GOOD, EACH = 60, 40, 20
OTHERS = {"neighbours": "neighbours (LOF)", "residual": "residual (PCA)"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    runs = [{ratio: measured(seed, ratio) for ratio in RATIOS} for seed in range(101, 101 + options.seeds)]
    text = "\n\n".join([_areas(runs), _by_fault(runs)])
    print(text)
    write("Sounds", command="python benchmarks/sounds.py", text=text, packages=("numpy", "scipy"))


def measured(seed: int, ratio: int) -> Mapping[str, Mapping[str, float]]:
    """Area under the curve by scorer and fault, and the share of loud faults whose own line is named first."""
    learned, good = recorded(None, LEARNED, seed, ratio), recorded(None, GOOD, seed + 1_000, ratio)
    faulty = {fault: recorded(fault, EACH, seed + 2_000, ratio) for fault in FAULTS}
    faulty["control"] = recorded(None, EACH, seed + 3_000, ratio)
    expert, before = fit_sound(learned), fit_sounds([views(sound) for sound in learned], level=0.0)
    mel = np.stack([log_mel(sound).mean(axis=0) for sound in learned])
    others = {name: fit_backend(kind, mel) for kind, name in OTHERS.items()}

    def scores(sounds: Sequence[Sound]) -> dict[str, Array]:
        heard = [expert.look(sound) for sound in sounds]
        rows = np.stack([log_mel(sound).mean(axis=0) for sound in sounds])
        old = [np.linalg.norm(list(before.distances(views(sound)).values())) for sound in sounds]
        return {
            "expert": np.array([each.score for each in heard]),
            **{f"{view} alone": np.array([each.numbers[view] for each in heard]) for view in VIEWS},
            **{name: backend.distance(rows) for name, backend in others.items()},
            "spectrum and envelope (before)": np.array(old),
            "named": np.array([each.lines[0].name if each.lines else "" for each in heard]),
        }

    fine = scores(good)
    found: dict[str, dict[str, float]] = {name: {} for name in fine}
    for fault, sounds in faulty.items():
        bad = scores(sounds)
        labels = np.r_[np.zeros(len(good)), np.ones(len(sounds))]
        for name in fine:
            if name != "named":
                found[name][fault] = roc_auc(labels, np.r_[fine[name], bad[name]])
        own = FAULTS.get(fault) or ""
        found["named"][fault] = float((bad["named"] == own).mean())
    return found


def recorded(fault: str | None, count: int, seed: int, ratio: int) -> list[Sound]:
    made = []
    for number in range(count):
        generator = numpy_generator(seed, f"benchmark recording {number} of {fault}")
        samples = run(fault, float(generator.uniform(0.1, 1.0)), generator, snr=float(ratio))
        made.append(read_sound(Waveform(samples=samples, rate=RATE)))
    return made


def _areas(runs: Sequence[Mapping[int, Mapping[str, Mapping[str, float]]]]) -> str:
    names = [name for name in runs[0][RATIOS[0]] if name != "named"]
    rows = [
        [
            name,
            *(
                spread([float(np.mean([run[ratio][name][fault] for fault in FAULTS])) for run in runs])
                for ratio in RATIOS
            ),
        ]
        for name in names
    ]
    return (
        f"{LEARNED} good recordings learned, {GOOD} good and {EACH} of each of {len(FAULTS)} faults heard; area under "
        f"the curve, mean of the faults, mean [range] of {len(runs)} seeds, by signal-to-noise ratio in decibels.\n\n"
        + table(["scorer", *(f"{ratio:+d}" for ratio in RATIOS)], rows)
    )


def _by_fault(runs: Sequence[Mapping[int, Mapping[str, Mapping[str, float]]]]) -> str:
    def cell(ratio: int, fault: str) -> str:
        area = np.mean([run[ratio]["expert"][fault] for run in runs])
        named = np.mean([run[ratio]["named"][fault] for run in runs])
        return f"{area:.3f} ({named:.2f})"

    rows = [[fault, *(cell(ratio, fault) for ratio in RATIOS)] for fault in (*FAULTS, "control")]
    return (
        "The expert by fault, and in brackets how often the line named first is the fault's own (for lubrication and "
        "the control: how often none is named, which is right).\n\n"
        + table(["fault", *(f"{ratio:+d}" for ratio in RATIOS)], rows)
    )


if __name__ == "__main__":
    main()
