"""What the page is told of a review: the queue, and of one alert its evidence as a graph, its clauses and its draft.

The edges are the answer's own evidence, one for one. It finds and ranks nothing.
"""

from __future__ import annotations

import string
from typing import Any

from ....core.errors import InputError
from ....core.result import Result, plain
from ....knowledge.claims import Claim
from ....knowledge.graph import KnowledgeGraph
from ..compliance.answers import Alert, Reviewed
from ..compliance.book import Book
from ..compliance.graph import ACCOUNT, BANK_NOTES, evidence_graph, told
from ..compliance.narrative import claims_of
from ..compliance.records import THINGS, day_of, written
from ..compliance.report import BANNER
from ..compliance.review import rule_of
from ..compliance.typologies.rule import Firing

LISTED = 400  # alerts in the queue of the page


def told_review(result: Result, *, name: str) -> dict[str, Any]:
    """Plain JSON: counts, and the queue, the most urgent first."""
    reviewed: Reviewed = result.answer
    queue = [
        {
            "number": each.number, "rule": each.rule, "title": each.title, "who": each.name or each.subject,
            "at": each.at[:10], "score": each.score, "against": len(each.counter_evidence),
            "edges": sum(map(len, each.evidence.values())),
        }
        for each in reviewed.alerts[:LISTED]
    ]  # fmt: skip
    return plain(
        {
            "name": name, "banner": BANNER, "as_of": reviewed.as_of, "payments": reviewed.payments,
            "accounts": reviewed.accounts, "alerts": len(reviewed.alerts), "queue": queue,
            "by_rule": dict(reviewed.by_rule), "expected_cases": reviewed.expected_cases,
            "warnings": list(result.warnings), "model": dict(result.model), "seconds": result.seconds,
        }
    )  # fmt: skip


def told_alert(result: Result, number: int) -> dict[str, Any]:
    """Plain JSON of one alert.

    Raises:
        InputError: no alert has this number.
    """
    alerts = result.answer.alerts
    if not 1 <= number <= len(alerts):
        raise InputError(f"there is no alert {number}: this review has alerts 1 to {len(alerts)}")
    alert: Alert = alerts[number - 1]
    book, ranked = result.basis
    firing: Firing = ranked[number - 1]
    graph = evidence_graph(book, firing)
    edges = [*_links(book, firing), *_entries(book, firing, graph), *_payments(book, firing)]
    currencies = {edge["row"]["currency"] for edge in edges if edge["kind"] == "transfers"}
    return plain(
        {
            "number": alert.number, "rule": alert.rule, "title": alert.title, "subject": alert.subject,
            "who": alert.name or alert.subject, "party": alert.party, "at": alert.at, "score": alert.score,
            "parts": dict(alert.parts), "measures": dict(alert.measures),
            "clauses": [dict(each) for each in alert.clauses],
            "against": list(alert.counter_evidence), "missing": list(alert.missing),
            "lawful": rule_of(firing).lawful, "nodes": _nodes(graph, edges), "edges": edges,
            "currency": currencies.pop() if len(currencies) == 1 else "",
            "draft": [_claim(claim, book, firing, edges) for claim in claims_of(book, firing, str(number))],
        }
    )  # fmt: skip


def _payments(book: Book, firing: Firing) -> list[dict[str, Any]]:
    """The cited payments in the order of time, each with its row."""
    payments, found = book.payments, []
    alone = len({str(payments.currency[row]) for row in firing.rows}) == 1
    for row in sorted(firing.rows, key=lambda each: (payments.time[each], each)):
        ends = {end: str(getattr(payments, end)[row]) for end in ("sender", "receiver")}
        quantity = float(payments.quantity[row])
        found.append({
            "key": told(book, row), "kind": "transfers", "source": ends["sender"] or "cash",
            "target": ends["receiver"] or "cash", "time": written(payments.time[row]),
            "label": f"{payments.amount[row]:,.0f}" + ("" if alone else f" {payments.currency[row]}"),
            "row": {
                "id": str(payments.id[row]), "time": written(payments.time[row]),
                "sender": ends["sender"] or "cash", "receiver": ends["receiver"] or "cash",
                "amount": f"{payments.amount[row]:,.2f}", "currency": str(payments.currency[row]),
                "channel": str(payments.channel[row]), "goods": str(payments.goods[row]),
                "quantity": f"{quantity:,g}" if quantity == quantity else "",
            },
        })  # fmt: skip
    return found


def _links(book: Book, firing: Firing) -> list[dict[str, Any]]:
    """The cited links, oldest first; who holds what stands in the row."""
    links = sorted((book.entities.links[place] for place in firing.links), key=lambda each: each.span.valid_from)
    return [
        {
            "key": f"{each.source} {each.kind} {each.target}", "kind": each.kind, "source": each.source,
            "target": f"{each.kind}:{each.target}" if each.kind in THINGS else each.target,
            "time": f"since {day_of(each.span.valid_from)}" if each.span.valid_from > 0 else "",
            "label": each.kind.replace("_", " ") + (f" {each.share:g} %" if each.share == each.share else ""),
            "row": {"link": each.kind.replace("_", " "), "from": each.source, "to": each.target},
        }
        for each in links
    ]  # fmt: skip


def _entries(book: Book, firing: Firing, graph: KnowledgeGraph) -> list[dict[str, Any]]:
    """The cited entries of lists, each joined to what the evidence graph joins it to."""
    found = []
    for entry in (book.lists[place] for place in firing.entries):
        for edge in graph.edges("listed_on"):
            if edge.evidence == f"{entry.list} {entry.id}":
                found.append({
                    "key": f"{entry.list} {entry.id}: {entry.name}", "kind": "listed_on", "source": edge.source,
                    "target": edge.target, "time": "", "label": f"on the list: {entry.list}",
                    "row": {"list": entry.list, "entry": entry.id, "name": entry.name, "country": entry.country},
                })  # fmt: skip
    return found


def _nodes(graph: KnowledgeGraph, edges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ends of the edges in the order in which they come; the holder of an account stands beside it."""
    holders = {edge.target: edge.source for edge in graph.edges("holds")}
    known = {node.id: node for node in graph.nodes()}
    ends = dict.fromkeys(end for edge in edges for end in (edge["source"], edge["target"]))
    found = []
    for end in ends:
        node = known[end]
        holder = known.get(holders.get(end, "")) if node.kind == ACCOUNT else None
        words = [holder.name if holder is not None else "holder not known" if node.kind == ACCOUNT else ""]
        country = node.attributes.get("country", "")
        found.append({
            "id": end, "kind": "Cash" if node.kind == BANK_NOTES else node.kind, "name": node.name,
            "holder": words[0], "party": holder.id if holder is not None else "", "country": str(country),
        })  # fmt: skip
    return found


def _claim(claim: Claim, book: Book, firing: Firing, edges: list[dict[str, Any]]) -> dict[str, Any]:
    """A sentence in parts: words, and facts with what carries them, edges by their places."""
    parts: list[dict[str, Any]] = []
    for words, place, _, _ in string.Formatter().parse(claim.template):
        if words:
            parts.append({"text": words})
        if place:
            fact = claim.facts[place]
            kind = fact.evidence.split(" ", 1)[1]
            carried = _carried(fact.written(), claim.kind, book, firing) if kind == "evidence" else frozenset()
            cited = [at for at, edge in enumerate(edges) if carried is None or edge["key"] in carried]
            parts.append({"text": fact.written(), "cites": kind, "edges": cited})
    cites = sorted({at for part in parts for at in part.get("edges", ())})
    return {"kind": claim.kind, "sentence": claim.sentence(), "parts": parts, "edges": cites}


def _carried(value: str, kind: str, book: Book, firing: Firing) -> frozenset[str] | None:
    """The edges that carry a fact: of a date the payments of that day, of sums and places the payments, else all."""
    if kind == "when":
        return frozenset(told(book, row) for row in firing.rows if day_of(book.payments.time[row]) == value)
    if kind in ("what", "where") and firing.rows:
        return frozenset(told(book, row) for row in firing.rows)
    return None
