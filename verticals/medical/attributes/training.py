"""How attributes are learnt: small networks on measurements, each from four fifths of the patients, then calibration on
the fifth that it did not see.

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

from ....core.progress import track
from ....core.random import numpy_generator
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ....core.trust.calibration import fit_platt, fit_vector_scaling
from ....core.trust.conformal import fit_thresholds, quantile
from ....core.types import Array
from .describe import CLASSES, MIDDLE, Describer, DescriberConfig, Scaling, sizes, stratum
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
    patients; and the measurements by name."""

    measures: Array
    votes: Array
    ratings: Array
    met: Array
    patients: Array
    named: list[dict[str, float]]

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
    """Scalings, the curve of suspicion and its margins, from masks as they are met and answers of networks that did not
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
    texture = scalings["texture"].probabilities(apart["texture"][met]).argmax(axis=1)
    kept = [row for row, here in zip(rows.named, met, strict=True) if here]
    strata = np.array([stratum(row, CLASSES["texture"][each]) for row, each in zip(kept, texture, strict=True)])
    errors = np.abs(np.clip(MIDDLE + told, 1, 5) - ratings)
    thresholds = fit_thresholds(errors, coverage=config.coverage, strata=strata)
    margins = {name: float(min(each, 4.0)) for name, each in thresholds.by_stratum.items()}
    return replace(config, margins=margins)


def widened(describer: Describer, held: Rows) -> Describer:
    """The describer with all margins stretched by what other patients in other chests ask for; never drawn in."""
    config = describer.config
    told = describer.read(held.named)
    reach = [abs(each.rating - own) for each, own in zip(told, held.ratings, strict=True)]
    strata = [stratum(row, each.attributes["texture"].value) for row, each in zip(held.named, told, strict=True)]
    shares = np.array([far / max(describer.margin(name), 1e-6) for far, name in zip(reach, strata, strict=True)])
    stretch = max(1.0, min(quantile(shares, config.coverage), 4.0))
    margins = {name: min(stretch * each, 4.0) for name, each in config.margins.items()}
    return Describer(replace(config, margins=margins), describer.heads)


def _nodules(rows: Rows) -> int:
    return len(np.unique(rows.patients[rows.met]))


def expanded(logits: Array, votes: Array) -> tuple[Array, Array]:
    """Rows repeated so that each vote is a label of its own: logits `[row, class]` and labels."""
    counts = np.round(votes * PARTS).astype(int)
    which = np.repeat(np.arange(len(votes)), counts.sum(axis=1))
    labels = np.concatenate([np.repeat(np.arange(votes.shape[1]), each) for each in counts])
    return logits[which], labels
