"""How attributes are learnt: small networks on measurements, each from four fifths of the patients, then calibration on
the fifth that it did not see; and bounds from all whom no network that answers learnt from.

Targets are the shares of readers; a nodule that they disagree about teaches their disagreement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....core.errors import InputError
from ....core.progress import track
from ....core.random import numpy_generator
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ....core.trust.calibration import fit_platt, fit_vector_scaling
from ....core.types import Array
from .bounds import Answers, fit_margins, joined
from .describe import CLASSES, MIDDLE, SCALE, Describer, DescriberConfig, Scaling, sizes, stratum
from .examples import Example
from .heads import RATING, Heads, standardised
from .measures import measured

DECIDED = (2.5, 3.5)  # mean ratings up to which, and from which, readers agree enough on a label of suspicion
PARTS = 24  # halves, thirds and quarters of votes are whole numbers of these
TRUE_MASK = 0.5  # the weight of a true mask beside one that the detector drew
JITTER = 0.1  # standard deviations of noise on measurements in training


@dataclass(frozen=True, kw_only=True)
class Learning:
    """Networks, their width, and how they are trained."""

    members: int = 5
    width: int = 96
    dropout: float = 0.3
    epochs: int = 25
    batch: int = 64
    rate: float = 3e-3
    decay: float = 0.01


class Rows(NamedTuple):
    """Examples as arrays: measurements, votes of all heads side by side, mean ratings, whether the detector drew it,
    patients; and the measurements by name, and nodules."""

    measures: Array
    votes: Array
    ratings: Array
    met: Array
    patients: Array
    named: list[dict[str, float]]
    nodules: Array

    @property
    def textures(self) -> Array:
        """What most readers say, as a number in `CLASSES["texture"]`; a nodule on which they all differ counts as
        part-solid."""
        return np.asarray(self.votes[:, : len(CLASSES["texture"])].argmax(axis=1))

    def of(self, chosen: Array) -> Rows:
        """Some of the rows, by mask."""
        named = [self.named[int(row)] for row in np.flatnonzero(chosen)]
        return Rows(
            self.measures[chosen],
            self.votes[chosen],
            self.ratings[chosen],
            self.met[chosen],
            self.patients[chosen],
            named,
            self.nodules[chosen],
        )


def rows_of(examples: Sequence[Example]) -> Rows:
    """Measured examples."""
    named = [measured(each.crop) for each in track(examples, "measures", len(examples))]
    votes = [[share for name in CLASSES for share in each.votes[name]] for each in examples]
    return Rows(
        np.array([list(each.values()) for each in named]),
        np.array(votes),
        np.array([each.rating for each in examples]),
        np.array([each.drawn == "detector" for each in examples]),
        np.array([each.patient for each in examples]),
        named,
        np.array([each.number for each in examples]),
    )


def learn(rows: Rows, learning: Learning | None = None, *, seed: int = 0) -> Describer:
    """Networks and calibration from training examples; no patient calibrates a network that learnt from him."""
    learning = learning or Learning()
    mean, scale = rows.measures.mean(axis=0), rows.measures.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    fold = folds(rows.patients, learning.members, seed=seed)
    values = standardised(rows.measures, mean, scale)
    networks = [_trained(values, rows, fold != part, learning, seed=seed + part) for part in range(learning.members)]
    linear = [[layer for layer in network if isinstance(layer, nn.Linear)] for network in networks]
    heads = Heads(
        measures=tuple(rows.named[0]), sizes=sizes(), mean=mean, scale=scale,
        weights=tuple(np.stack([each.weight.detach().double().numpy().T for each in layers])
                      for layers in zip(*linear, strict=True)),
        biases=tuple(np.stack([each.bias.detach().double().numpy() for each in layers])
                     for layers in zip(*linear, strict=True)),
    )  # fmt: skip
    raw = heads(rows.named)
    apart = {name: each[fold, np.arange(len(fold))] for name, each in raw.items()}
    return Describer(_calibrated(heads, rows, apart), heads)


def folds(patients: Array, parts: int, *, seed: int) -> Array:
    """A part for each row, the same for all rows of a patient."""
    names, which = np.unique(patients, return_inverse=True)
    order = numpy_generator(seed, "attributes/folds").permutation(len(names))
    return np.asarray(order[which] % parts)


def _trained(values: Array, rows: Rows, chosen: Array, learning: Learning, *, seed: int) -> nn.Sequential:
    """One network from the chosen rows."""
    network = _network(values.shape[1], learning, seed)
    x = torch.tensor(values[chosen], dtype=torch.float32)
    votes = torch.tensor(rows.votes[chosen], dtype=torch.float32)
    ratings = torch.tensor(rows.ratings[chosen] - MIDDLE, dtype=torch.float32)
    weight = torch.tensor(np.where(rows.met[chosen], 1.0, TRUE_MASK), dtype=torch.float32)

    def batches(epoch: int) -> list[Tensor]:
        order = numpy_generator(seed, f"attributes/order/{epoch}").permutation(len(x))
        return list(torch.from_numpy(order).split(learning.batch))

    def step(some: Tensor) -> Tensor:
        noisy = x[some] + JITTER * torch.randn_like(x[some])
        return (weight[some] * _losses(network(noisy), votes[some], ratings[some])).mean()

    config = TrainingConfig(
        epochs=learning.epochs, rate=learning.rate, weight_decay=learning.decay, precision="fp32", patience=0, seed=seed
    )
    for _ in fit(network, batches, step, config=config, label="attributes"):
        pass
    return network


def _network(count: int, learning: Learning, seed: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        width, drop = learning.width, learning.dropout
        return nn.Sequential(
            nn.Linear(count, width), nn.SiLU(), nn.Dropout(drop), nn.Linear(width, width), nn.SiLU(), nn.Dropout(drop),
            nn.Linear(width, sum(sizes().values())),
        )  # fmt: skip


def _losses(raw: Tensor, votes: Tensor, ratings: Tensor) -> Tensor:
    """By row: cross-entropy to the readers' shares for each attribute, and the squared error of the rating."""
    *classes, rating = raw.split(list(sizes().values()), dim=1)
    shares = votes.split([len(each) for each in CLASSES.values()], dim=1)
    told = [-(share * F.log_softmax(each, dim=1)).sum(dim=1) for each, share in zip(classes, shares, strict=True)]
    return torch.stack([*told, (rating[:, 0] - ratings).square()]).sum(dim=0)


def _calibrated(heads: Heads, rows: Rows, apart: Mapping[str, Array]) -> DescriberConfig:
    """Scalings, the curve of suspicion and its bounds, from masks as they are met and answers of networks that did not
    learn from the patient."""
    met, begin, scalings = rows.met, 0, {}
    for name, values in CLASSES.items():
        votes = rows.votes[met][:, begin : begin + len(values)]
        logits, labels = expanded(apart[name][met], votes)
        fitted = fit_vector_scaling(logits, labels, strength=float(PARTS * len(votes) / max(_nodules(rows), 1)))
        scalings[name] = Scaling(scale=fitted.scale, shifts=tuple(float(each) for each in fitted.shifts))
        begin += len(values)
    ratings, told = rows.ratings[met], apart[RATING][met][:, 0]
    decided = (ratings <= DECIDED[0]) | (ratings >= DECIDED[1])
    suspicion = fit_platt(told[decided], ratings[decided] > MIDDLE)
    config = DescriberConfig(measures=heads.measures, scalings=scalings, suspicion=suspicion)
    answers = _answers(config, rows, apart["texture"], np.clip(MIDDLE + apart[RATING][:, 0], *SCALE))
    return replace(config, margins=fit_margins(answers.of(met), coverage=config.coverage))


def bounded(describer: Describer, learnt: Rows, held: Rows, *, seed: int = 0) -> Describer:
    """The describer with its margins fixed anew, on the rows that its networks learnt from with this seed, each
    answered by the network that did not, and on `held`, patients that none of them learnt from.

    Raises:
        InputError: the networks did not leave out these patients, so the rows or the seed are others.
    """
    heads, config = describer.heads, describer.config
    fold, every = folds(learnt.patients, len(heads.biases[0]), seed=seed), np.arange(len(learnt.patients))
    raw, told = _told(describer, learnt)
    _check_left_out(told, fold, learnt.ratings)
    crossed = _answers(config, learnt, raw[fold, every], told[fold, every])
    raw, told = _told(describer, held)
    whole = _answers(config, held, raw.mean(axis=0), told.mean(axis=0))
    answers = joined(crossed.of(learnt.met), whole.of(held.met))
    return Describer(replace(config, margins=fit_margins(answers, coverage=config.coverage)), heads)


def _told(describer: Describer, rows: Rows) -> tuple[Array, Array]:
    """Logits of texture `[member, row, class]` and ratings `[member, row]`."""
    raw = describer.heads(rows.named)
    return raw["texture"], np.clip(MIDDLE + raw[RATING][:, :, 0], *SCALE)


def _check_left_out(told: Array, fold: Array, ratings: Array) -> None:
    """The network that left a patient out must be worse on him than the others are, who learnt from him."""
    errors = np.square(told - ratings)
    own = errors[fold, np.arange(len(fold))]
    rest = (errors.sum(axis=0) - own) / (len(errors) - 1)
    if own.mean() <= rest.mean():
        raise InputError(
            f"the networks err by {own.mean():.2f} on patients that they should not know, and by {rest.mean():.2f} on "
            "those that they should have learnt from: they were made from other patients, or with another seed"
        )


def _answers(config: DescriberConfig, rows: Rows, logits: Array, expected: Array) -> Answers:
    """What the bounds are fixed on: logits of texture `[row, class]` and ratings, by networks that do not know them."""
    texture = config.scalings["texture"].probabilities(logits).argmax(axis=1)
    names = [stratum(row, CLASSES["texture"][each]) for row, each in zip(rows.named, texture, strict=True)]
    return Answers(
        expected=expected, ratings=rows.ratings, strata=np.array(names), textures=rows.textures, nodules=rows.nodules,
        patients=rows.patients,
    )  # fmt: skip


def _nodules(rows: Rows) -> int:
    return len(np.unique(rows.patients[rows.met]))


def expanded(logits: Array, votes: Array) -> tuple[Array, Array]:
    """Rows repeated so that each vote is a label of its own: logits `[row, class]` and labels."""
    counts = np.round(votes * PARTS).astype(int)
    which = np.repeat(np.arange(len(votes)), counts.sum(axis=1))
    labels = np.concatenate([np.repeat(np.arange(votes.shape[1]), each) for each in counts])
    return logits[which], labels
