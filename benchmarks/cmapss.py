"""How well is the remaining life of an engine known, and what is that worth? C-MAPSS FD001 (turbofans, simulated).

    python benchmarks/cmapss.py            # the weights that ship: two minutes; data in ../shared/data or
    $COLONNADE_DATA python benchmarks/cmapss.py --refit    # learns them first: ten minutes on an idle core

Everything was chosen by cross-validation over the 100 training engines; the 100 test engines are judged once, at their
last cycle, with lives beyond 125 cycles counted as 125.
"""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from results import table, write

from colonnade.core.random import numpy_generator
from colonnade.core.trust.intervals import bootstrap
from colonnade.core.types import Array
from colonnade.verticals.industrial.maintenance.bounds import crossed
from colonnade.verticals.industrial.maintenance.data import read_labelled
from colonnade.verticals.industrial.maintenance.evaluation import nasa_score, rmse, told
from colonnade.verticals.industrial.maintenance.features import mean_of, slope_of
from colonnade.verticals.industrial.maintenance.lessons import Schedule, learn
from colonnade.verticals.industrial.maintenance.life import LifeModel
from colonnade.verticals.industrial.maintenance.pipeline import MaintenancePipeline
from colonnade.verticals.industrial.maintenance.policy import (
    Life,
    Policy,
    Prices,
    below,
    cheapest,
    interval,
    outcomes,
    periodic,
    to_failure,
    worth,
)
from colonnade.verticals.industrial.maintenance.recipes import left_out_numbers
from colonnade.verticals.industrial.maintenance.records import CAP, FIRST, History

COMMAND = "python benchmarks/cmapss.py"
DATA = Path(os.environ.get("COLONNADE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data")) / "cmapss"
WINDOW = 30
PERIODS = tuple(range(80, 330, 10))
LIMITS = tuple(range(0, 62, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refit", action="store_true")
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"no data at {DATA}: set COLONNADE_DATA")
    labelled = read_labelled(DATA, "cmapss")
    model = learn(labelled.failed, Schedule()) if options.refit else MaintenancePipeline.from_pretrained().life
    assert model is not None
    command = COMMAND + (" --refit" if options.refit else "")
    sections = {
        "Remaining life of turbofans (C-MAPSS FD001)": lives(model, labelled.failed, labelled.cut),
        "Maintenance policies on turbofans (C-MAPSS FD001)": policies(model),
    }
    for name, text in sections.items():
        print(f"\n{name}\n{text}")
        write(name, command=command, text=text, packages=("torch", "scikit-learn"))


def lives(model: LifeModel, failed: Sequence[History], cut: Sequence[History]) -> str:
    """The test engines, beside baselines fitted on the same training engines, and what cross-validation said."""
    said = told(model, cut)
    truth = said["truth"]
    answers = {
        "mean life of the training engines": np.full(len(truth), model.mean_life),
        **baselines(model, failed, cut),
        "its boosting alone": said["boosted"],
        "**industrial/maintenance**": said["life"],
    }
    rows = [(name, *_scores(truth, life)) for name, life in answers.items()]
    inside = ((truth >= said["low"] - 1e-6) & (truth <= said["high"] + 1e-6)).astype(float)
    held = bootstrap(lambda values: float(values.mean()), inside, seed=0)
    reference = answers["boosting, windows of 30 cycles"]
    gain = bootstrap(lambda t, a, b: rmse(t, a) - rmse(t, b), truth, said["life"], reference, seed=0)
    trained = left_out_numbers(model)
    return "\n\n".join([
        table(("100 test engines, last cycle", "RMSE", "95 % over engines", "NASA score"), rows),
        f"Against boosting in the same run: {gain.value:+.2f} cycles of RMSE [{gain.low:+.2f}, {gain.high:+.2f}]. "
        "Goal: RMSE "
        f"10.5. Intervals of 90 %: {inside.mean():.2f} of the test engines inside [{held.low:.2f}, "
        f"{held.high:.2f}], mean width "
        f"{(said['high'] - said['low']).mean():.1f} cycles; goal .88 to .92, and 100 engines tell it to three points.",
        "On training engines left out a fifth at a time (every cycle from the "
        f"{FIRST + 1}th on, engines counted once): RMSE "
        f"{trained['rmse']:.2f}, coverage of intervals fitted without the engine {trained['coverage']:.3f}, mean width "
        f"{trained['width']:.1f}; by life that was said: {_strata(model)}.",
        f"The network's share is {model.share:g}, from those engines. Baselines see the mean, spread, slope and "
        "last value of "
        f"{WINDOW} cycles and the age.",
    ])  # fmt: skip


def baselines(model: LifeModel, failed: Sequence[History], cut: Sequence[History]) -> dict[str, Array]:
    """Ridge and gradient boosting on plain windows of the same sensors, fitted on the same training engines."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    rows = np.concatenate([windows(model, history) for history in failed])
    life = np.concatenate([np.minimum(history.remaining(), CAP) for history in failed])
    last = np.array([windows(model, history)[-1] for history in cut])
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    ridge = RidgeCV(np.logspace(-1, 4, 6)).fit((rows - mean) / spread, life).predict((last - mean) / spread)
    boosted = HistGradientBoostingRegressor(
        max_iter=300, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=40, random_state=0
    )
    trees = boosted.fit(rows, life).predict(last)
    return {
        "ridge, windows of 30 cycles": np.clip(ridge, 0, CAP),
        "boosting, windows of 30 cycles": np.clip(trees, 0, CAP),
    }


def windows(model: LifeModel, history: History) -> Array:
    """Mean, spread, slope and last value of the last 30 cycles, and the age."""
    values = history.columns(model.scale.sensors)
    mean = mean_of(values, WINDOW)
    spread = np.sqrt(np.maximum(mean_of(values**2, WINDOW) - mean**2, 0))
    age = np.arange(1, len(values) + 1)[:, None]
    return np.concatenate([mean, spread, slope_of(values, WINDOW), values, age], axis=1)


def policies(model: LifeModel) -> str:
    """Each policy's setting is the cheapest on four fifths of the training engines and judged on the last fifth."""
    found = engines(model)
    prices = Prices()
    makers: Mapping[str, tuple[Callable[[float], Policy], Sequence[float]]] = {
        "periodic": (periodic, PERIODS),
        "predicted life": (lambda limit: below(limit, bound=False), LIMITS),
        "lower bound of the life": (lambda limit: below(limit, bound=True), LIMITS),
    }
    judged = {"run to failure": outcomes(to_failure, found)}
    settings: dict[str, list[float]] = {"run to failure": []}
    for name, (make, limits) in makers.items():
        judged[name], settings[name] = [], []
        for fold in np.array_split(numpy_generator(0, "policies").permutation(len(found)), 5):
            others = [each for index, each in enumerate(found) if index not in set(fold.tolist())]
            limit = cheapest(make, limits, others, prices)
            settings[name].append(limit)
            judged[name] += outcomes(make(limit), [found[index] for index in fold])
    rows = []
    for name, each in judged.items():
        cells = [_cell(interval(each, prices, key), digits) for key, digits in SHOWN]
        mean = worth(each, prices)["cycles_between_failures"]
        chosen = "/".join(f"{limit:g}" for limit in sorted(set(settings[name]))) or "-"
        rows.append((name, chosen, *cells, f"{mean:.0f}" if np.isfinite(mean) else "no failure"))
    head = (
        "policy",
        "setting, cycles",
        "cost a 100 cycles",
        "availability",
        "failed",
        "wasted cycles",
        "between failures",
    )
    return "\n\n".join([
        table(head, rows),
        f"{len(found)} training engines, what was said of each by models that never saw it; planned maintenance costs "
        f"{prices.planned:g} and {prices.planned_stop:g} cycles of standstill, a failure {prices.failure:g} and "
        f"{prices.failure_stop:g}; settings were chosen on other engines than they are judged on; 95 % intervals "
        "over engines. "
        "Cycles between failures alone can be had by maintaining too early: the cost and the wasted cycles say "
        "what it took. "
        "Prices are assumptions, not measurements.",
    ])  # fmt: skip


SHOWN = (("cost_per_100_cycles", 2), ("availability", 3), ("failures_share", 2), ("wasted_life", 0))


def engines(model: LifeModel) -> list[Life]:
    """Every training engine with what was said of it when it was left out, bounds fitted without it too."""
    machines, said, truth = model.errors.T.astype(np.float64)
    low, _ = crossed(said, truth, machines)
    found = []
    for number in np.unique(machines):
        rows = machines == number
        count = int(rows.sum())
        cycles = np.arange(FIRST + 1, FIRST + 1 + count, dtype=float)
        found.append(Life(length=FIRST + count, cycles=cycles, life=said[rows], low=low[rows]))
    return found


def _scores(truth: Array, life: Array) -> tuple[str, str, str]:
    found = bootstrap(rmse, truth, life, seed=0)
    return f"{found.value:.2f}", f"{found.low:.2f} to {found.high:.2f}", f"{nasa_score(truth, life):.0f}"


def _strata(model: LifeModel) -> str:
    machines, said, truth = model.errors.T.astype(np.float64)
    low, high = crossed(said, truth, machines)
    inside = (truth >= low - 1e-6) & (truth <= high + 1e-6)
    edges = (0, 25, 50, 75, 100, CAP + 1)
    parts = []
    for start, end in itertools.pairwise(edges):
        rows = (said >= start) & (said < end)
        parts.append(f"{start:g} to {min(end, CAP):g} cycles {inside[rows].mean():.2f}")
    return ", ".join(parts)


def _cell(found: object, digits: int) -> str:
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
