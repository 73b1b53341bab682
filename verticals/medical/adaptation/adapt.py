"""Fine-tuning to another scanner: windows of its labelled and unlabelled scans, with its own nodules put in anew.

A frozen test set is split off by patient, and the gate of acceptance.py compares the fitted detector with the one it
starts from: a worse one is refused before anything is written. A quarter of the other scans is held back: it stops the
training, says what was gained, and fixes the operating point anew. Scans in a folder `unlabelled` serve as places to
put nodules into (windows.py), which needs no labels. Masked modelling on a few of them harmed, and is gone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ....core import digest
from ....core.errors import FormatError
from ....core.pipeline import FitOptions
from ....core.progress import say, track
from ....core.random import numpy_generator
from ....core.training.adaptation import LoraConfig, Unfreezing, add_lora, merge
from ....core.training.continual import replayed
from ....core.training.events import Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ..data import Pair, backgrounds_in, find_pairs, read_case
from ..detection.detector import Detector, detection_loss
from ..detection.findings import ALONE, Operating
from ..detection.fitness import bounds, qualities_of
from ..detection.operating import calibrated
from ..evaluate import tallied
from ..metrics import cpm
from ..simulation.cases import Case
from ..simulation.simulate import Lesion
from . import acceptance
from .acceptance import Verdict
from .ledger import record, signing_key
from .windows import Ground, Windows, ground_of

if TYPE_CHECKING:
    from ..pipeline import NodulePipeline

EPOCHS, BATCHES, ROWS = 6, 100, 2
CHECKS = 30  # batches of held-back windows that stop the training
PATIENCE = 3  # epochs
LEAST = 10  # nodules held back that fix an operating point
UNLABELLED = "unlabelled"
HEADS = ("unfold", "near")
STAGES = (HEADS, ("mix", "narrow"), ("encoder.stages", "encoder.down", "encoder.blocks"), ("encoder.stem",))
BESIDE = (*HEADS, "mix", "narrow", "encoder.stem")  # what trains in full beside the adapters
UNUSED = ("encoder.gather", "encoder.norms", "encoder.project")  # the heads of the encoder's tokens
RATES = {"full": 1e-3, "progressive": 1e-3, "lora": 1e-3, "probe": 1e-3}


def fit_folder(pipeline: NodulePipeline, data: Path, options: FitOptions) -> NodulePipeline:
    """A new pipeline whose detector was fitted to the folder; the judge stays as it was.

    Raises:
        FormatError: no scan of the folder has lungs and a nodule.
        ColonnadeError: the gate refuses the fitted detector.
    """
    pairs = find_pairs(data)
    seen = acceptance.learnt_by(pipeline.card)
    digests = {pair.name: acceptance.scan_digest(pair) for pair in track(pairs, "digests", len(pairs))}
    test, rest = acceptance.frozen(pairs, learnt={pair.whose for pair in pairs if digests[pair.name] in seen})
    train, held = _parted(rest, options.seed)
    if options.replay is not None:
        train = replayed(train, find_pairs(options.replay), seed=options.seed)
    site = _site(pipeline.detector, train, held, _folder(data))
    if not any(each.truth.any() for each in site.grounds):
        raise FormatError(f"{data} holds no scan with lungs and a labelled nodule to fit to")
    detector = copy.deepcopy(pipeline.detector)
    losses = _fit(detector, site, options)
    fitted = type(pipeline)(
        detector, copy.deepcopy(pipeline.judge), pipeline.operating, config=pipeline.config,
        describer=pipeline.describer,
    )  # fmt: skip
    operating, numbers = _operating(pipeline, fitted, held)
    fitted.operating = replace(operating, learnt=_widened(operating.learnt, site.qualities))
    unlabelled = sum(not each.labelled for each in site.grounds)
    fitted.card = {
        **pipeline.card,
        "fitted": {
            "method": options.method, "seed": options.seed, "scans": len(train), "unlabelled": unlabelled,
            "nodules": len(site.lesions), **losses,
        },
        "data": {**pipeline.card.get("data", {}), data.name: _digest(data, pairs)}, "validation": numbers,
    }  # fmt: skip
    facts = {
        "data": fitted.card["data"][data.name], "learnt": [digests[each.name] for each in rest],
        "test": {each.name: digests[each.name] for each in test},
    }  # fmt: skip
    _pass_gate(pipeline, fitted, test, facts=facts, seed=options.seed)
    return fitted


def _pass_gate(
    old: NodulePipeline, new: NodulePipeline, test: Sequence[Pair], *, facts: dict[str, Any], seed: int
) -> Verdict:
    """The verdict, written into the new card; a refusal is raised, and one that could not be reached is said.

    `facts` are the digests of what was fitted to and of the frozen scans.
    """
    earlier: list[Any] = list(old.card.get("acceptance", ()))
    key = signing_key()
    acceptance.refuse_changed(facts["test"], earlier, key=key)
    cases = ((pair.whose, read_case(pair)[0]) for pair in track(test, "gate", len(test)))
    verdict = acceptance.judged(acceptance.paired(old, new, cases), old.operating, new.operating, seed=seed)
    acceptance.refuse(verdict)
    if verdict.status == "not run":
        say(f"fit: the gate could not be run, so nothing shows that the new weights are as good: {verdict.reason}")
    for each in verdict.compared:
        say(f"fit: gate: {each.said()}")
    line = {
        **acceptance.facts_of(verdict), **facts,
        "old_weights": acceptance.weights_digest(old), "new_weights": acceptance.weights_digest(new),
    }  # fmt: skip
    new.card = {**new.card, "acceptance": [*earlier, record(line, earlier, key=key)]}
    return verdict


def _digest(data: Path, pairs: Sequence[Pair]) -> str:
    """Of the folder; of a list together with every file that it names."""
    if data.is_dir():
        return digest.of_file(data)
    files = [each for pair in pairs for each in (pair.image, pair.label) if each is not None]
    return digest.of_value([digest.of_file(each) for each in (data, *files)])


def _folder(data: Path) -> Path:
    """Where scans without labels would lie."""
    return (data if data.is_dir() else data.parent) / UNLABELLED


@dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """A hospital's scans made ready to learn from, and those held back; the nodules cut out of each."""

    grounds: Sequence[Ground]
    lesions: Sequence[Lesion]
    held: Sequence[Ground]
    held_lesions: Sequence[Lesion]
    qualities: Sequence[dict[str, float]]


def _site(detector: Detector, train: Sequence[Pair], held: Sequence[Pair], unlabelled: Path) -> Site:
    """All of them; scans without lungs are left out."""
    measured: list[dict[str, float]] = []
    grounds, lesions = _grounds(detector, train, measured)
    back, held_lesions = _grounds(detector, held, measured)
    if unlabelled.is_dir():
        for _, volume in track(backgrounds_in(unlabelled), UNLABELLED):
            measured += [found] if (found := qualities_of(volume)) else []
            if (ready := ground_of(volume, None, detector)) is not None:
                grounds.append(ready[0])
    say(
        f"fit: {len(train)} labelled scans with {len(lesions)} nodules to put in anew, {len(held)} held back, "
        f"{sum(not each.labelled for each in grounds)} without labels"
    )
    return Site(grounds=grounds, lesions=lesions, held=back, held_lesions=held_lesions, qualities=measured)


def _grounds(
    detector: Detector, pairs: Sequence[Pair], measured: list[dict[str, float]]
) -> tuple[list[Ground], list[Lesion]]:
    grounds, lesions = [], []
    for pair in track(pairs, "scans", len(pairs)):
        case, _ = read_case(pair)
        measured += [found] if (found := qualities_of(case.volume)) else []
        if (ready := ground_of(case.volume, case.labels, detector)) is not None:
            grounds.append(ready[0])
            lesions += ready[1]
    return grounds, lesions


def _widened(
    learnt: Mapping[str, tuple[float, float]], measured: Sequence[dict[str, float]]
) -> dict[str, tuple[float, float]]:
    """The bounds of what was learnt from, with these scans among them."""
    more = bounds(measured)
    return {
        name: (min(low, more.get(name, (low, high))[0]), max(high, more.get(name, (low, high))[1]))
        for name, (low, high) in learnt.items()
    }


def _fit(detector: Detector, site: Site, options: FitOptions) -> dict[str, float]:
    """The detector in place, by the method asked for; the loss on held-back windows before and after.

    Where nothing is held back it goes on to the last epoch; where no epoch is better than the start, the start is kept.
    """
    before = {name: each.detach().clone() for name, each in detector.state_dict().items()}
    unfreezing = _loosened(detector, options)
    windows = Windows(grounds=site.grounds, lesions=site.lesions, size=ROWS, batches=BATCHES, seed=options.seed)
    checks = _checks(site, options.seed)

    def step(batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        voxels = batch[0].contiguous(memory_format=torch.channels_last_3d)
        return detection_loss(detector(voxels), batch[1], batch[2])

    def validate() -> dict[str, float]:
        return {"loss": float(np.mean([sum(float(each) for each in step(batch).values()) for batch in checks]))}

    detector.eval()
    with torch.no_grad():
        start = validate()["loss"] if checks else float("nan")
    best = float("inf")
    config = TrainingConfig(
        epochs=options.epochs or EPOCHS, rate=RATES[options.method], patience=PATIENCE if checks else 0,
        seed=options.seed,
    )  # fmt: skip
    for event in fit(
        detector, windows, step, config=config, validate=validate if checks else None, unfreezing=unfreezing,
        label=f"fit ({options.method})",
    ):  # fmt: skip
        if isinstance(event, Validated):
            held = f", held back {event.metrics['loss']:.3f} (at the start {start:.3f})" if checks else ""
            best = min(best, event.metrics.get("loss", best))
            say(f"fit: epoch {event.epoch + 1}: loss {event.losses['loss']:.3f}{held}")
    if options.method == "lora":
        merge(detector)
    if checks and best >= start:
        detector.load_state_dict(before)
        say("fit: no epoch was better than the start on the windows held back: the weights stay as they were")
    return {"held_loss_before": start, "held_loss_after": min(best, start)} if checks else {}


def _loosened(detector: Detector, options: FitOptions) -> Unfreezing | None:
    """Let those weights move that the method asks for; what is unfrozen later, if anything is."""
    for name, parameter in detector.named_parameters():
        parameter.requires_grad_(not name.startswith(UNUSED))
    if options.method == "lora":
        add_lora(detector, LoraConfig(rank=8, alpha=16, trained=BESIDE, seed=options.seed))
    if options.method in ("probe", "progressive"):
        return Unfreezing(groups=STAGES[:1] if options.method == "probe" else STAGES)
    return None


def _checks(site: Site, seed: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Windows of the scans held back, with their own nodules put in anew, always the same."""
    if not site.held or not any(each.truth.any() for each in site.held):
        return []
    drawn = Windows(grounds=site.held, lesions=site.held_lesions, size=ROWS, batches=CHECKS, seed=seed + 1)
    return list(drawn(0))


def _parted(pairs: Sequence[Pair], seed: int) -> tuple[list[Pair], list[Pair]]:
    """Training scans, and those held back: what the data set calls validation, or a quarter of the patients."""
    named = {each.whose for each in pairs if each.part == "validation"}
    patients = sorted({each.whose for each in pairs})
    if not named and len(patients) >= 4:
        order = numpy_generator(seed, "held").permutation(len(patients))
        named = {patients[n] for n in order[: max(len(patients) // 4, 1)]}
    return [each for each in pairs if each.whose not in named], [each for each in pairs if each.whose in named]


class _Read(Sequence[Case]):
    """Cases that are read when they are asked for: a scan in memory takes 300 MB."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: Any) -> Any:
        return read_case(self._pairs[index])[0]

    def __iter__(self) -> Iterator[Case]:
        return (read_case(pair)[0] for pair in self._pairs)


def _operating(old: NodulePipeline, new: NodulePipeline, held: Sequence[Pair]) -> tuple[Operating, dict[str, float]]:
    """Fixed anew where enough nodules were held back, else as it was; and what was gained there."""
    cases = _Read(held)
    nodules = sum(len(case.truths) for case in cases)
    if not nodules:
        return new.operating, {"held_back_scans": float(len(held))}
    before = cpm(tallied(old, cases).marks[ALONE])
    if nodules < LEAST:
        after = cpm(tallied(new, cases).marks[ALONE])
        operating, numbers = new.operating, {"held_back_scans": float(len(held)), "froc_cpm": after}
        say(f"fit: fewer than {LEAST} nodules were held back, so the operating point stays as it was")
    else:
        operating, numbers = calibrated(new, cases)
    numbers["froc_cpm_before"] = round(before, 3)
    say(
        f"fit: on the {len(held)} scans held back, with {nodules} nodules, CPM was {before:.3f} and is "
        f"{numbers['froc_cpm']:.3f}"
    )
    return operating, numbers
