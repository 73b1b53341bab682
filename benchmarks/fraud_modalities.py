"""What each modality adds to fraud scores, beside the best that is possible: made-up payments with a known ceiling.

    python -m benchmarks.fraud_modalities [--seeds 3] [--cards 1200] [--days 180]

The simulator knows every probability, so for each set of modalities its oracle gives the exact chance of fraud given
all that was visible (and more than a scorer may know): the ceiling. Beside it, on the same later payments: boosting
fitted for just that set, and one network on one boosting that answers every set, with its late product of experts.
Labels are late, missing and selective as the simulator says; truth is used for scoring only.
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
from colonnade.verticals.finance.fraud.boosting import Boosting, fit_trees
from colonnade.verticals.finance.fraud.network.batches import answers, prepared
from colonnade.verticals.finance.fraud.network.residual import Residual
from colonnade.verticals.finance.fraud.network.training import SHARED, Examples, Schedule
from colonnade.verticals.finance.fraud.recipes import modality_of
from colonnade.verticals.finance.fraud.records import DAY
from colonnade.verticals.finance.fraud.simulation.generate import MODALITIES, Simulated, simulate
from colonnade.verticals.finance.fraud.simulation.oracle import oracle
from colonnade.verticals.finance.fraud.simulation.world import BANDS, START, LabelConfig, WorldConfig
from colonnade.verticals.finance.fraud.stream import NAMES, features_of

SUBSETS = tuple(
    ("events", *(name for name, there in zip(MODALITIES[1:], given, strict=True) if there))
    for given in product((False, True), repeat=3)
)
DELAYS = (0.0, 7.0, 30.0)
WARM, TURN = 14, 0.7  # days before anything is learnt from; the share of days after which is judged
TREES = Boosting(rounds=120, leaves=15, support=30)
HONEST, FOLDS = 20_000, 3  # honest payments that boosting learns from, and its folds by card
LABELS = {"ceiling": "ceiling", "boosting": "boosting", "late": "late product", "fused": "**fused**"}


class Material:
    """One world with its features, parted in time: what may be learnt from at the turn, and what is judged."""

    def __init__(self, simulated: Simulated, seed: int) -> None:
        self.simulated, self.seed = simulated, seed
        days, labels = simulated.world.config.days, simulated.labels
        turn = START + TURN * days * DAY
        silent = simulated.world.config.labels
        settled = silent.settled if silent.fixed is None else silent.fixed
        events = simulated.events
        accounts = [events.account[card] for card in events.card.tolist()]  # type: ignore[index]
        self.features = np.column_stack([
            features_of(events, labels),
            [float(account["account_days"]) for account in accounts],
            [BANDS.index(str(account["income"])) for account in accounts],
        ]).astype(np.float64)  # fmt: skip
        self.modality = np.array([modality_of(name) for name in NAMES] + ["account", "account"])
        old = (events.time >= START + WARM * DAY) & (events.time < turn - settled * DAY)
        self.learnt = np.flatnonzero(old & (labels.known_at <= turn))
        self.judged = np.flatnonzero(events.time >= turn)
        self.fraud = labels.fraud

    def columns(self, given: Sequence[str]) -> Array:
        """Which features a set of modalities has."""
        return np.isin(self.modality, ["", *given])

    def few(self, rows: Array, purpose: str) -> tuple[Array, float]:
        """All payments known as fraud among some, and some of the others."""
        return few_of(rows, self.fraud, self.seed, purpose)

    def boosting(self, rows: Array, given: Sequence[str], *, masked: bool = False) -> tuple[object, float]:
        """Trees for a set of modalities; `masked` hides words and device from some rows, so that both may be absent."""
        kept, log_share = self.few(rows, f"few/{len(rows)}")
        inputs = self.features[kept][:, self.columns(given)]
        if masked:
            inputs = np.concatenate([inputs, self.hidden(inputs, given, kept)])
            kept = np.concatenate([kept, kept])
        return fit_trees(inputs, self.fraud[kept], TREES, seed=self.seed), log_share

    def hidden(self, inputs: Array, given: Sequence[str], kept: Array) -> Array:
        """The same rows, each without words, without device or without both."""
        which = self.modality[self.columns(given)]
        lacks = numpy_generator(self.seed, "hidden").integers(3, size=len(kept))
        blank = (np.isin(lacks, (0, 2))[:, None] & (which == "text")) | (
            np.isin(lacks, (1, 2))[:, None] & (which == "device")
        )
        return np.where(blank, np.nan, inputs)

    def shared(self, fitted: tuple[object, float], rows: Array) -> Array:
        """Logits `[row, 4]` of masked boosting for each family of words and device."""
        trees, log_share = fitted
        given = ("text", "device")
        inputs, which = self.features[rows][:, self.columns(given)], self.modality[self.columns(given)]
        found = []
        for text, device in SHARED:
            gone = ((which == "text") & (not text)) | ((which == "device") & (not device))
            found.append(trees.logits(np.where(gone, np.nan, inputs)) + log_share)  # type: ignore[attr-defined]
        return np.stack(found, axis=1)


def few_of(rows: Array, fraud: Array, seed: int, purpose: str) -> tuple[Array, float]:
    """All frauds among the rows and some of the others, and the logarithm of the share kept of these."""
    others = rows[~fraud[rows]]
    count = min(HONEST, len(others))
    kept = numpy_generator(seed, purpose).choice(others, count, replace=False)
    return np.sort(np.concatenate([rows[fraud[rows]], kept])), float(np.log(count / len(others)))


def network_of(material: Material, epochs: int) -> tuple[Residual, tuple[object, float]]:
    """The network on out-of-fold logits (folds by card), and the boosting that it stands on afterwards."""
    rows, log_share = material.few(material.learnt, "network")
    card = material.simulated.payments.card
    logits = np.zeros((len(rows), len(SHARED)))
    for fold in range(FOLDS):
        out, others = card[rows] % FOLDS == fold, material.learnt[card[material.learnt] % FOLDS != fold]
        logits[out] = material.shared(material.boosting(others, ("text", "device"), masked=True), rows[out])
    print("  out-of-fold logits made", file=sys.stderr, flush=True)
    schedule = Schedule(epochs=epochs, base=0.25, seed=material.seed)
    residual = Residual.fit(
        material.simulated.events, rows, material.fraud[rows], logits, kept=log_share, schedule=schedule
    )
    return residual, material.boosting(material.learnt, ("text", "device"), masked=True)


def scores_of(
    material: Material, subsets: Sequence[tuple[str, ...]], epochs: int
) -> tuple[dict[str, dict[str, Array]], Examples]:
    """Scores by subset and model of later payments, honest ones thinned (the share kept is in `kept`)."""
    residual, base = network_of(material, epochs)
    simulated, truth = material.simulated, material.simulated.truth.fraud
    rows, log_share = few_of(material.judged, truth, material.seed, "judged")
    logits = material.shared(base, rows)
    few = Examples(rows=rows, fraud=truth[rows], logits=logits, kept=np.full(len(rows), log_share))
    ready, found = prepared(simulated.events, residual.evidence), {}
    for given in subsets:
        trees, _ = material.boosting(material.learnt, given[1:])
        family = SHARED.index(("text" in given, "device" in given))
        hidden = tuple(name for name in MODALITIES if name not in given)
        ours = answers(residual.network, ready, rows, logits[:, family], without=hidden)
        inputs = material.features[rows][:, material.columns(given[1:])]
        found[" + ".join(given)] = {
            "ceiling": oracle(simulated, given)[rows],
            "boosting": trees.logits(inputs),  # type: ignore[attr-defined]
            "late": ours["late"],
            "fused": ours["fused"],
        }
        print("  ", given, file=sys.stderr, flush=True)
    return found, few


def judged(found: Mapping[str, Mapping[str, Array]], few: Examples) -> dict[str, dict[str, tuple[float, float]]]:
    """Average precision and AUC by subset and model."""
    weight = np.exp(-few.kept * ~few.fraud)
    return {
        subset: {
            name: (
                average_precision_score(few.fraud, score, sample_weight=weight),
                roc_auc_score(few.fraud, score, sample_weight=weight),
            )
            for name, score in scores.items()
        }
        for subset, scores in found.items()
    }


def sweep(config: WorldConfig, epochs: int) -> list[list[str]]:
    """All modalities, labels known after a fixed number of days; the same payments."""
    rows = []
    for days in DELAYS:
        delayed = replace(config, labels=replace(LabelConfig(), fixed=days))
        found = judged(*scores_of(Material(simulate(delayed, seed=0), 0), SUBSETS[-1:], epochs))
        (scores,) = found.values()
        rows.append([f"{days:.0f} days", *(f"{scores[name][0]:.3f}" for name in LABELS), _share(scores)])
    return rows


def _share(scores: Mapping[str, tuple[float, float]]) -> str:
    return f"{scores['fused'][0] / scores['ceiling'][0]:.1%}"


def report(seeds: Sequence[Mapping[str, Mapping[str, tuple[float, float]]]], delays: list[list[str]]) -> str:
    """The section of RESULTS.md."""
    parts = []
    for metric, title in ((0, "average precision"), (1, "AUC")):
        rows = []
        for given in seeds[0]:
            cells = [spread([seed[given][name][metric] for seed in seeds]) for name in LABELS]
            share = spread([seed[given]["fused"][metric] / seed[given]["ceiling"][metric] for seed in seeds])
            gain = spread([seed[given]["fused"][metric] - seed[given]["boosting"][metric] for seed in seeds])
            rows.append([given, *cells, share, gain])
        head = [title, *LABELS.values(), "fused / ceiling", "fused less boosting"]
        parts.append(table(head, rows))
    full, added = " + ".join(MODALITIES), []
    for name in MODALITIES[1:]:
        less = " + ".join(each for each in MODALITIES if each != name)
        alone = f"events + {name}"
        cells = []
        for model in LABELS:
            for with_, without in ((alone, "events"), (full, less)):
                cells.append(f"{np.mean([seed[with_][model][0] - seed[without][model][0] for seed in seeds]):+.3f}")
        added.append([name, *cells])
    head = ["added average precision", *(f"{LABELS[name]}, {to}" for name in LABELS for to in ("to events", "to all"))]
    parts.append(table(head, added))
    reached = np.mean([seed[full]["fused"][0] / seed[full]["ceiling"][0] for seed in seeds])
    parts.append(f"With all modalities {reached:.1%} of the ceiling is recovered (goal 95 %: "
                 f"{'reached' if reached >= 0.95 else 'missed'}).")  # fmt: skip
    if delays:
        parts.append("Labels known after a fixed time, all modalities, average precision (seed 0; 0 days is a leak):")
        parts.append(table(["labels after", *LABELS.values(), "fused / ceiling"], delays))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cards", type=int, default=1200)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--no-sweep", action="store_true")
    given = parser.parse_args()
    config = WorldConfig(cards=given.cards, terminals=given.cards * 3 // 2, days=given.days)
    seeds = []
    for seed in range(given.seeds):
        started = time.process_time()
        material = Material(simulate(config, seed=seed), seed)
        print(f"seed {seed}: features after {time.process_time() - started:.0f} s", file=sys.stderr, flush=True)
        seeds.append(judged(*scores_of(material, SUBSETS, given.epochs)))
        print(f"seed {seed}: {time.process_time() - started:.0f} s", seeds[-1], file=sys.stderr, flush=True)
    last = [material.simulated.truth.fraud[material.judged].sum(), len(material.judged)]
    text = [
        f"Simulated (`finance/fraud/simulation`): {given.cards} cards, {config.days} days, {given.seeds} seeds, each a "
        f"world of its own; judged on the last {1 - TURN:.0%} of days (in the last seed {last[0]} frauds of {last[1]} "
        "payments), where one kind of fraud was never seen before. Mean and range over seeds. The ceiling is exact; "
        "it knows more than a scorer may (the world's rates, each card's own mean, calendars of travel and outages).",
        report(seeds, [] if given.no_sweep else sweep(config, given.epochs)),
    ]
    flags = "" if sys.argv[1:] == [] else " " + " ".join(sys.argv[1:])
    write("Fraud by modality", command=f"python -m benchmarks.fraud_modalities{flags}", text="\n\n".join(text),
          packages=("torch", "scikit-learn"))  # fmt: skip
    print("\n\n".join(text))


if __name__ == "__main__":
    main()
