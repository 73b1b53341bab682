"""Payments as batches: the histories of their cards through the encoder, and beside them what each payment has.

Whether a modality is there is said by payment: a payment at a door has no device, a source may have no words at all.
It knows nothing of labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .....core.data.missing import keep
from .....core.types import Array, Batch, Events, Noun, Packed, Table, Text
from ..records import Account, CardEvents
from .evidence import Evidence, plain
from .model import HEAD, Network, odds, starts
from .tracker import Read, track

CARDS = 32  # histories that are encoded at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """Events with their numbers; `card` counts cards, `place` a payment within its card, `rows` are those of a card."""

    events: CardEvents
    read: Read
    card: Array
    place: Array
    rows: tuple[Array, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.card)


def prepared(events: CardEvents, evidence: Evidence) -> Prepared:
    """Run the tracker, and sort out who paid when."""
    names, card = np.unique(events.card, return_inverse=True)
    order = np.argsort(card, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(card, minlength=len(names)))[:-1])
    place = np.zeros(len(card), np.int64)
    for each in rows:
        place[each] = np.arange(len(each))
    return Prepared(
        events=events, read=track(events, evidence), card=card, place=place, rows=tuple(rows),
        names=tuple(str(name) for name in names),
    )  # fmt: skip


def by_card(prepared_: Prepared, rows: Array, cards: int = CARDS) -> Iterator[Array]:
    """The places in `rows` of payments of a few cards at a time."""
    order = np.argsort(prepared_.card[rows], kind="stable")
    card = prepared_.card[rows][order]
    _, number = np.unique(card, return_inverse=True)
    for first in range(0, int(number.max(initial=-1)) + 1, cards):
        yield order[(number >= first) & (number < first + cards)]


def batch_of(network: Network, prepared_: Prepared, rows: Array) -> Batch:
    """The batch of some payments; gradients reach the history encoder."""
    read, device = prepared_.read, prepared_.events.device
    has_device = np.zeros(len(rows), bool) if device is None else device[rows] != ""
    texts = None if prepared_.events.text is None else prepared_.events.text[rows]
    accounts = None
    if prepared_.events.account is not None:
        accounts = [prepared_.events.account.get(prepared_.names[card]) for card in prepared_.card[rows]]
    return assembled(
        network,
        histories(network, prepared_, rows),
        texts=[""] * len(rows) if texts is None else texts.tolist(),
        words=torch.from_numpy(read.words[rows]),
        devices=torch.from_numpy(read.device[rows]),
        has_device=torch.from_numpy(has_device),
        accounts=[None] * len(rows) if accounts is None else accounts,
    )


def assembled(
    network: Network,
    tokens: Tensor,
    *,
    texts: Sequence[str],
    words: Tensor,
    devices: Tensor,
    has_device: Tensor,
    accounts: Sequence[Account | None],
) -> Batch:
    """A batch from what each payment has; "" is no text, None no account."""
    said: list[Noun | None] = [Text(text=plain(text)) if text else None for text in texts]
    pieces, mask = network.descriptor.words.collate(said)
    there = torch.tensor([[text is not None] for text in said])
    inputs = {
        "events": Packed(tokens[:, None], torch.ones(len(tokens), 1, dtype=torch.bool)),
        "text": Packed((pieces, words[:, None]), torch.cat([mask, there], dim=1)),
        "device": Packed(devices[:, None], has_device[:, None]),
    }
    presence = [inputs["events"].mask[:, 0], there[:, 0], has_device]
    if "account" in network.config.modalities:
        rows = [None if account is None else table_of(network, account) for account in accounts]
        inputs["account"] = network.model.encoders["account"].collate(rows)  # type: ignore[operator]
        presence.append(torch.tensor([row is not None for row in rows]))
    return Batch(inputs, torch.stack(presence, dim=1))


def table_of(network: Network, account: Account) -> Table:
    """The columns of an account that the network reads."""
    config = network.config
    return Table(
        numbers={name: float(account[name]) for name in config.numbers if name in account},
        categories={name: str(account[name]) for name in config.categories if name in account},
    )


def histories(network: Network, prepared_: Prepared, rows: Array) -> Tensor:
    """The token of each payment `[row, width]`; a card's history is encoded once, up to the last payment asked for."""
    cards, which = np.unique(prepared_.card[rows], return_inverse=True)
    last = np.zeros(len(cards), np.int64)
    np.maximum.at(last, which, prepared_.place[rows])
    nouns = [history_of(prepared_, prepared_.rows[card][: end + 1]) for card, end in zip(cards, last, strict=True)]
    x, mask = network.history.collate(nouns)
    values = network.history(x, mask).values
    return values[torch.from_numpy(which), torch.from_numpy(prepared_.place[rows])]


def history_of(prepared_: Prepared, rows: Array) -> Events:
    """One card's payments as its encoder reads them."""
    return Events(
        times=prepared_.events.time[rows], numbers=prepared_.read.event[rows], codes=prepared_.read.code[rows][:, None]
    )


@torch.no_grad()
def answers(
    network: Network, prepared_: Prepared, rows: Array, logits: Array, *, without: Sequence[str] = ()
) -> dict[str, Array]:
    """Log-odds of fraud of some payments, from the boosting's logits on; `without` hides modalities.

    "fused" is the network's, "late" the product of its experts, and each modality's name that of its expert alone.
    """
    found = {name: np.zeros(len(rows)) for name in ("fused", "late", *network.config.modalities)}
    shown = torch.tensor([name not in without for name in network.config.modalities])
    for part in by_card(prepared_, rows):
        batch = batch_of(network, prepared_, rows[part])
        batch = keep(batch, batch.presence & shown)
        output = network.model(batch, {HEAD: starts(torch.from_numpy(np.asarray(logits[part], np.float32)))})
        logs = {"fused": output.answers[HEAD], "late": output.late[HEAD]}
        logs |= {name: output.experts[HEAD][:, index] for index, name in enumerate(network.config.modalities)}
        for name, each in logs.items():
            found[name][part] = odds(each).double().numpy()
    return found
