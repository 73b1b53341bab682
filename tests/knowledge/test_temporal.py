from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.core.errors import FormatError
from colonnade.knowledge.graph import Edge, Node
from colonnade.knowledge.schema import EdgeKind, NodeKind, Schema
from colonnade.knowledge.temporal import Dated, Span, TemporalGraph

SCHEMA = Schema(name="test", nodes=(NodeKind(name="firm"),), edges=(EdgeKind(name="owns"),))
times = st.integers(0, 20)


def _graph(*spans: Span, known: float = 0) -> TemporalGraph:
    nodes = [(Node(id=f"n{place}", kind="firm", name=f"firm {place}"), known) for place in range(len(spans) + 1)]
    edges = [
        Dated(edge=Edge(source="n0", kind="owns", target=f"n{place}", evidence="register"), span=span)
        for place, span in enumerate(spans, start=1)
    ]
    return TemporalGraph(SCHEMA, nodes, edges)


def test_a_question_about_the_past_is_answered_with_what_is_known_now():
    graph = _graph(Span(valid_from=5, valid_to=8, known_at=10))
    assert len(list(graph.as_of(12, valid=6).edges())) == 1
    assert not list(graph.as_of(12).edges())
    assert not list(graph.as_of(9, valid=6).edges())


def test_a_span_ends_before_its_last_moment():
    graph = _graph(Span(valid_from=5, valid_to=8))
    assert [len(list(graph.as_of(at).edges())) for at in (4, 5, 7, 8)] == [0, 1, 1, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(times, times, times), min_size=1, max_size=6), times, times)
def test_what_becomes_known_later_changes_no_answer_of_before(spans, known: int, valid: int):
    made = [Span(valid_from=min(a, b), valid_to=max(a, b), known_at=c) for a, b, c in spans]
    before = [each for each in made if each.known_at <= known]
    told = {edge.target for edge in _graph(*made).as_of(known, valid=valid).edges()}
    assert len(told) == sum(each.valid_from <= valid < each.valid_to for each in before)


def test_a_node_is_there_from_when_it_is_known():
    assert len(_graph(Span(known_at=3), known=3).as_of(2)) == 0


@pytest.mark.parametrize("span", [{"valid_from": 2, "valid_to": 1}, {"known_at": math.nan}])
def test_a_span_that_cannot_be_is_refused(span):
    with pytest.raises(FormatError):
        Span(**span)
