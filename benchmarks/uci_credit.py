"""Default next month of Taiwanese card holders: the core's model on boosting's logit, beside boosting and regression.

    python -m benchmarks.uci_credit ../shared/data/uci_credit
    python -m benchmarks.uci_credit ../shared/data/uci_credit --fairness     boosting only, errors by group (a minute)

Real data (UCI, Yeh and Lien 2009). Every number is of rows that no part of a model has seen: cross-validation, the
network's early stopping and its guard on a part of the training rows. Boosting's logit on training rows is out of fold.
Sex, age and marriage are protected and no inputs; what they would add is measured on the side.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.results import table, write
from colonnade.core.data.missing import ModalityDropout, keep
from colonnade.core.decoding.decoder import DecoderConfig
from colonnade.core.decoding.heads import ClassHead
from colonnade.core.encoders.series import SeriesConfig
from colonnade.core.encoders.table import TableConfig, statistics
from colonnade.core.errors import FileError
from colonnade.core.fusion.fusion import FusionConfig
from colonnade.core.guard import Labelled, guard
from colonnade.core.model import Model, ModelConfig, build
from colonnade.core.objective import losses
from colonnade.core.random import numpy_generator, torch_generator
from colonnade.core.result import Interval
from colonnade.core.training.loop import TrainingConfig, fit
from colonnade.core.trust.calibration import calibration_error
from colonnade.core.trust.fairness import by_group
from colonnade.core.types import Array, Batch, Packed, Series, Table

TARGET = "default.payment.next.month"
PROTECTED = ("SEX", "AGE", "MARRIAGE")
MONTHS = (6, 5, 4, 3, 2, 0)  # as the status columns are named, oldest first
FLAGGED = 0.2  # of all holders: the operating point at which groups are compared
FOLDS, ROUNDS, INNER = 5, 1, 5
BOOSTING = {"learning_rate": 0.05, "max_iter": 150, "max_leaf_nodes": 15, "l2_regularization": 5.0}


@dataclass(frozen=True)
class Holders:
    """Rows as boosting reads them, as the network reads them, and what came."""

    columns: pd.DataFrame
    records: list[dict[str, Series | Table]]
    defaulted: Array

    def part(self, rows: Array) -> tuple[Array, Array]:
        return self.columns.to_numpy(float)[rows], self.defaulted[rows]


def read(folder: Path, *, protected: bool = False) -> tuple[Holders, pd.DataFrame]:
    """The holders, and their protected columns."""
    path = folder / "UCI_Credit_Card.csv" if folder.is_dir() else folder
    if not path.exists():
        raise FileError(f"there is no {path}: give the folder of UCI_Credit_Card.csv")
    frame = pd.read_csv(path).rename(columns={"PAY_1": "PAY_0"})
    used = frame.drop(columns=["ID", TARGET, *([] if protected else PROTECTED)])
    return Holders(used, records_of(frame, protected=protected), frame[TARGET].to_numpy() > 0), frame[list(PROTECTED)]


def records_of(frame: pd.DataFrame, *, protected: bool) -> list[dict[str, Series | Table]]:
    """Six months of status, bill and payment, and a table of what does not change."""
    limit = frame["LIMIT_BAL"].to_numpy(float)
    status = frame[[f"PAY_{month}" for month in MONTHS]].to_numpy(float)
    bill = frame[[f"BILL_AMT{month}" for month in range(6, 0, -1)]].to_numpy(float)
    paid = frame[[f"PAY_AMT{month}" for month in range(6, 0, -1)]].to_numpy(float)
    late = np.clip(status, 0, None)
    channels = (
        late / 2, status == -1, status == -2, bill / limit[:, None],
        np.log1p(np.clip(bill, 0, None)) / 5 - 1, np.log1p(paid) / 5 - 1, paid == 0,
        np.clip(paid / (np.abs(np.roll(bill, 1, axis=1)) + 1000), 0, 3),
    )  # fmt: skip
    steps = np.stack([np.asarray(each, np.float32) for each in channels], axis=2)
    known = {"limit": np.log(limit)} | ({"age": frame["AGE"].to_numpy(float)} if protected else {})
    named = {"education": frame["EDUCATION"]} | (
        {"sex": frame["SEX"], "marriage": frame["MARRIAGE"]} if protected else {}
    )
    return [
        {
            "months": Series(values=steps[row], times=np.arange(6.0)),
            "table": Table(
                numbers={name: float(each[row]) for name, each in known.items()},
                categories={name: str(each.iloc[row]) for name, each in named.items()},
            ),
        }
        for row in range(len(frame))
    ]


def boosting(seed: int) -> HistGradientBoostingClassifier:
    """Settings fixed beforehand."""
    return HistGradientBoostingClassifier(**BOOSTING, random_state=seed)


def out_of_fold(inputs: Array, defaulted: Array, seed: int) -> tuple[Array, list[HistGradientBoostingClassifier]]:
    """Each training row's logit from boosting that has not seen it, and the boosters."""
    logits, made = np.zeros(len(defaulted)), []
    for known, left in StratifiedKFold(INNER, shuffle=True, random_state=seed).split(inputs, defaulted):
        made.append(boosting(seed).fit(inputs[known], defaulted[known]))
        logits[left] = made[-1].decision_function(inputs[left])
    return logits, made


def offsets_of(logits: Array) -> torch.Tensor:
    """Where the answer starts: no evidence for "pays", boosting's logit for "defaults"."""
    return torch.tensor(np.stack([np.zeros_like(logits), logits], axis=1), dtype=torch.float32)


def rows_of(batch: Batch, rows: Array) -> Batch:
    index = torch.from_numpy(rows)
    inputs = {
        name: Packed(type(each.x)(*(part[index] for part in each.x)), each.mask[index])
        for name, each in batch.inputs.items()
    }
    return Batch(inputs, batch.presence[index])


def network(holders: Holders, rows: Array, seed: int) -> Model:
    """Untrained: its answer is boosting's to the last digit."""
    tables = [holders.records[row]["table"] for row in rows]
    columns = TableConfig(
        width=16, numbers=tuple(tables[0].numbers), categories=tuple(tables[0].categories), buckets=32, depth=0
    )
    series = SeriesConfig(width=16, channels=8, patch=1, scale="given", depth=1, heads=2, window=6)
    config = ModelConfig(
        encoders={"months": series, "table": columns}, heads={"default": ClassHead(classes=2, gentle=True)},
        fusion=FusionConfig(width=16, heads=2, latents=2, layers=1, memory=0, dropout=0.1),
        decoder=DecoderConfig(heads=2, dropout=0.1),
    )  # fmt: skip
    model = build(config, seed=seed)
    model.encoders["table"].use(statistics(tables, columns))
    return model


def train(holders: Holders, whole: Batch, rows: Array, logits: Array, seed: int) -> Model:
    """A network on rows with their out-of-fold logits; 15 % of them stop it and guard it."""
    split = StratifiedShuffleSplit(1, test_size=0.15, random_state=seed)
    known, later = next(split.split(rows, holders.defaulted[rows]))
    model, targets = network(holders, rows, seed), torch.from_numpy(holders.defaulted.astype(np.int64))
    starts = offsets_of(logits)
    dropout = ModalityDropout(model.modalities, rate={"months": 0.1, "table": 0.1})

    def step(places: Array) -> Mapping[str, torch.Tensor]:
        batch = rows_of(whole, rows[places])
        generator = torch_generator(seed, f"drop/{places[0]}/{places[-1]}")
        batch = keep(batch, dropout.draw(batch.presence, generator))
        output = model(batch, {"default": starts[places]})
        return losses(model, output, {"default": targets[rows[places]]}, experts=0.5, gates=0.1)

    batch, truth = rows_of(whole, rows[later]), {"default": targets[rows[later]]}

    def validate() -> Mapping[str, float]:
        answer = model(batch, {"default": starts[later]}).answers["default"]
        return {"loss": float(model.head("default").loss(answer, truth["default"]).value.mean())}

    def orders(epoch: int) -> list[Array]:
        order = known[numpy_generator(seed, f"order/{epoch}").permutation(len(known))]
        return np.array_split(order, len(order) // 512)

    config = TrainingConfig(epochs=8, rate=4e-3, weight_decay=0.1, patience=2, precision="fp32", seed=seed)
    for _ in fit(model, orders, step, config=config, validate=validate):
        pass
    guard(model, [Labelled(batch, truth, {"default": starts[later]})])
    return model


@torch.no_grad()
def answers(model: Model, whole: Batch, rows: Array, logits: Array) -> dict[str, Array]:
    """Log-odds of default: fused, of the late product, and of each expert's on boosting."""
    output = model(rows_of(whole, rows), {"default": offsets_of(logits)})
    logs = {"fused": output.answers["default"], "late": output.late["default"]}
    logs |= {name: output.experts["default"][:, index] for index, name in enumerate(model.modalities)}
    return {name: (each[:, 1] - each[:, 0]).double().numpy() for name, each in logs.items()}


def cross_validate(holders: Holders, rounds: int = ROUNDS) -> dict[str, Array]:
    """Log-odds of every model `[round, holder]`, each of a holder that the model has not seen."""
    whole = network(holders, np.arange(len(holders.defaulted)), 0).collate(holders.records)
    inputs, defaulted = holders.part(np.arange(len(holders.defaulted)))
    found: dict[str, Array] = {}
    for round_ in range(rounds):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=round_).split(inputs, defaulted)
        for number, (known, left) in enumerate(folds):
            seed = 100 * round_ + number
            linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(
                inputs[known], defaulted[known]
            )
            one = boosting(seed).fit(inputs[known], defaulted[known])
            logits, made = out_of_fold(inputs[known], defaulted[known], seed)
            bag = np.mean([each.decision_function(inputs[left]) for each in made], axis=0)
            ours = answers(train(holders, whole, known, logits, seed), whole, left, bag)
            scores = {
                "regression": linear.decision_function(inputs[left]),
                "boosting": one.decision_function(inputs[left]), "bag": bag,
                **ours,
            }  # fmt: skip
            for name, each in scores.items():
                found.setdefault(name, np.full((rounds, len(defaulted)), np.nan))[round_, left] = each
            print(f"round {round_}, fold {number}:", _told(scores, defaulted[left]), file=sys.stderr, flush=True)
    return found


def _told(scores: Mapping[str, Array], truth: Array) -> str:
    return ", ".join(f"{name} {roc_auc_score(truth, each):.4f}" for name, each in scores.items())


METRICS = {"AUC": roc_auc_score, "AP": average_precision_score}


def redraw(found: Mapping[str, Array], truth: Array, rounds: int = 300) -> dict[str, dict[str, Array]]:
    """Each metric of each model, first as measured, then with holders redrawn (the same draws for all models)."""
    generator = numpy_generator(0, "holders")
    drawn = [np.arange(len(truth))] + [generator.integers(len(truth), size=len(truth)) for _ in range(rounds)]
    return {
        metric: {
            name: np.array([np.mean([measure(truth[rows], each[rows]) for each in scores]) for rows in drawn])
            for name, scores in found.items()
        }
        for metric, measure in METRICS.items()
    }


def interval(values: Array, *, digits: int = 4, sign: str = "") -> str:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return f"{values[0]:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def fairness(scores: Array, truth: Array, groups: Mapping[str, tuple[str, ...]], protected: pd.DataFrame) -> str:
    """Tables of false-positive and recall ratios by group, where a fifth of all holders is flagged.

    It is the function that `colonnade governance` runs; intervals redraw holders, the first group is the reference.
    """
    flagged = scores >= np.quantile(scores, 1 - FLAGGED)
    rows = [
        [
            each.name, str(each.count), f"{each.happened:.3f}", f"{each.false_positive_rate:.4f}",
            _ratio(each.false_positive_ratio), f"{each.recall:.3f}", _ratio(each.recall_ratio),
            _ratio(each.flagged_ratio), "" if each.alike else "unequal",
        ]
        for column, names in groups.items()
        for each in by_group(flagged, truth, named(column, protected), names=names)
    ]  # fmt: skip
    head = ["group", "holders", "default rate", "false-positive rate", "ratio", "recall", "ratio", "flagged, ratio", ""]
    return table(head, rows)


def _ratio(ratio: Interval) -> str:
    reference = ratio.low == ratio.high == 1.0
    return "1.00" if reference else f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"


def named(column: str, protected: pd.DataFrame) -> Array:
    """The group of each holder, in words."""
    values = protected[column].to_numpy()
    if column == "SEX":
        return np.where(values == 2, "women", "men")
    return np.select([values < 30, values < 45], ["age below 30", "age 30 to 45"], "age 45 and above")


BESIDE = (
    "Ratios are against women, and against 30 to 45, with 95 % intervals that redraw holders (core/trust/fairness.py,"
    " as `colonnade governance` runs it). Unequal: outside four fifths to five fourths, with 1 outside of the interval."
)
GROUPS = {"SEX": ("women", "men"), "AGE": ("age 30 to 45", "age below 30", "age 45 and above")}
LABELS = {
    "regression": "logistic regression", "boosting": "gradient boosting", "bag": "mean of 5 boosters (out of fold)",
    "months": "boosting + expert of six months", "table": "boosting + expert of the table",
    "late": "late product of experts", "fused": "**boosting + network, fused**",
}  # fmt: skip


def by_boosting(holders: Holders) -> Array:
    """Log-odds of boosting, each of a holder that it has not seen, by the folds of the first round."""
    inputs, defaulted = holders.part(np.arange(len(holders.defaulted)))
    found = np.full(len(defaulted), np.nan)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(inputs, defaulted)
    for number, (known, left) in enumerate(folds):
        found[left] = boosting(number).fit(inputs[known], defaulted[known]).decision_function(inputs[left])
    return found


def fairness_alone(folder: Path) -> None:
    """Errors by group of boosting without and with the protected columns: its own section of the results."""
    holders, protected = read(folder)
    truth, scores = holders.defaulted, by_boosting(holders)
    told = by_boosting(read(folder, protected=True)[0])
    change = redraw({"without": scores[None], "with": told[None]}, truth)
    added = ", ".join(f"{m} {interval(each['with'] - each['without'], sign='+')}" for m, each in change.items())
    text = [
        f"{len(truth)} real card holders, {truth.mean():.1%} default; gradient boosting, {FOLDS}-fold cross-validation,"
        f" {FLAGGED:.0%} of all holders flagged at one threshold. {BESIDE}",
        "Without sex, age and marriage among the inputs:", fairness(scores, truth, GROUPS, protected),
        f"With them (paired difference: {added}):", fairness(told, truth, GROUPS, protected),
    ]  # fmt: skip
    write("Credit (UCI), fairness", command="python -m benchmarks.uci_credit DATA --fairness", text="\n\n".join(text),
          packages=("scikit-learn",))  # fmt: skip
    print("\n\n".join(text))


def main() -> None:
    folder = Path(sys.argv[1])
    if "--fairness" in sys.argv:
        fairness_alone(folder)
        return
    holders, protected = read(folder)
    truth = holders.defaulted
    found = cross_validate(holders)
    drawn = redraw(found, truth)
    odds = {name: 1 / (1 + np.exp(-each)) for name, each in found.items()}
    ece = {name: np.mean([calibration_error(each, truth) for each in rounds]) for name, rounds in odds.items()}
    brier = {name: np.mean((rounds - truth) ** 2) for name, rounds in odds.items()}
    rows = [
        [label, *(interval(drawn[metric][name]) for metric in METRICS), f"{brier[name]:.4f}", f"{ece[name]:.4f}"]
        for name, label in LABELS.items()
    ]
    gains = [
        [f"fused less {LABELS[name]}", *(interval(drawn[m]["fused"] - drawn[m][name], sign="+") for m in METRICS)]
        for name in ("regression", "boosting", "bag", "late")
    ]
    told = cross_validate(read(folder, protected=True)[0], rounds=1)
    change = {name: redraw({"with": told[name], "without": found[name][:1]}, truth) for name in ("boosting", "fused")}
    added = [
        [LABELS[name], *(interval(each[m]["with"] - each[m]["without"], sign="+") for m in METRICS)]
        for name, each in change.items()
    ]
    fair, unfair = (fairness(each["fused"][0], truth, GROUPS, protected) for each in (found, told))
    text = [
        f"{len(truth)} real card holders, {truth.mean():.1%} default. {FOLDS}-fold cross-validation, {ROUNDS} time(s);"
        " 95 % intervals redraw holders, differences are paired. No sex, age or marriage among the inputs.",
        table(["", "AUC", "AP", "Brier score", "calibration error"], rows),
        table(["paired difference", "AUC", "AP"], gains),
        verdict(drawn),
        f"Groups at one threshold, {FLAGGED:.0%} of all holders flagged. {BESIDE}",
        fair,
        "With sex, age and marriage as inputs (one round; difference to the same model without them):",
        table(["", "AUC", "AP"], added),
        unfair,
    ]
    write("Credit (UCI)", command="python -m benchmarks.uci_credit DATA", text="\n\n".join(text),
          packages=("torch", "scikit-learn"))  # fmt: skip
    print("\n\n".join(text))


def verdict(drawn: Mapping[str, Mapping[str, Array]]) -> str:
    """In words, against the stronger of single boosting and the mean of five."""
    said = []
    for metric in METRICS:
        rival = max(("boosting", "bag"), key=lambda name: drawn[metric][name][0])
        gain = drawn[metric]["fused"] - drawn[metric][rival]
        low, high = np.quantile(gain[1:], [0.025, 0.975])
        word = "above" if low > 0 else "below" if high < 0 else "equal to"
        said.append(f"{metric} {word} {LABELS[rival]} ({gain[0]:+.4f})")
    return f"Verdict: {' and '.join(said)}."


if __name__ == "__main__":
    main()
