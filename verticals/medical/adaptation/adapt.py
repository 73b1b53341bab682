"""Fine-tuning on a folder of labelled scans: patches around real nodules and elsewhere, one of the core's four methods.

A frozen test set is split off by patient, and the gate of acceptance.py compares the fitted detector with the one it
starts from: a worse one is refused before anything is written. A quarter of the other scans is held back to fix the
operating point anew. Scans in a folder `unlabelled` are learnt from first, without labels (pretrain.py).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from ....core.training.events import Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ....core.types import Array
from ..data import Pair, backgrounds_in, find_pairs, read_case
from ..detection.detector import Detector, detection_loss, windowed
from ..detection.findings import Operating
from ..detection.operating import calibrated
from ..simulation.cases import Case
from ..simulation.patches import SIZE, Background, background_of, cut_patch
from . import acceptance
from .acceptance import Verdict
from .pretrain import pretrain

if TYPE_CHECKING:
    from ..pipeline import NodulePipeline

EPOCHS, BATCHES, ROWS = 4, 20, 2
UNLABELLED = "unlabelled"
HEADS = ("unfold", "near")
STAGES = (HEADS, ("mix", "narrow"), ("encoder.stages", "encoder.down", "encoder.blocks"), ("encoder.stem",))


def fit_folder(pipeline: NodulePipeline, data: Path, options: FitOptions) -> NodulePipeline:
    """A new pipeline whose detector was fitted to the folder; the judge stays as it was.

    Raises:
        FormatError: no scan of the folder has lungs and a nodule.
        ColonnadeError: the gate refuses the fitted detector.
    """
    pairs = find_pairs(data)
    test, rest = acceptance.frozen(pairs)
    train, held = _parted(rest, options.seed)
    grounds = [ground for pair in track(train, "scans", len(train)) if (ground := _ground(pair)) is not None]
    if not grounds:
        raise FormatError(f"{data} holds no scan with lungs and a labelled nodule to fit to")
    detector = copy.deepcopy(pipeline.detector)
    unlabelled = _unlabelled(data)
    if unlabelled:
        pretrain(detector, unlabelled, seed=options.seed)
    _fit(detector, Labelled(grounds=grounds, seed=options.seed), options)
    fitted = type(pipeline)(
        detector, copy.deepcopy(pipeline.judge), pipeline.operating, config=pipeline.config,
        describer=pipeline.describer,
    )  # fmt: skip
    operating, numbers = _operating(fitted, held)
    fitted.operating = operating
    fitted.card = {
        **pipeline.card,
        "fitted": {
            "method": options.method, "seed": options.seed, "scans": len(train), "unlabelled": len(unlabelled),
        },
        "data": {**pipeline.card.get("data", {}), data.name: _digest(data, pairs)}, "validation": numbers,
    }  # fmt: skip
    _pass_gate(pipeline, fitted, test, data=fitted.card["data"][data.name], seed=options.seed)
    return fitted


def _pass_gate(old: NodulePipeline, new: NodulePipeline, test: Sequence[Pair], *, data: str, seed: int) -> Verdict:
    """The verdict, written into the new card; a refusal is raised, and one that could not be reached is said.

    `data` is the digest of what was fitted to.
    """
    cases = ((pair.whose, read_case(pair)[0]) for pair in track(test, "gate", len(test)))
    verdict = acceptance.judged(acceptance.paired(old, new, cases), old.operating, new.operating, seed=seed)
    acceptance.refuse(verdict)
    if verdict.status == "not run":
        say(f"fit: the gate could not be run, so nothing shows that the new weights are as good: {verdict.reason}")
    earlier: list[Any] = list(old.card.get("acceptance", ()))
    facts = {
        "data": data, "test": [pair.name for pair in test],
        "old_weights": acceptance.weights_digest(old), "new_weights": acceptance.weights_digest(new),
        "margins": {**acceptance.MARGINS, "group": acceptance.GROUP_MARGIN},
    }  # fmt: skip
    new.card = {**new.card, "acceptance": [*earlier, acceptance.record(verdict, earlier, facts)]}
    return verdict


def _digest(data: Path, pairs: Sequence[Pair]) -> str:
    """Of the folder; of a list together with every file that it names."""
    if data.is_dir():
        return digest.of_file(data)
    files = [each for pair in pairs for each in (pair.image, pair.label) if each is not None]
    return digest.of_value([digest.of_file(each) for each in (data, *files)])


def _ground(pair: Pair) -> Background | None:
    """What the detector learns from in one scan; None without lungs or without a nodule in them."""
    case, _ = read_case(pair)
    ground = background_of(case.volume, labels=case.labels)
    return ground if ground is not None and ground.truth is not None and ground.truth.any() else None


def _unlabelled(data: Path) -> list[Array]:
    """The lungs of the scans without labels, on the working grid."""
    folder = (data if data.is_dir() else data.parent) / UNLABELLED
    if not folder.is_dir():
        return []
    grounds = (background_of(volume) for _, volume in backgrounds_in(folder))
    return [ground.values for ground in grounds if ground is not None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """Called with an epoch it gives that epoch's batches: two of three patches lie around a nodule."""

    grounds: Sequence[Background]
    seed: int = 0

    def __call__(self, epoch: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        generator = numpy_generator(self.seed, f"labelled/{epoch}")
        return [self._batch(generator) for _ in range(BATCHES)]

    def _batch(self, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        drawn = [self._patch(generator) for _ in range(ROWS)]
        values, truth, weight = (torch.from_numpy(np.stack(each)[:, None]) for each in zip(*drawn, strict=True))
        return windowed(values), truth, weight

    def _patch(self, generator: np.random.Generator) -> tuple[Array, Array, Array]:
        ground = self.grounds[int(generator.integers(len(self.grounds)))]
        spots = ground.places[int(generator.integers(len(ground.places)))]
        if ground.truth is not None and generator.random() < 0.67:
            spots = np.argwhere(ground.truth)
        corner = spots[int(generator.integers(len(spots)))].astype(int) - generator.integers(9, SIZE - 9, 3)
        axes = tuple(int(axis) for axis in np.flatnonzero(generator.random(3) < 0.5))
        values = np.flip(cut_patch(ground.values, corner, -1000.0), axes) + generator.normal(0, 12)
        truth = np.flip(cut_patch(ground.truth, corner, False), axes)
        share = float(np.clip(400 / max(truth.sum(), 1), 1, 12))
        weight = np.where(truth, share, 1.0).astype(np.float32)
        return np.ascontiguousarray(values, np.float32), np.ascontiguousarray(truth, np.float32), weight


def _fit(detector: Detector, batches: Labelled, options: FitOptions) -> None:
    """The detector in place, by the method asked for."""
    detector.requires_grad_(True)
    unfreezing = None
    if options.method == "lora":
        add_lora(detector, LoraConfig(rank=8, alpha=16, trained=HEADS, seed=options.seed))
    elif options.method in ("probe", "progressive"):
        unfreezing = Unfreezing(groups=STAGES[:1] if options.method == "probe" else STAGES)

    def step(batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        return detection_loss(detector(batch[0]), batch[1], batch[2])

    rate = 3e-4 if options.method in ("full", "progressive") else 1e-3
    config = TrainingConfig(epochs=options.epochs or EPOCHS, rate=rate, patience=0, seed=options.seed)
    for event in fit(detector, batches, step, config=config, unfreezing=unfreezing, label=f"fit ({options.method})"):
        if isinstance(event, Validated):
            say(f"fit: epoch {event.epoch + 1}: loss {event.losses['loss']:.3f}")
    if options.method == "lora":
        merge(detector)


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


def _operating(pipeline: NodulePipeline, held: Sequence[Pair]) -> tuple[Operating, dict[str, float]]:
    """Fixed anew where enough nodules were held back, else as it was."""
    cases = _Read(held)
    if sum(len(case.truths) for case in cases) < 10:
        say("fit: fewer than 10 nodules were held back, so the operating point stays as it was")
        return pipeline.operating, {"held_back_scans": float(len(held))}
    return calibrated(pipeline, cases)
