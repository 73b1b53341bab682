"""The words, codes and edges of pulmonary nodules that we encode ourselves, each edge with the literature for it.

Codes: RadLex, RadElement set RDES195 (values in the order of the set), HPO, ICD-10-CM. Tables only, joined in graph.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

GLOSSARY = "Fleischner Society glossary (Hansell et al., Radiology 2008;246:697)"
FLEISCHNER = "Fleischner 2017 (MacMahon et al., Radiology 2017;284:228)"
BTS = "BTS 2015 (Callister et al., Thorax 2015;70:ii1)"
BROCK = "Brock model (McWilliams et al., N Engl J Med 2013;369:910)"
MAYO = "Mayo model (Swensen et al., Arch Intern Med 1997;157:849)"
ADENOCARCINOMA = "IASLC/ATS/ERS classification (Travis et al., J Thorac Oncol 2011;6:244)"
PERIFISSURAL = "de Hoop et al., Radiology 2012;265:611"
PART_SOLID = "Henschke et al., AJR 2002;178:1053"
CAVITY = "Gadkowski and Stout, Clin Microbiol Rev 2008;21:305"
TREE = "Eisenhuber, Radiology 2002;222:771"


class Term(NamedTuple):
    """A node: its id, kind, name, synonyms, and the codes that name it."""

    id: str
    kind: str
    name: str
    synonyms: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


TERMS: tuple[Term, ...] = (
    Term("nodule", "finding", "pulmonary nodule", ("lung nodule", "nodule", "nodular opacity", "coin lesion"),
         ("RID50149", "RDES195", "HP:0033608", "ICD-10-CM:R91.1")),
    Term("nodules", "finding", "multiple pulmonary nodules", ("multiple nodules", "several nodules"),
         ("ICD-10-CM:R91.8",)),
    Term("mass", "finding", "pulmonary mass", ("lung mass", "mass"), ("RID39056", "HP:0033821")),
    Term("tree-in-bud", "finding", "tree-in-bud pattern", ("tree in bud",), ("HP:0032174",)),
    Term("effusion", "finding", "pleural effusion", ("effusion",), ("RID34539", "HP:0002202")),
    Term("pericardial effusion", "finding", "pericardial effusion", (), ("HP:0001698",)),
    Term("pneumothorax", "finding", "pneumothorax", (), ("RID5352", "HP:0002107")),
    Term("consolidation", "finding", "consolidation", ("airspace consolidation",), ("RID43255", "HP:0032177")),
    Term("atelectasis", "finding", "atelectasis", ("collapse",), ("RID28493", "HP:0100750", "ICD-10-CM:J98.11")),
    Term("adenopathy", "finding", "mediastinal lymphadenopathy",
         ("enlarged lymph nodes", "adenopathy", "lymphadenopathy"),
         ("HP:0100721", "ICD-10-CM:R59.0")),
    # attributes and their values
    Term("texture", "attribute", "composition", ("texture", "attenuation"), ("RDE1301", "RID46010")),
    Term("texture/solid", "value", "solid", (), ("RDE1301.0", "RID5741", "HP:0033609")),
    Term("texture/part-solid", "value", "part-solid", ("partly solid", "mixed attenuation"),
         ("RDE1301.2", "RID46011", "HP:0033611")),
    Term("texture/ground-glass", "value", "ground-glass",
         ("non-solid", "nonsolid", "ground glass opacity", "GGN", "GGO"),
         ("RDE1301.1", "RID46016", "HP:0033612")),
    Term("size", "attribute", "size", ("diameter", "volume"), ("RDE1302", "RDE1705", "RID50155")),
    Term("solid part", "attribute", "solid component size", ("solid component", "solid part"), ("RDE1303", "RID50154")),
    Term("margin", "attribute", "margin", ("border", "morphology"), ("RDE1305", "RID5972")),
    Term("margin/sharp", "value", "smooth margin", ("well-defined", "sharp margin", "smooth"),
         ("RDE1305.0", "RID5714")),
    Term("margin/ill-defined", "value", "ill-defined margin", ("ill defined", "indistinct", "poorly defined"),
         ("RDE1305.2",)),
    Term("spiculation/marked", "value", "spiculated", ("spiculation", "spiculated margin"), ("RDE1305.3", "RID5713")),
    Term("lobulation/marked", "value", "lobulated", ("lobulation", "lobular"), ("RDE1305.1", "RID5711")),
    Term("perifissural", "value", "perifissural", ("juxtapleural", "triangular subpleural"),
         ("RDE1305.4", "HP:0033613")),
    Term("calcification", "attribute", "calcification", (), ("RID5196",)),
    Term("calcification/present", "value", "calcified", ("calcific", "calcifications"),
         ("RDE1301.4", "RID5747", "HP:6000931")),
    Term("calcification/none", "value", "noncalcified", ("not calcified", "non-calcified"), ("RID39226",)),
    Term("calcification/benign", "value", "benign pattern of calcification",
         ("popcorn calcification", "central calcification", "laminated calcification", "diffuse calcification"),
         ("RID35453", "RID35103")),
    Term("calcification/eccentric", "value", "eccentric calcification"),
    Term("fat", "value", "fat within the nodule", ("fat-containing", "intranodular fat"), ("RDE1301.3", "RID5878")),
    Term("cavity", "value", "cavitation", ("cavitary", "cavitating"), ("RDE1301.5", "HP:0034015")),
    Term("count", "attribute", "plurality", ("number of nodules",), ("RDE1306",)),
    Term("location", "attribute", "location", (), ("RDE1304",)),
    Term("growth", "attribute", "change from priors", ("growth", "interval change"), ("RDE1706", "RID39547")),
    Term("growth/baseline", "value", "no earlier scan", ("baseline",), ("RDE1706.0", "RID49571")),
    Term("growth/new", "value", "new since the earlier scan", (), ("RID5720",)),
    Term("growth/growing", "value", "larger since the earlier scan", ("growing", "enlarging", "increased in size"),
         ("RDE1706.5", "RID36043")),
    Term("growth/stable", "value", "unchanged since the earlier scan", ("stable", "unchanged"), ("RID39268",)),
    Term("growth/smaller", "value", "smaller since the earlier scan", ("decreased in size",),
         ("RDE1706.6", "RID36044")),
    Term("airway", "attribute", "within an airway", ("endobronchial nodule",)),
    Term("cyst", "attribute", "atypical pulmonary cyst", ("thick-walled cyst", "multilocular cyst")),
    Term("suspicion", "attribute", "signs of cancer beside size", (), ("RDE1707",)),
    Term("earlier category", "attribute", "category at the earlier scan"),
    Term("work-up", "attribute", "result of a diagnostic work-up"),
    Term("brock risk", "attribute", "risk by the Brock model", ("PanCan risk",)),
    # anatomy
    Term("lung", "anatomy", "lung", ("lungs",), ("RID1301",)),
    Term("right lung", "anatomy", "right lung", (), ("RID1302", "RDE1304.5")),
    Term("left lung", "anatomy", "left lung", (), ("RID1326", "RDE1304.1")),
    Term("right upper lobe", "anatomy", "right upper lobe", ("RUL",), ("RID1303", "RDE1304.6")),
    Term("right middle lobe", "anatomy", "right middle lobe", ("RML", "middle lobe"), ("RID1310", "RDE1304.7")),
    Term("right lower lobe", "anatomy", "right lower lobe", ("RLL",), ("RID1315", "RDE1304.8")),
    Term("left upper lobe", "anatomy", "left upper lobe", ("LUL",), ("RID1327", "RDE1304.2")),
    Term("lingula", "anatomy", "lingula", (), ("RDE1304.3",)),
    Term("left lower lobe", "anatomy", "left lower lobe", ("LLL",), ("RID1338", "RDE1304.4")),
    # what it may be
    Term("lung cancer", "disease", "lung cancer", ("bronchogenic carcinoma", "lung carcinoma"), ("HP:0100526",)),
    Term("adenocarcinoma", "disease", "lung adenocarcinoma", ("adenocarcinoma",), ("HP:0030078",)),
    Term("adenocarcinoma in situ", "disease", "adenocarcinoma in situ", ("AIS",), ("ICD-10-CM:D02.2",)),
    Term("minimally invasive", "disease", "minimally invasive adenocarcinoma", ("MIA",)),
    Term("hyperplasia", "disease", "atypical adenomatous hyperplasia", ("AAH",)),
    Term("squamous", "disease", "squamous cell lung carcinoma", ("squamous cell carcinoma",), ("HP:0030359",)),
    Term("carcinoid", "disease", "pulmonary carcinoid", ("carcinoid",), ("HP:0030445", "ICD-10-CM:D3A.090")),
    Term("metastasis", "disease", "pulmonary metastasis", ("metastases", "metastatic disease", "metastatic nodules"),
         ("ICD-10-CM:C78.0",)),
    Term("granuloma", "disease", "granuloma", ("granulomatous disease",), ("HP:0030250",)),
    Term("hamartoma", "disease", "pulmonary hamartoma", ("hamartoma",), ("HP:0034710", "ICD-10-CM:D14.3")),
    Term("lymph node", "disease", "intrapulmonary lymph node"),
    Term("tuberculosis", "disease", "pulmonary tuberculosis", ("tuberculosis", "TB"),
         ("HP:0032262", "ICD-10-CM:A15.0")),
    Term("fungal infection", "disease", "fungal infection of the lung", ("aspergillosis", "histoplasmosis",
         "coccidioidomycosis", "cryptococcosis"),
         ("ICD-10-CM:B44.1", "ICD-10-CM:B39.2", "ICD-10-CM:B38.2", "ICD-10-CM:B45.0")),
    Term("cystic fibrosis", "disease", "cystic fibrosis", (), ("ICD-10-CM:E84.9",)),
    Term("infection", "disease", "infection of the lung", ("pneumonia", "bronchiolitis"), ("ICD-10-CM:J18.9",)),
    # what raises the risk
    Term("smoking", "risk", "smoking", ("smoker", "former smoker", "tobacco use"),
         ("ICD-10-CM:Z87.891", "ICD-10-CM:F17.21")),
    Term("emphysema", "risk", "emphysema", ("emphysematous changes",), ("HP:0002097", "ICD-10-CM:J43.9")),
    Term("fibrosis", "risk", "pulmonary fibrosis", ("fibrosis",), ("HP:0002206", "ICD-10-CM:J84.10")),
    Term("family history", "risk", "family history of lung cancer", (), ("ICD-10-CM:Z80.1",)),
    Term("earlier cancer", "risk", "history of cancer", ("known malignancy",), ("ICD-10-CM:Z85.118",)),
    Term("age", "risk", "older age"),
    Term("female", "risk", "female sex"),
)  # fmt: skip

EDGES: tuple[tuple[str, str, str, str], ...] = (  # source, kind, target, evidence
    ("nodules", "is_a", "nodule", GLOSSARY),
    ("adenocarcinoma", "is_a", "lung cancer", ADENOCARCINOMA),
    ("minimally invasive", "is_a", "adenocarcinoma", ADENOCARCINOMA),
    ("squamous", "is_a", "lung cancer", ADENOCARCINOMA),
    ("tuberculosis", "is_a", "infection", CAVITY),
    ("fungal infection", "is_a", "infection", CAVITY),
    ("mass", "suggests", "lung cancer", GLOSSARY),
    ("nodules", "suggests", "metastasis", FLEISCHNER),
    ("tree-in-bud", "suggests", "infection", TREE),
    ("texture/ground-glass", "suggests", "hyperplasia", ADENOCARCINOMA),
    ("texture/ground-glass", "suggests", "adenocarcinoma in situ", ADENOCARCINOMA),
    ("texture/ground-glass", "suggests", "minimally invasive", ADENOCARCINOMA),
    ("texture/part-solid", "suggests", "adenocarcinoma", PART_SOLID),
    ("texture/part-solid", "raises", "lung cancer", BROCK),
    ("perifissural", "suggests", "lymph node", PERIFISSURAL),
    ("perifissural", "speaks_against", "lung cancer", PERIFISSURAL),
    ("calcification/benign", "suggests", "granuloma", BTS),
    ("calcification/benign", "suggests", "hamartoma", BTS),
    ("calcification/benign", "speaks_against", "lung cancer", BTS),
    ("fat", "suggests", "hamartoma", BTS),
    ("fat", "speaks_against", "lung cancer", BTS),
    ("cavity", "suggests", "tuberculosis", CAVITY),
    ("cavity", "suggests", "fungal infection", CAVITY),
    ("cavity", "suggests", "squamous", CAVITY),
    ("spiculation/marked", "raises", "lung cancer", BROCK),
    ("growth/growing", "raises", "lung cancer", BTS),
    ("right upper lobe", "raises", "lung cancer", BROCK),
    ("left upper lobe", "raises", "lung cancer", BROCK),
    ("smoking", "raises", "lung cancer", MAYO),
    ("age", "raises", "lung cancer", BROCK),
    ("female", "raises", "lung cancer", BROCK),
    ("emphysema", "raises", "lung cancer", BROCK),
    ("family history", "raises", "lung cancer", BROCK),
    ("fibrosis", "raises", "lung cancer", FLEISCHNER),
    ("earlier cancer", "raises", "lung cancer", MAYO),
    ("earlier cancer", "raises", "metastasis", FLEISCHNER),
)

PARTS: Mapping[str, str] = {
    "right lung": "lung", "left lung": "lung", "right upper lobe": "right lung", "right middle lobe": "right lung",
    "right lower lobe": "right lung", "left upper lobe": "left lung", "left lower lobe": "left lung",
    "lingula": "left upper lobe",
}  # fmt: skip
MALIGNANT: Mapping[str, str] = {
    "right upper lobe": "C34.11", "left upper lobe": "C34.12", "right middle lobe": "C34.2",
    "right lower lobe": "C34.31", "left lower lobe": "C34.32",
}  # fmt: skip
CATEGORIES: Mapping[str, str] = {
    "0": "RID50135", "1": "RID50136", "2": "RID50137", "3": "RID50138", "4A": "RID50139", "4B": "RID50140",
    "4X": "RID50141",
}  # fmt: skip
MODELS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "brock model": (BROCK, ("age", "female", "family history", "emphysema", "size", "texture", "location", "count",
                            "spiculation/marked")),
    "mayo model": (MAYO, ("age", "smoking", "earlier cancer", "size", "spiculation/marked", "location")),
}  # fmt: skip
ASKED: Mapping[str, str] = {  # what a guideline's table asks, and the node that it is about
    "whole_mm": "size", "size_mm": "size", "size": "size", "long_axis_mm": "size", "volume_mm3": "size",
    "whole_solid_part_mm": "solid part", "solid_part_mm": "solid part", "texture": "texture", "multiple": "count",
    "comparison": "growth", "compared": "growth", "days": "growth", "doubling_days": "growth",
    "benign": "calcification/benign", "juxtapleural": "perifissural", "airway": "airway", "cyst": "cyst",
    "suspicious": "suspicion", "concerning": "suspicion", "earlier_category": "earlier category",
    "proven_benign": "work-up", "brock": "brock risk", "high_risk_smoking": "smoking",
    "family_history": "family history",
    "emphysema": "emphysema", "fibrosis": "fibrosis", "spiculated": "spiculation/marked", "upper_lobe": "location",
}  # fmt: skip
