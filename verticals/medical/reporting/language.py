"""What a radiologist's report says is there: findings named in its words, those that it denies left out.

The names are those of radiograph reports, as written in one half of the Indiana collection; knowledge/linking finds
them and their negation. It reads text and looks at no picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from ....knowledge.graph import KnowledgeGraph, Node
from ....knowledge.linking import Linker, Mention
from ....knowledge.schema import NodeKind, Schema

NAMES: Mapping[str, tuple[str, ...]] = {
    "nodule": (
        "nodule", "calcified nodule", "nodular density", "nodular opacity", "nodular densities", "nodular opacities",
        "pulmonary nodule", "calcified pulmonary nodule",
    ),
    "mass": ("mass", "masses", "mass lesion", "masslike opacity", "mass like opacity", "masslike opacification"),
    "pleural effusion": ("pleural effusion", "effusion", "pleural fluid"),
    "pneumothorax": ("pneumothorax", "pneumothoraces"),
    "cardiomegaly": (
        "cardiomegaly", "enlarged heart", "heart is enlarged", "heart size is enlarged", "enlarged cardiac silhouette",
        "heart is mildly enlarged", "heart is moderately enlarged", "cardiac enlargement",
        "heart size is mildly enlarged",
        "cardiac silhouette is enlarged", "enlargement of the cardiac silhouette",
    ),
    "consolidation": ("consolidation",),
    "atelectasis": ("atelectasis", "atelectatic change", "atelectases", "atelectatic"),
    "granuloma": (
        "granuloma", "granulomatous disease", "granulomata", "granulomatous change", "granulomatous calcification",
        "calcified nodule", "calcified pulmonary nodule",
    ),
    "emphysema": ("emphysema", "emphysematous change", "emphysematous", "bulla", "bullous"),
    "pulmonary edema": ("pulmonary edema", "edema", "interstitial edema"),
    "infiltrate": ("infiltrate", "infiltration"),
    "opacity": ("opacity", "opacities", "opacification"),
    "airspace disease": ("airspace disease", "air space disease", "airspace consolidation"),
    "scar": ("scar", "scarring"),
    "hiatal hernia": ("hiatal hernia", "hiatus hernia"),
    "pneumonia": ("pneumonia",),
}  # fmt: skip
ASIDE = {"pericardial effusion": (), "soft tissue edema": (), "thyroid mass": ()}  # longer names of other things
_CLEAR = re.compile(r"\bclear (?=of\b)", re.IGNORECASE)  # "the lungs are clear of": a denial by another word
_UNSURE = re.compile(
    r"\b(?:may|might|could|can(?:not| ?not)? (?:be )?exclude\w*|possib\w+|question\w*|versus|vs|suspicious for|"
    r"suggest\w*|differential|rule out|exclude|evaluat\w+ for|concern\w* for|history of|resolv\w+)\b[^.;]*$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.;\n](?:\s|$)")


@cache
def _linker() -> Linker:
    schema = Schema(name="findings in reports", nodes=(NodeKind(name="finding"),), edges=())
    names = {**NAMES, **ASIDE}
    nodes = [Node(id=name, kind="finding", name=name, synonyms=synonyms) for name, synonyms in names.items()]
    return Linker(KnowledgeGraph(schema, nodes, ()))


def findings_in(text: str) -> frozenset[str]:
    """The names (keys of NAMES) of what the text says is there: neither denied nor only held possible."""
    return _named(text, lambda mention, unsure: not mention.negated and not unsure)


def denied_in(text: str) -> frozenset[str]:
    """The names of what the text denies, and nowhere says is there."""
    return _named(text, lambda mention, _: mention.negated) - findings_in(text)


def _named(text: str, wanted: Callable[[Mention, bool], bool]) -> frozenset[str]:
    text = _CLEAR.sub("free ", text)
    ends = [0, *(each.end() for each in _SENTENCE.finditer(text))]
    found: set[str] = set()
    for mention in _linker().link(text):
        start = max(end for end in ends if end <= mention.start)
        if wanted(mention, bool(_UNSURE.search(text[start : mention.start]))):
            found |= set(mention.ids)
    return frozenset(found & set(NAMES))


def keywords_in(text: str) -> frozenset[str]:
    """The same names by bare keyword: the name itself anywhere in the text, denied or not. The rival to beat."""
    lowered = text.lower()
    return frozenset(name for name in NAMES if name in lowered)
