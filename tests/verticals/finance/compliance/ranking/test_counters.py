from __future__ import annotations

import numpy as np

from colonnade.verticals.finance.compliance.book import Book
from colonnade.verticals.finance.compliance.ranking.counters import NAMES, STATED, Counters
from colonnade.verticals.finance.compliance.ranking.subgraph import FEATURES, RELATIONS, graph_of
from colonnade.verticals.finance.compliance.review import firings_of
from colonnade.verticals.finance.compliance.typologies.catalogue import BY_ID

RULES = [BY_ID[name] for name in ("STRUCT-1", "RAPID", "FANIN", "CYCLE", "GEO", "PROFILE", "MULE", "TF")]


def test_no_counter_reads_what_came_after_the_alert(book: Book):
    firings = firings_of(book, RULES)
    rows = Counters(book, firings).rows()
    for place in range(0, len(firings), max(1, len(firings) // 12)):
        then = book.until(firings[place].row)
        known = [each for each in firings if each.row <= firings[place].row]
        again = Counters(then, known).rows()[known.index(firings[place])]
        assert np.allclose(rows[place], again, equal_nan=True), [
            name for name, one, other in zip(NAMES, rows[place], again, strict=True) if not np.isclose(one, other)
        ]


def test_documents_that_were_not_given_are_not_known(book: Book):
    from dataclasses import replace

    firings = firings_of(book, RULES)[:3]
    rows = Counters(replace(book, documents=None), firings).rows()
    assert np.isnan(rows[:, [NAMES.index(name) for name in STATED]]).all()


def test_the_evidence_as_a_graph_has_every_cited_edge(book: Book):
    for firing in firings_of(book)[:40]:
        graph = graph_of(book, firing).graph
        assert len([node for node in graph if node[0] == "payment"]) == len(firing.rows)
        assert all(len(graph.nodes[node]["features"]) == len(FEATURES) for node in graph)
        assert all(0 <= relation < RELATIONS for _, _, relation in graph.edges(data="relation"))
