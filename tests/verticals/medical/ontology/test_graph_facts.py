from __future__ import annotations

import numpy as np
import torch

from colonnade.core.encoders.graph import GraphConfig, GraphEncoder
from colonnade.core.result import Interval
from colonnade.knowledge.context import ContextConfig, context, features_of
from colonnade.verticals.medical.guidelines.patient import Patient
from colonnade.verticals.medical.ontology.graph import nodule_graph
from colonnade.verticals.medical.ontology.graph_facts import graph_facts
from colonnade.verticals.medical.records import Attribute, Finding

TEXTURES = {"solid": 0.2, "part-solid": 0.7, "ground-glass": 0.1}
LOBES = {"right upper lobe": 0.9, "right middle lobe": 0.1}
FINDING = Finding(
    label=1, center_mm=(0.0, 0.0, 0.0), diameter_mm=7.5, long_axis_mm=8.0, short_axis_mm=7.0,
    diameter_interval=Interval(value=7.5, low=6.0, high=8.0), volume_mm3=220.0, median_hu=20.0, side="right",
    score=0.9, slice_index=1, mask=np.zeros((1, 3)),
    attributes={
        "texture": Attribute(value="part-solid", probability=0.7, probabilities=TEXTURES),
        "location": Attribute(value="right upper lobe", probability=0.9, probabilities=LOBES),
        "spiculation": Attribute(value="none", probability=0.8, probabilities={"none": 0.8, "marked": 0.2}),
    },
)  # fmt: skip


def test_every_fact_is_a_node_and_a_number_from_0_to_1():
    facts = graph_facts(FINDING, Patient(age=70, emphysema=True, family_history=False))
    graph = nodule_graph()
    assert all(each in graph for each in facts)
    assert all(0 <= each <= 1 for each in facts.values())
    assert facts["texture/part-solid"] == 0.7
    assert facts["right upper lobe"] == 0.9
    assert (facts["emphysema"], facts["family history"], facts["age"]) == (1.0, 0.0, 0.7)
    assert facts["size"] == 0.25


def test_what_is_not_known_is_no_fact():
    facts = graph_facts(FINDING)
    assert not {"emphysema", "age", "female", "calcification/present"} & set(facts)


def test_a_model_reads_the_context_of_a_finding():
    config = ContextConfig(hops=1, through=("raises", "suggests", "speaks_against", "has", "value_of", "is_a"))
    graph = nodule_graph()
    noun = context(graph, graph_facts(FINDING), config)
    assert "lung cancer" in noun.graph
    shape = GraphConfig(width=8, features=features_of(graph.schema, config), relations=len(graph.schema.edges), heads=2)
    encoder = GraphEncoder(shape)
    assert torch.isfinite(encoder(*encoder.collate([noun])).values).all()
