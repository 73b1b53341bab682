"""Why scans are made: words for training the judge, from real radiograph reports where they are given.

`reports.csv` is the Indiana collection (Open-i): the indication, and MeSH terms that say whether a nodule was seen.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from ....core.errors import FormatError

PLAIN = (
    "Cough.", "Chest pain.", "Shortness of breath.", "Fever and cough.", "Preoperative evaluation.",
    "Dyspnea on exertion.",
    "Positive TB test.", "Trauma.", "Syncope.", "Follow-up of pneumonia.", "Hypoxia.", "Weight loss.",
)  # fmt: skip
SUSPICIOUS = (
    "Nodule seen on a chest radiograph.", "Lung nodule, follow-up.", "Known lung cancer, staging.", "Lung mass.",
    "Smoker with hemoptysis.", "History of melanoma, evaluate for metastases.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Indications:
    """Indications of patients with a nodule, and of patients without; and where they are from."""

    nodule: tuple[str, ...]
    plain: tuple[str, ...]
    source: str


def read_indications(data: Path, *, part: str) -> Indications:
    """From `reports.csv` in the folder (every fifth report is for validation), or a short list of made-up ones.

    Raises:
        FormatError: the table lacks the columns MeSH and indication.
    """
    path = data / "reports.csv"
    if not path.is_file():
        mixed = PLAIN[:3]
        return Indications(nodule=SUSPICIOUS + mixed, plain=PLAIN, source="a made-up list")
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or not {"MeSH", "indication"} <= set(rows[0]):
        raise FormatError(f"{path} needs the columns MeSH and indication")
    kept = [row for number, row in enumerate(rows) if (number % 5 == 0) == (part == "validation")]
    nodule: list[str] = []
    plain: list[str] = []
    for row in kept:
        words = row["indication"].replace("XXXX", "").strip()
        if words:
            (nodule if _has_nodule(row["MeSH"]) else plain).append(words)
    if not nodule or not plain:
        raise FormatError(f"{path} needs reports with and without a lung nodule")
    return Indications(nodule=tuple(nodule), plain=tuple(plain), source="Indiana reports (Open-i)")


def _has_nodule(terms: str) -> bool:
    return any(
        term.split("/")[0].strip().lower() in ("nodule", "mass") and "lung" in term.lower() for term in terms.split(";")
    )
