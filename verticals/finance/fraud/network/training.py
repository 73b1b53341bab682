"""Training the network on what the boosting leaves: thinned payments, out-of-fold logits, modality dropout, the guard.

Honest payments are thinned, the suspicious among them less (hard negatives). With a payment kept at rate r, the odds of
fraud among the kept are 1 / r times those among all, whatever r depends on but the label: so each starts from its logit
less log r while training, and the network needs no correction after. It knows nothing of how the boosting was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from .....core.data.missing import ModalityDropout, keep
from .....core.encoders.table import TableEncoder, statistics
from .....core.errors import FormatError
from .....core.guard import Chosen, Labelled, guard
from .....core.objective import losses
from .....core.random import numpy_generator, torch_generator
from .....core.training.loop import TrainingConfig, fit
from .....core.types import Array, Batch, Packed
from .batches import Prepared, batch_of, by_card, histories, table_of
from .model import HEAD, Network, starts

SHARED = ((True, True), (True, False), (False, True), (False, False))  # words and device, which boosting reads too


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """`base` and `slope` of the rate at which honest payments are kept: base + slope * the boosting's probability."""

    epochs: int = 8
    rate: float = 3e-3
    weight_decay: float = 0.1
    patience: int = 2
    cards: int = 48  # a step
    base: float = 0.03
    slope: float = 5.0
    dropped: float = 0.25
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Payments whose label is known, with the boosting's logit for each of `SHARED` and the log of the rate kept at."""

    rows: Array
    fraud: Bool[Array, " row"]
    logits: Float[Array, "row shared"]
    kept: Float[Array, " row"]

    def take(self, places: Array) -> Examples:
        return Examples(
            rows=self.rows[places], fraud=self.fraud[places], logits=self.logits[places], kept=self.kept[places]
        )


def thinned(rows: Array, fraud: Array, logits: Array, schedule: Schedule, *, kept: float = 0.0) -> Examples:
    """All frauds, and of the others few of the plain and more of the suspicious.

    `kept` is the logarithm of the share of honest payments that an earlier thinning left in `rows`.

    Raises:
        FormatError: no fraud, or nothing else.
    """
    if not fraud.any() or fraud.all():
        raise FormatError(f"{int(fraud.sum())} frauds among {len(fraud)} payments: the network learns from both kinds")
    chance = 1 / (1 + np.exp(-logits[:, 0]))
    rate = np.minimum(schedule.base + schedule.slope * chance, 1.0)
    drawn = fraud | (numpy_generator(schedule.seed, "thinned").random(len(rows)) < rate)
    left = np.flatnonzero(drawn)
    return Examples(rows=rows[left], fraud=fraud[left], logits=logits[left], kept=np.log(rate[left]) + kept)


def train(network: Network, prepared_: Prepared, known: Examples, later: Examples, schedule: Schedule) -> list[Chosen]:
    """Train in place; `later` (payments after the others) stops it and guards every set of modalities."""
    _standardise(network, prepared_, known)
    names = network.model.modalities
    dropout = ModalityDropout(
        names, minimum=(("events",),), rate={name: schedule.dropped for name in names if name != "events"}
    )
    groups = list(by_card(prepared_, known.rows, 1))
    watched = _batches(network, prepared_, later)

    def step(places: Array) -> Mapping[str, torch.Tensor]:
        part = known.take(places)
        batch = batch_of(network, prepared_, part.rows)
        generator = torch_generator(schedule.seed, f"drop/{places[0]}/{places[-1]}/{len(places)}")
        batch = keep(batch, dropout.draw(batch.presence, generator))
        targets = {HEAD: torch.from_numpy(part.fraud.astype(np.int64))}
        output = network.model(batch, {HEAD: _starts(batch, part)})
        return losses(network.model, output, targets, experts=0.3, gates=0.1)

    def validate() -> Mapping[str, float]:
        return {"loss": _loss(network, prepared_, later, watched)}

    def orders(epoch: int) -> Sequence[Array]:
        order = numpy_generator(schedule.seed, f"order/{epoch}").permutation(len(groups))
        steps = max(1, len(groups) // schedule.cards)
        return [np.concatenate([groups[index] for index in part]) for part in np.array_split(order, steps)]

    config = TrainingConfig(
        epochs=schedule.epochs, rate=schedule.rate, weight_decay=schedule.weight_decay, patience=schedule.patience,
        precision="fp32", seed=schedule.seed,
    )  # fmt: skip
    for _ in fit(network, orders, step, config=config, validate=validate):
        pass
    return guarded(network, prepared_, later)


def guarded(network: Network, prepared_: Prepared, later: Examples) -> list[Chosen]:
    """For each set of modalities what serves later payments best; the boosting's own logit is always among the choices.

    Sets with and without words and device start from different logits, so each such family is guarded on its own,
    the largest first: what a smaller one finds for its sets stands.
    """
    chosen: dict[tuple[str, ...], Chosen] = {}
    for family in SHARED:
        hidden = torch.tensor([_shown(name, family) for name in network.model.modalities])
        labelled = []
        for places, batch in _batches(network, prepared_, later):
            part, batch = later.take(places), keep(batch, batch.presence & hidden)
            targets = {HEAD: torch.from_numpy(part.fraud.astype(np.int64))}
            labelled.append(Labelled(batch, targets, {HEAD: _starts(batch, part)}))
        chosen |= {each.modalities: each for each in guard(network.model, labelled)}
    return list(chosen.values())


def _shown(name: str, family: tuple[bool, bool]) -> bool:
    return dict(zip(("text", "device"), family, strict=True)).get(name, True)


def _starts(batch: Batch, part: Examples) -> torch.Tensor:
    """The boosting's logit for what each row has of words and device, less the log of the rate it was kept at."""
    column = 2 * (~batch.presence[:, 1]).long() + (~batch.presence[:, 2]).long()
    logits = torch.from_numpy((part.logits - part.kept[:, None]).astype(np.float32))
    return starts(logits.gather(1, column[:, None])[:, 0])


@torch.no_grad()
def _batches(network: Network, prepared_: Prepared, examples: Examples) -> list[tuple[Array, Batch]]:
    """The examples by a few cards at a time, their histories as the network reads them now."""
    parts = list(by_card(prepared_, examples.rows))
    return [(part, batch_of(network, prepared_, examples.rows[part])) for part in parts]


def _loss(network: Network, prepared_: Prepared, later: Examples, watched: list[tuple[Array, Batch]]) -> float:
    """The mean loss of what all modalities give together, and without words and device."""
    total, count = 0.0, 0
    for places, batch in watched:
        part = later.take(places)
        tokens = histories(network, prepared_, part.rows)
        fresh = Batch({**batch.inputs, "events": Packed(tokens[:, None], batch.inputs["events"].mask)}, batch.presence)
        truth = torch.from_numpy(part.fraud.astype(np.int64))
        for family in (SHARED[0], SHARED[3]):
            shown = torch.tensor([_shown(name, family) for name in network.model.modalities])
            seen = keep(fresh, fresh.presence & shown)
            answers = network.model(seen, {HEAD: _starts(seen, part)}).answers[HEAD]
            total += float(network.model.head(HEAD).loss(answers, truth).value.sum())
            count += len(places)
    return total / max(count, 1)


def _standardise(network: Network, prepared_: Prepared, known: Examples) -> None:
    """Take over means, scales and quantiles of what is learnt from."""
    read, rows = prepared_.read, known.rows
    network.history.standard.use(
        read.event[rows].mean(axis=0).astype(float), read.event[rows].std(axis=0).clip(1e-3).astype(float)
    )
    network.descriptor.said.use(torch.from_numpy(read.words[rows]))
    device = prepared_.events.device
    if device is not None and (device[rows] != "").any():
        network.device.use(torch.from_numpy(read.device[rows[device[rows] != ""]]))
    accounts = prepared_.events.account
    if "account" in network.config.modalities and accounts is not None:
        encoder = network.model.encoders["account"]
        assert isinstance(encoder, TableEncoder)
        names = [prepared_.names[card] for card in np.unique(prepared_.card[rows])]
        tables = [table_of(network, accounts[name]) for name in names if name in accounts]
        encoder.use(statistics(tables, encoder.config))
