"""The typed graph of compliance: who holds, owns, directs and shares what, with two times each; and the part of it that
is an alert's evidence. FIBO's class names.

It finds nothing and draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ....knowledge.graph import Edge, KnowledgeGraph, Node
from ....knowledge.schema import EdgeKind, NodeKind, Schema
from ....knowledge.temporal import Dated, TemporalGraph
from .book import Book
from .records import CASH, PARTIES, THINGS, Entities, Entry, Link, written
from .typologies.rule import Firing

ENTRY, BANK_NOTES, ACCOUNT = "ListEntry", "Cash", "Account"
SCHEMA = Schema(
    name="finance/compliance",
    nodes=(
        *(NodeKind(name=kind) for kind in PARTIES),
        *(NodeKind(name=kind) for kind in THINGS.values()),
        NodeKind(name=ACCOUNT), NodeKind(name=ENTRY), NodeKind(name=BANK_NOTES),
    ),
    edges=(
        EdgeKind(name="holds", sources=PARTIES, targets=(ACCOUNT,)),
        EdgeKind(name="owns", sources=PARTIES, targets=PARTIES),
        EdgeKind(name="controls", sources=PARTIES, targets=PARTIES),
        EdgeKind(name="director_of", sources=PARTIES, targets=PARTIES),
        *(EdgeKind(name=link, sources=PARTIES, targets=(thing,)) for link, thing in THINGS.items()),
        EdgeKind(name="transfers", sources=(ACCOUNT, BANK_NOTES), targets=(ACCOUNT, BANK_NOTES)),
        EdgeKind(name="listed_on", sources=(*PARTIES, ACCOUNT), targets=(ENTRY,)),
    ),
)  # fmt: skip


def temporal_graph(entities: Entities, lists: tuple[Entry, ...] = ()) -> TemporalGraph:
    """Everybody and every link, each with when it held and when it became known; ask it `as_of` a time."""
    nodes = [(_party(entities, place), float(each.known_at)) for place, each in enumerate(entities.parties)]
    nodes += [(_account(entities, place), float(each.known_at)) for place, each in enumerate(entities.accounts)]
    since = {node.id: known for node, known in nodes}
    things: dict[str, tuple[Node, float]] = {}
    edges = []
    for link in entities.links:
        edge = _edge(link)
        if link.kind in THINGS:
            node, known = things.get(edge.target, (_thing(link), link.span.known_at))
            things[edge.target] = node, min(known, link.span.known_at)
        # a link that is told before its ends are, counts from when both are known
        known = max(link.span.known_at, since.get(edge.source, 0.0), since.get(edge.target, 0.0))
        edges.append(Dated(edge=edge, span=replace(link.span, known_at=known)))
    entries = [(_entry(each), each.span.known_at) for each in lists]
    return TemporalGraph(SCHEMA, [*nodes, *things.values(), *entries], edges)


def evidence_graph(book: Book, firing: Firing) -> KnowledgeGraph:
    """What a firing cites, and who holds the accounts in it: at most twenty edges are cited, holders come beside
    them.
    """
    entities = book.entities
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []

    def account(place: int) -> str:
        node = Node(id="cash", kind=BANK_NOTES, name="cash") if place == CASH else _account(entities, place)
        nodes[node.id] = node
        party = book.holder[place] if place != CASH else -1
        if party >= 0:
            holder = _party(entities, int(party))
            nodes[holder.id] = holder
            edges.append(Edge(source=holder.id, kind="holds", target=node.id, evidence="entities"))
        return node.id

    for row in firing.rows:
        place = int(book.rows.searchsorted(row))
        source, target = account(int(book.sender[place])), account(int(book.receiver[place]))
        edges.append(Edge(source=source, kind="transfers", target=target, evidence=told(book, row)))
    for link in (entities.links[each] for each in firing.links):
        nodes[link.source] = _party(entities, entities.party_index[link.source])
        if link.kind in THINGS:
            thing = _thing(link)
            nodes[thing.id] = thing
        elif link.kind == "holds":
            nodes[link.target] = _account(entities, entities.account_index[link.target])
        else:
            nodes[link.target] = _party(entities, entities.party_index[link.target])
        edges.append(_edge(link))
    edges += _listed(book, firing, nodes)
    kept = {(edge.source, edge.kind, edge.target, edge.evidence): edge for edge in edges}
    return KnowledgeGraph(SCHEMA, nodes.values(), kept.values())


def told(book: Book, row: int) -> str:
    """One payment in words."""
    payments = book.payments
    return (
        f"payment {payments.id[row]}: {payments.amount[row]:,.2f} {payments.currency[row]} by {payments.channel[row]} "
        f"on {written(payments.time[row])}"
    )


def _listed(book: Book, firing: Firing, nodes: dict[str, Node]) -> Iterator[Edge]:
    for place in firing.entries:
        entry = book.lists[place]
        node = _entry(entry)
        nodes[node.id] = node
        if entry.list in ("sanctions", "pep"):
            nodes.setdefault(firing.subject, _party(book.entities, book.entities.party_index[firing.subject]))
            ends = [firing.subject]
        else:
            ends = [each for each in nodes if nodes[each].attributes.get("country") == entry.country and entry.country]
            ends = [each for each in ends if nodes[each].kind == ACCOUNT] or [
                each for each in nodes if nodes[each].kind == ACCOUNT
            ]
        for end in ends[:2]:
            yield Edge(source=end, kind="listed_on", target=node.id, evidence=f"{entry.list} {entry.id}")


def _party(entities: Entities, place: int) -> Node:
    party = entities.parties[place]
    known = {"birth": party.birth, "country": party.country, "occupation": party.occupation}
    attributes = {name: value for name, value in known.items() if value}
    return Node(id=party.id, kind=party.kind, name=party.name, synonyms=party.aliases, attributes=attributes)


def _account(entities: Entities, place: int) -> Node:
    account = entities.accounts[place]
    return Node(
        id=account.id, kind=ACCOUNT, name=account.id, attributes={"kind": account.kind, "country": account.country}
    )


def _thing(link: Link) -> Node:
    return Node(id=f"{link.kind}:{link.target}", kind=THINGS[link.kind], name=link.target)


def _entry(entry: Entry) -> Node:
    return Node(id=f"{entry.list}:{entry.id}:{entry.span.valid_from:g}", kind=ENTRY, name=entry.name)


def _edge(link: Link) -> Edge:
    target = f"{link.kind}:{link.target}" if link.kind in THINGS else link.target
    share = f" {link.share:g} %" if link.share == link.share else ""
    return Edge(source=link.source, kind=link.kind, target=target, evidence=f"entities{share}")
