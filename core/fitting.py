"""A whole `fit`, the same for every task: look at the data, search if asked, train, measure, write the card.

    data quality      three stages; rows that stand out count for less where the task asks (core/data/quality.py)
    search            over learning rate, batch and warm-up, on validation (core/training/search.py)
    the task's fit    with the old data beside the new ones, if given
    measures          before and after, on the test data and on the data that must not be forgotten
    the card          all of it, with the share of weights that moved, minutes and the peak of memory

It knows no task, only what every pipeline supplies.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .checkpoint import Checkpoint
from .data.quality import STORED, Quality, Rows, examine, weighted
from .distributed import rank
from .errors import ColonnadeError, InputError
from .progress import say
from .result import Evaluation, Fitted, plain
from .training.account import Account
from .training.continual import compared
from .training.deployment import unsaved
from .training.watch import Wishes, watching, wishing

if TYPE_CHECKING:
    from .pipeline import FitOptions, Pipeline

ROWS = "rows.json"  # of a checkpoint: numbers of a few records that it was trained on, to tell new data from them


def fit(pipeline: Pipeline, data: Path, *, out: Path, options: FitOptions) -> Fitted:
    """The checkpoint written to `out`, and its card.

    Raises:
        ColonnadeError: whatever the task's own fit refuses.
    """
    account = Account()
    quality, rows = _looked(pipeline, data, options)
    wishes = wishes_of(options)
    told: dict[str, Any] = {}
    with ExitStack() as around:
        weighing = around.enter_context(weighted(quality.weights if quality is not None else {}))
        if options.search:
            wishes, told["search"] = _searched(pipeline, data, options, wishes)
        around.enter_context(wishing(wishes))
        around.enter_context(watching(account.tell))
        if options.log is not None and rank() == 0:
            from .training.curves import curves

            around.enter_context(watching(around.enter_context(curves(options.log)).tell))
        fitted = pipeline.fit_on(data, options)
    told["cost"] = account.to_plain()
    told["wishes"] = {name: value for name, value in dataclasses.asdict(wishes).items() if value is not None}
    told |= _measured(pipeline, fitted, options)
    checkpoint = fitted.to_checkpoint()
    if quality is not None:
        told["quality"] = quality.to_dict() | {"weighed": weighing.asked}
        if quality.weights and not weighing.asked:
            say(f"fit: data: {pipeline.task.name} learns from all rows alike: what stands out was told, not weighed")
    card = {**checkpoint.card, "fit": plain({"method": options.method, **told})}
    extras = {ROWS: stored(rows, options.seed)} if rows is not None and len(rows) else {}
    _whole(checkpoint, card, extras).save(out)
    for line in (*summary(card["fit"]), *held_back(checkpoint.card)):
        say(f"fit: {line}")
    return Fitted(task=pipeline.task.name, checkpoint=str(out), card=card)


def _searched(pipeline: Pipeline, data: Path, options: FitOptions, wishes: Wishes) -> tuple[Wishes, dict[str, Any]]:
    """The wishes that validate best, and every trial."""
    from .training.search import search

    with unsaved():  # a trial that went on from a snapshot would not show the epochs it is judged by
        found = search(lambda: pipeline.fit_on(data, options), trials=options.search, seed=options.seed, keep=wishes)
    return found.wishes, found.to_plain()


def wishes_of(options: FitOptions) -> Wishes:
    """What the options ask of every training run."""
    return Wishes(
        rate=options.rate, batch=options.batch, warmup=options.warmup, patience=options.patience,
        precision=options.precision, recompute=True if options.recompute else None,  # type: ignore[arg-type]
    )  # fmt: skip


def look(pipeline: Pipeline, data: Path, *, others: Mapping[str, Path], seed: int) -> tuple[Quality, Rows]:
    """The three stages on the data, against other data and against what the pipeline's checkpoint was trained on.

    Raises:
        InputError: the data cannot be read, or hold no rows.
    """
    rows = pipeline.rows_in(data)
    if not len(rows):
        raise InputError(f"{data} holds no records to look at")
    against = {name: pipeline.rows_in(place) for name, place in others.items()}
    trained_on = recalled(pipeline)
    if trained_on is not None:
        against["what the model was trained on"] = trained_on
    return examine(rows, others=against, seed=seed), rows


def _looked(pipeline: Pipeline, data: Path, options: FitOptions) -> tuple[Quality | None, Rows | None]:
    """As `look`, before a fit: what cannot be looked at is said, and does not stop it."""
    if not options.quality or options.recipe is not None:
        return None, None
    others = {"the test data": options.test} if options.test is not None else {}
    try:
        quality, rows = look(pipeline, data, others=others, seed=options.seed)
    except ColonnadeError as error:
        say(f"fit: the data were not looked at first: {error}")
        return None, None
    for line in quality.lines():
        say(f"fit: data: {line}")
    return quality, rows


def _measured(before: Pipeline, after: Pipeline, options: FitOptions) -> dict[str, Any]:
    """Scores on the test data and on the data to keep, before and after."""
    told: dict[str, Any] = {}
    if options.test is not None:
        later, earlier = _scored(after, options.test, options.seed), _scored(before, options.test, options.seed)
        told["test"] = {"refused": later} if isinstance(later, str) else _scores(later)
        if isinstance(earlier, Evaluation):
            told["test"]["before"] = dict(earlier.metrics)
    if options.keep is not None:
        later, earlier = _scored(after, options.keep, options.seed), _scored(before, options.keep, options.seed)
        told["kept"] = _kept(options.keep.name, earlier, later)
    elif options.replay is not None:
        say(
            "fit: replay was given and nothing to measure it by: name labelled old data with --keep to see what is kept"
        )
    return told


def _kept(data: str, earlier: Evaluation | str, later: Evaluation | str) -> dict[str, Any]:
    """What is left of the old score, in numbers and in a sentence."""
    if isinstance(earlier, str):
        return {"within_a_point": None, "said": f"what was to be kept cannot be measured: {earlier}"}
    if isinstance(later, str):
        said = f"the old data can no longer be answered at all ({later}): give some of them to learn from with --replay"
        return {"within_a_point": False, "before": dict(earlier.metrics), "said": said}
    if not set(earlier.metrics) & set(later.metrics):
        said = (
            f"what was to be kept is measured otherwise now: {_line(earlier.metrics)} then, {_line(later.metrics)} now"
        )
        return {"within_a_point": None, "before": dict(earlier.metrics), "said": said}
    kept = compared(data, earlier.metrics, later.metrics)
    return kept.to_plain() | {"said": kept.said()}


def _scored(pipeline: Pipeline, data: Path, seed: int) -> Evaluation | str:
    """How good it is there, or why it cannot answer (other labels, another part, untrained)."""
    try:
        return pipeline.evaluate(data, seed=seed)
    except ColonnadeError as error:
        say(f"fit: not measured on {data.name}: {error}")
        return str(error)


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "data": evaluation.data, "n": evaluation.n, "metrics": dict(evaluation.metrics),
        "intervals": dict(evaluation.intervals), "baselines": dict(evaluation.baselines),
        "subsets": dict(evaluation.subsets), "worst_subset": evaluation.worst_subset,
    }  # fmt: skip


def summary(told: Mapping[str, Any]) -> list[str]:
    """The end of a fit in a few lines."""
    cost = told["cost"]
    share = cost["trainable_share"]
    moved = "no network was trained" if share is None else f"{share:.2%} of the networks' weights moved"
    lines = [f"{told['method']}: {moved}, {cost['minutes']:.1f} minutes, {cost['peak_memory_mib']} MiB at the peak"]
    for each in cost["networks"]:
        said = f"{each['runs']} x {each['network']}: {each['trainable']} of {each['parameters']} weights, "
        lines.append(f"{said}{each['precision']}, {each['epochs']} epochs ({each['stopped'] or 'stopped'})")
    if "metrics" in told.get("test", {}):
        test = told["test"]
        lines.append(
            f"test: {_line(test['metrics'])}" + (f" (before: {_line(test['before'])})" if "before" in test else "")
        )
        lines += [f"baseline {name}: {_line(metrics)}" for name, metrics in test["baselines"].items()]
        lines += [f"subset {name}: {_line(row)}" for name, row in test["subsets"].items()]
    if "kept" in told:
        lines.append(told["kept"]["said"])
    return lines


HELD_BACK = ("calibration_set", "held_back", "left_out", "validation", "validation_qlike", "validation_loss")


def held_back(card: Mapping[str, Any]) -> list[str]:
    """What the task's own fit held back and found there, as its card has it; subsets and baselines a line each."""
    lines = []
    for name in HELD_BACK:
        found = card.get(name)
        if not isinstance(found, Mapping):
            lines += [f"{name.replace('_', ' ')}: {found:.4g}"] if isinstance(found, float) else []
            continue
        lines.append(f"{name.replace('_', ' ')}: {_line(found.get('metrics', found))}")
        for kind in ("baselines", "subsets"):
            lines += [f"{kind[:-1]} {key}: {_line(row)}" for key, row in found.get(kind, {}).items()]
    return lines


def _line(metrics: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items() if isinstance(value, (int, float)))


def _whole(checkpoint: Checkpoint, card: Mapping[str, Any], extras: Mapping[str, str]) -> Checkpoint:
    return dataclasses.replace(checkpoint, card=card, extras={**checkpoint.extras, **extras})


def stored(rows: Rows, seed: int) -> str:
    """The numbers of a few records as JSON, without ids, labels or contents."""
    few = rows.sampled(STORED, seed)
    values = [[None if value != value else float(f"{value:.4g}") for value in row] for row in few.values]
    return json.dumps({"names": few.names, "values": values, "digests": few.digests})


def recalled(pipeline: Pipeline) -> Rows | None:
    """The rows that the checkpoint of this pipeline kept; None where it kept none."""
    folder = pipeline.folder
    if folder is None or not (folder / ROWS).is_file():
        return None
    import numpy as np

    try:
        held = json.loads((folder / ROWS).read_text(encoding="utf-8"))
        values = np.array([[np.nan if value is None else value for value in row] for row in held["values"]], float)
        ids = tuple(str(number) for number in range(len(values)))
        return Rows(names=tuple(held["names"]), values=values, ids=ids, digests=tuple(held["digests"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / ROWS} is not what a fit wrote there: {error}") from error
