from __future__ import annotations

from colonnade.knowledge.claims import verify
from colonnade.verticals.finance.compliance.book import Book
from colonnade.verticals.finance.compliance.graph import evidence_graph, temporal_graph
from colonnade.verticals.finance.compliance.narrative import claims_of, evidence_of
from colonnade.verticals.finance.compliance.review import firings_of
from colonnade.verticals.finance.compliance.simulation.ledger import EPOCH
from colonnade.verticals.finance.compliance.simulation.world import World


def test_everybody_is_in_the_graph_once_it_is_known(made: World):
    graph = temporal_graph(made.entities, made.lists)
    now = graph.as_of(made.payments.time.max())
    assert len(list(now.edges("holds"))) == sum(link.kind == "holds" for link in made.entities.links)
    before = graph.as_of(EPOCH - 2_000 * 86_400)
    assert len(before) < len(now)


def test_the_evidence_of_every_alert_is_a_typed_graph_with_its_subject(book: Book):
    for firing in firings_of(book):
        graph = evidence_graph(book, firing)
        assert firing.subject in graph
        assert len(list(graph.edges("transfers"))) == len(firing.rows)


def test_every_draft_verifies(book: Book):
    for firing in firings_of(book)[::5]:
        claims = claims_of(book, firing, "one")
        verify(claims, evidence_of(book, firing, "one"))
        assert claims[0].sentence().startswith("Who: ")
