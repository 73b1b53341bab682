"""What is known of a finding and its patient as facts of the nodule graph: a number by node, for knowledge/context.

Attributes give the probability of each of their values, sizes a share of what the tables span. It decides nothing.
"""

from __future__ import annotations

from ..guidelines.patient import Patient
from ..records import Finding
from .graph import nodule_graph
from .lexicon import ASKED

WIDEST = 30.0  # mm, from where it is a mass
OLDEST = 100.0  # years


def graph_facts(finding: Finding, patient: Patient | None = None) -> dict[str, float]:
    """Numbers from 0 to 1 by node of `nodule_graph`; what is not known is left out."""
    graph = nodule_graph()
    facts = {"nodule": min(1.0, finding.score), "size": min(1.0, finding.diameter_mm / WIDEST)}
    for name, attribute in finding.attributes.items():
        for value, probability in attribute.probabilities.items():
            node = value if name == "location" else f"{name}/{value}"
            if node in graph:
                facts[node] = probability
    facts.setdefault(f"{finding.side} lung", 1.0)
    return facts | _of_patient(patient or Patient())


def _of_patient(patient: Patient) -> dict[str, float]:
    asked = {name: ASKED[name] for name in ("high_risk_smoking", "family_history", "emphysema", "fibrosis")}
    asked |= {"female": "female", "cancer": "earlier cancer"}
    known = {node: getattr(patient, name) for name, node in asked.items()}
    facts = {node: float(value) for node, value in known.items() if value is not None}
    return facts if patient.age is None else {**facts, "age": min(1.0, patient.age / OLDEST)}
