"""What each modality adds to fraud scores, beside the best that is possible: made-up payments with a known ceiling.

    python -m benchmarks.fraud_modalities [--seeds 1] [--cards 1200] [--days 180]

The simulator knows every probability, so for each set of modalities its oracle gives the exact chance of fraud given
all that was visible (and more than a scorer may know): the ceiling. Beside it, on the same later payments: one model
that answers every set (its features are left out as they would be missing), boosting fitted for just that set, and
boosting on the handbook's windows. Recovered is average precision less that of chance (the share of fraud), over the
same of the ceiling. Labels are late, missing and selective as the simulator says; truth is used for scoring only.
Seeds from 500 on: nothing was developed on these worlds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.results import spread, table, write
from colonnade.core.random import numpy_generator
from colonnade.core.types import Array
from colonnade.verticals.finance.fraud.aggregates import handbook
from colonnade.verticals.finance.fraud.boosting import fit_trees
from colonnade.verticals.finance.fraud.recipes import SMALL, absent, hidden
from colonnade.verticals.finance.fraud.records import DAY
from colonnade.verticals.finance.fraud.simulation.generate import MODALITIES, Simulated, simulate
from colonnade.verticals.finance.fraud.simulation.oracle import oracle, without_calendars
from colonnade.verticals.finance.fraud.simulation.world import START, LabelConfig, WorldConfig
from colonnade.verticals.finance.fraud.stream import NAMES, features_of

SUBSETS = tuple(
    ("events", *(name for name, there in zip(MODALITIES[1:], given, strict=True) if there))
    for given in product((False, True), repeat=3)
)
FULL = " + ".join(MODALITIES)
FIRST = 500  # seed
DELAYS = (0.0, 7.0, 30.0)
SIZES = (1 / 4, 1 / 2, 1.0)  # of the cards that are learnt from
WARM, TURN = 45, 0.7  # days before anything is learnt from; the share of days after which is judged
HONEST = 40_000  # honest payments that are learnt from
LABELS = {
    "ceiling": "ceiling",
    "blind": "oracle without calendars",
    "own": "boosting for this set",
    "ours": "**finance/fraud**",
}
EVERYWHERE = ("ceiling", "ours")  # for every set of modalities; the others for events and for all
Scores = dict[str, dict[str, Array]]


class Material:
    """One world with its features, parted in time: what may be learnt from at the turn, and what is judged."""

    def __init__(self, simulated: Simulated, seed: int) -> None:
        self.simulated, self.seed = simulated, seed
        events, labels = simulated.events, simulated.labels
        turn = START + TURN * simulated.world.config.days * DAY
        reports = simulated.world.config.labels
        settled = reports.settled if reports.fixed is None else reports.fixed
        self.features = features_of(events, labels)
        old = (events.time >= START + WARM * DAY) & (events.time < turn - settled * DAY)
        self.learnt = np.flatnonzero(old & (labels.known_at <= turn))
        self.judged = np.flatnonzero(events.time >= turn)
        self.fraud, self.truth = labels.fraud, simulated.truth.fraud[self.judged]

    def few(self, share: float = 1.0) -> Array:
        """Payments of a share of the cards: all that are known as fraud, and some of the others."""
        card = self.simulated.payments.card[self.learnt]
        rows = self.learnt[card < share * self.simulated.world.config.cards]
        others = rows[~self.fraud[rows]]
        count = min(HONEST, len(others))
        kept = numpy_generator(self.seed, "few").choice(others, count, replace=False)
        return np.sort(np.concatenate([rows[self.fraud[rows]], kept]))

    def fitted(self, rows: Array, given: Sequence[str]) -> Array:
        """Scores of boosting that reads some modalities only."""
        there = ~absent(NAMES, [name for name in MODALITIES if name not in given])
        there &= ~np.isnan(self.features[rows]).all(axis=0)
        inputs = self.features[rows][:, there].astype(np.float64)
        trees = fit_trees(inputs, self.fraud[rows], SMALL, seed=self.seed)
        return trees.raw(self.features[self.judged][:, there])

    def shared(self, rows: Array, subsets: Sequence[tuple[str, ...]]) -> dict[str, Array]:
        """Scores of one model for every set; it has learnt from payments that lacked this or that."""
        there = ~np.isnan(self.features[rows]).all(axis=0)
        names = tuple(name for name, is_there in zip(NAMES, there, strict=True) if is_there)
        inputs, fraud = hidden(self.features[rows][:, there].astype(np.float64), self.fraud[rows], names, self.seed)
        trees = fit_trees(inputs, fraud, SMALL, seed=self.seed)
        found, judged = {}, self.features[self.judged][:, there]
        for given in subsets:
            gone = absent(names, [name for name in MODALITIES if name not in given])
            found[" + ".join(given)] = trees.raw(np.where(gone, np.nan, judged))
        return found

    def windows(self, rows: Array) -> Array:
        """Scores of boosting on the handbook's windows."""
        inputs = handbook(self.simulated.events, self.simulated.labels)
        return fit_trees(inputs[rows], self.fraud[rows], SMALL, seed=self.seed).raw(inputs[self.judged])

    def ceilings(self, given: Sequence[str], *, calendars: bool = True) -> Array:
        simulated = self.simulated if calendars else without_calendars(self.simulated)
        return oracle(simulated, given)[self.judged]


def scores_of(material: Material, subsets: Sequence[tuple[str, ...]]) -> Scores:
    """Scores by subset and model of later payments."""
    rows = material.few()
    ours, found = material.shared(rows, subsets), {}
    for given in subsets:
        name = " + ".join(given)
        found[name] = {
            "ceiling": material.ceilings(given),
            "ours": ours[name],
        }
        if given in (SUBSETS[0], MODALITIES):
            found[name] |= {"blind": material.ceilings(given, calendars=False), "own": material.fitted(rows, given)}
        print("  ", name, {key: f"{precision(material, each):.3f}" for key, each in found[name].items()},
              file=sys.stderr, flush=True)  # fmt: skip
    return found


def precision(material: Material, score: Array) -> float:
    return float(average_precision_score(material.truth, score))


def recovered(ours: float, ceiling: float, chance: float) -> float:
    return (ours - chance) / (ceiling - chance)


def sweep(config: WorldConfig) -> list[list[str]]:
    """All modalities, labels known after a fixed number of days; the same payments."""
    rows = []
    for days in DELAYS:
        delayed = replace(config, labels=replace(LabelConfig(), fixed=days))
        material = Material(simulate(delayed, seed=FIRST), FIRST)
        ours = precision(material, material.shared(material.few(), (MODALITIES,))[FULL])
        ceiling, chance = precision(material, material.ceilings(MODALITIES)), float(material.truth.mean())
        rows.append([f"{days:.0f} days", f"{ceiling:.3f}", f"{ours:.3f}", f"{recovered(ours, ceiling, chance):.1%}"])
        print("  ", rows[-1], file=sys.stderr, flush=True)
    return rows


def curve(material: Material, ceiling: Array) -> list[list[str]]:
    """All modalities, learnt from a part of the cards."""
    rows, top, chance = [], precision(material, ceiling), float(material.truth.mean())
    for share in SIZES:
        few = material.few(share)
        ours = precision(material, material.shared(few, (MODALITIES,))[FULL])
        cards = f"{share * material.simulated.world.config.cards:.0f}"
        rows.append([cards, str(int(material.fraud[few].sum())), f"{ours:.3f}", f"{recovered(ours, top, chance):.1%}"])
    return rows


def kinds(material: Material, scores: Mapping[str, Array]) -> list[list[str]]:
    """Average precision of each kind of fraud against honest payments, all modalities."""
    names = (
        "amount above the limit",
        "struck terminal",
        *(kind.name for kind in material.simulated.world.config.kinds),
    )
    reason, rows = material.simulated.payments.reason[material.judged], []
    for number, name in enumerate(names, start=1):
        among = (reason == 0) | (reason == number)
        cells = [f"{average_precision_score(reason[among] == number, scores[key][among]):.3f}" for key in LABELS]
        rows.append([name, str(int((reason == number).sum())), *cells])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cards", type=int, default=1200)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--sweep", type=int, default=500, help="cards of the sweep over delays")
    given = parser.parse_args()
    config = WorldConfig(cards=given.cards, terminals=given.cards * 3 // 2, days=given.days)
    started, seeds, chances, bars, ranks = time.process_time(), [], [], [], []
    for seed in range(FIRST, FIRST + given.seeds):
        material = Material(simulate(config, seed=seed), seed)
        print(f"seed {seed}: features after {time.process_time() - started:.0f} s", file=sys.stderr, flush=True)
        scores = scores_of(material, SUBSETS)
        seeds.append(
            {name: {key: precision(material, each) for key, each in row.items()} for name, row in scores.items()}
        )
        ranks.append([roc_auc_score(material.truth, scores[FULL][key]) for key in LABELS])
        bars.append(precision(material, material.windows(material.few())))
        chances.append(float(material.truth.mean()))
    sizes, by_kind = curve(material, scores[FULL]["ceiling"]), kinds(material, scores[FULL])
    delays = sweep(replace(config, cards=given.sweep, terminals=given.sweep * 3 // 2))
    text = "\n\n".join([
        f"Simulated (`finance/fraud/simulation`): {given.cards} cards, {config.days} days, {given.seeds} world(s) that "
        f"nothing was developed on; judged on the last {1 - TURN:.0%} of days ({int(material.truth.sum())} frauds of "
        f"{len(material.truth)} payments in the last world), where one kind of fraud was never seen before. Learnt "
        f"from {int(material.fraud[material.few()].sum())} known frauds. Mean and range over worlds. The ceiling is "
        "exact, and knows more than a scorer may (rates, each card's own mean, calendars of travel, paydays, outages); "
        "the oracle without calendars knows how often these are, not when. Recovered: average precision less chance "
        f"({np.mean(chances):.4f}), over the same of the ceiling.",
        _by_set(seeds, chances),
        _added(seeds),
        _verdict(seeds, chances, bars, ranks),
        "By kind, all modalities, last world; average precision against honest payments:",
        table(["kind", "frauds judged", *LABELS.values()], by_kind),
        "Learnt from a part of the cards (features and the payments judged are the same), last world:",
        table(["cards", "known frauds", "**finance/fraud**", "recovered"], sizes),
        f"Labels known after a fixed time, all modalities, {given.sweep} cards (0 days is a leak):",
        table(["labels after", "ceiling", "**finance/fraud**", "recovered"], delays),
        f"{time.process_time() - started:.0f} s of one core in all.",
    ])  # fmt: skip
    flags = "" if sys.argv[1:] == [] else " " + " ".join(sys.argv[1:])
    write("Fraud by modality", command=f"python -m benchmarks.fraud_modalities{flags}", text=text,
          packages=("scikit-learn",))  # fmt: skip
    print(text)


def _by_set(seeds: Sequence[Mapping[str, Mapping[str, float]]], chances: Sequence[float]) -> str:
    rows = []
    for name in seeds[0]:
        cells = [spread([seed[name][key] for seed in seeds]) if key in seeds[0][name] else "" for key in LABELS]
        pairs = list(zip(seeds, chances, strict=True))
        share = np.mean([recovered(seed[name]["ours"], seed[name]["ceiling"], chance) for seed, chance in pairs])
        rows.append([name, *cells, f"{share:.1%}"])
    return table(["average precision", *LABELS.values(), "recovered"], rows)


def _added(seeds: Sequence[Mapping[str, Mapping[str, float]]]) -> str:
    rows = []
    for name in MODALITIES[1:]:
        less, cells = " + ".join(each for each in MODALITIES if each != name), []
        for key in EVERYWHERE:
            for with_, without in ((f"events + {name}", "events"), (FULL, less)):
                cells.append(f"{np.mean([seed[with_][key] - seed[without][key] for seed in seeds]):+.3f}")
        rows.append([name, *cells])
    head = [f"{LABELS[key]}, {to}" for key in EVERYWHERE for to in ("to events", "to all others")]
    return table(["added average precision", *head], rows)


def _verdict(
    seeds: Sequence[Mapping[str, Mapping[str, float]]],
    chances: Sequence[float],
    bars: Sequence[float],
    ranks: Sequence[Sequence[float]],
) -> str:
    pairs = list(zip(seeds, chances, strict=True))
    share = np.mean([recovered(seed[FULL]["ours"], seed[FULL]["ceiling"], chance) for seed, chance in pairs])
    most = np.mean([recovered(seed[FULL]["blind"], seed[FULL]["ceiling"], chance) for seed, chance in pairs])
    areas = ", ".join(f"{LABELS[key]} {value:.3f}" for key, value in zip(LABELS, np.mean(ranks, axis=0), strict=True))
    reached = "reached" if share >= 0.95 else "missed"
    return (
        f"With all modalities {share:.1%} of the ceiling is recovered (goal 95 %: {reached}); an oracle without "
        f"calendars, which no scorer has, recovers {most:.1%} itself. AUC: {areas}. Boosting on the handbook's windows "
        f"has an average precision of {np.mean(bars):.3f}."
    )


if __name__ == "__main__":
    main()
