"""An alert's evidence as the graph encoder reads it: accounts, payments, links and list entries as nodes.

A payment is a node between two accounts, so that its amount and its hour have a place. It knows no label and no score.
"""

from __future__ import annotations

import math

import networkx
import numpy as np

from .....core.types import Array, Graph
from ..book import Book
from ..records import CASH, CHANNELS, DAY, LINKS, PERSON
from ..typologies.rule import Firing
from .counters import accounts_of

FEATURES = (
    "account", "payment", "party", "thing", "entry", "cash", "subject", "external", "person", "body", "worth",
    "hours_before", "round", "degree", "age", "income", "listed_score",
)  # fmt: skip
PLACE = {name: place for place, name in enumerate(FEATURES)}
INTO, ENTRY = len(CHANNELS), len(CHANNELS) + 1 + len(LINKS)
RELATIONS = ENTRY + 1  # a channel out of its sender, into its receiver, each link, an entry


def graph_of(book: Book, firing: Firing) -> Graph:
    """Nodes with `features`, edges with `relation`."""
    graph = networkx.DiGraph()
    subject = set(accounts_of(book, firing))
    for row in firing.rows:
        place = int(np.searchsorted(book.rows, row))
        payment = ("payment", int(row))
        graph.add_node(payment, features=_payment(book, place, firing))
        for end, other in ((int(book.sender[place]), 0), (int(book.receiver[place]), 1)):
            name = ("account", end)
            if name not in graph:
                graph.add_node(name, features=_account(book, end, end in subject, firing))
            ends = (payment, name) if other else (name, payment)
            graph.add_edge(*ends, relation=INTO if other else int(book.channel[place]))
    for place in firing.links:
        link = book.entities.links[place]
        for party in (link.source, link.target):
            if ("node", party) not in graph:
                graph.add_node(("node", party), features=_party(book, party, firing))
        relation = INTO + 1 + LINKS.index(link.kind)
        graph.add_edge(("node", link.source), ("node", link.target), relation=relation)
    if not len(graph) or firing.of_party:
        own = ("node", firing.subject)
        if own not in graph:
            graph.add_node(own, features=_party(book, firing.subject, firing))
        for account in subject:
            if ("account", account) in graph:
                graph.add_edge(own, ("account", account), relation=INTO + 1 + LINKS.index("holds"))
    for place in firing.entries:
        graph.add_node(("entry", place), features=_row(entry=1, listed_score=firing.measures.get("score", 0.0)))
        first = next(iter(graph))
        graph.add_edge(first, ("entry", place), relation=ENTRY)
    for node, degree in graph.degree:
        graph.nodes[node]["features"][PLACE["degree"]] = math.log1p(degree)
    return Graph(graph=graph)


def _payment(book: Book, place: int, firing: Firing) -> Array:
    return _row(
        payment=1, worth=math.log1p(float(book.worth[place])) / 10,
        hours_before=math.log1p(max(0.0, float(firing.at - book.time[place])) / 3600) / 10,
        round=float(abs(book.amount[place] % 100) < 1e-6),
    )  # fmt: skip


def _account(book: Book, account: int, subject: bool, firing: Firing) -> Array:
    if account == CASH:
        return _row(cash=1)
    party = book.party_of(account)
    return _row(
        account=1, subject=float(subject), external=float(book.external[account]),
        person=float(party is not None and party.kind == PERSON),
        body=float(party is not None and party.kind != PERSON),
        age=math.log1p(max(0, firing.at - int(book.opened[account])) / DAY) / 10,
        income=math.log1p(party.income) / 10 if party is not None and party.income == party.income else 0.0,
    )  # fmt: skip


def _party(book: Book, name: str, firing: Firing) -> Array:
    place = book.entities.party_index.get(name)
    if place is None:
        return _row(thing=1)
    party = book.entities.parties[place]
    income = math.log1p(party.income) / 10 if party.income == party.income else 0.0
    return _row(
        party=1, subject=float(name == firing.subject), person=float(party.kind == PERSON),
        body=float(party.kind != PERSON), income=income,
    )  # fmt: skip


def _row(**values: float) -> Array:
    row = np.zeros(len(FEATURES), np.float32)
    for name, value in values.items():
        row[PLACE[name]] = value
    return row
