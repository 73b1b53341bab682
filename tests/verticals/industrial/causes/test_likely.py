from __future__ import annotations

import pytest

from colonnade.verticals.industrial.causes.catalogue import DEFECTS, JUDGEMENT, ORIGINS, SIGNS
from colonnade.verticals.industrial.causes.graph import analysis
from colonnade.verticals.industrial.causes.likely import likely, signs_of
from colonnade.verticals.industrial.simulate.defects import KINDS


def test_every_edge_names_its_source():
    assert all(edge.evidence for edge in analysis().edges())
    assert {edge.evidence for edge in analysis().edges()} > {JUDGEMENT}


def test_every_defect_has_a_cause_and_every_cause_a_step_a_check_and_an_action():
    graph = analysis()
    for node in graph.nodes("defect"):
        assert graph.leaving(node.id, "caused by"), node.id
        assert graph.entering(node.id, "may be"), node.id
    for node in graph.nodes("cause"):
        for kind in ("arises in", "checked by", "mended by"):
            assert graph.leaving(node.id, kind), (node.id, kind)


def test_rows_name_only_defects_that_there_are():
    named = {name for row in (*SIGNS, *ORIGINS) for name in row.defects}
    assert named == set(DEFECTS)


def test_a_cause_comes_with_the_edges_that_lead_to_it_and_on_from_it():
    first = likely(["sound: lubrication"])[0]
    assert first["cause"] == "too little grease, or the wrong one"
    kinds = [edge["kind"] for edge in first["edges"]]
    assert kinds == ["may be", "caused by", "arises in", "checked by", "mended by"]
    for before, after in zip(first["edges"][:2], first["edges"][1:3], strict=True):
        assert before["target"] == after["source"]


def test_signs_together_point_elsewhere_than_each_alone():
    alone = [likely([sign])[0]["cause"] for sign in ("scan: missing material", "sound: sound")]
    assert alone[0] != alone[1]
    many = likely(["scan: missing material"] * 9 + ["sound: sound"])
    assert many[0]["cause"] == alone[0]


def test_signs_that_nobody_knows_lead_nowhere():
    assert likely(["smell: burnt"]) == []
    assert likely([]) == []


def test_signs_are_regions_by_sense_and_senses_that_are_strange_without_one():
    line = {
        "defects": [{"modality": "scan", "kind": "missing material"}] * 2,
        "p_values": {"scan": 0.01, "sound": 0.01, "image": 0.4},
        "promised_false_rejects": 0.01,
    }
    assert signs_of(line) == ["scan: missing material", "sound: sound"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_generator_plants_is_in_the_analysis(kind):
    assert f"defect:{kind}" in analysis()
