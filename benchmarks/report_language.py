"""Findings taken from real report language, and the style of real reports beside ours.

    python benchmarks/report_language.py DATA

DATA holds reports.csv, the Indiana collection (Open-i) of radiograph reports with the MeSH terms that its indexers gave
each report. The names and cues of verticals/medical/reporting/language.py were written on the reports of even place in
the file; the numbers here are of those of odd place, which were not looked at.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import results

from colonnade.core.random import numpy_generator
from colonnade.knowledge.claims import Evidence
from colonnade.verticals.medical.reporting.facts import Again
from colonnade.verticals.medical.reporting.language import NAMES, findings_in, keywords_in
from colonnade.verticals.medical.reporting.plan import planned
from colonnade.verticals.medical.reporting.rehearsal import rehearsed

TERMS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in NAMES},
    "pneumothorax": ("pneumothorax", "hydropneumothorax"),
    "atelectasis": ("pulmonary atelectasis",),
    "granuloma": ("calcified granuloma", "granuloma", "granulomatous disease"),
    "emphysema": ("emphysema", "pulmonary emphysema"),
    "scar": ("cicatrix",),
    "hiatal hernia": ("hernia, hiatal",),
}
Row = Mapping[str, str]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    with (asked.parse_args().data / "reports.csv").open(newline="", encoding="utf-8") as stream:
        odd = list(csv.DictReader(stream))[1::2]
    test = [row for row in odd if row["MeSH"].strip().lower() != "no indexing"]
    body = f"{_extraction(test)}\n\n{_style(test)}"
    command = "python benchmarks/report_language.py DATA"
    results.write("report_language", command=command, text=body, packages=("networkx",))
    print(body)


def _extraction(rows: Sequence[Row]) -> str:
    truth = np.array([[_indexed(row, name) for name in NAMES] for row in rows])
    ours, bare = (np.array([[name in found for name in NAMES] for found in map(how, map(_text, rows))])
                  for how in (findings_in, keywords_in))  # fmt: skip
    lines = []
    for column, name in enumerate(NAMES):
        one = [_scores(truth[:, [column]], each[:, [column]]) for each in (ours, bare)]
        lines.append((name, str(truth[:, column].sum()), *(f"{each:.3f}" for scores in one for each in scores)))
    both = [(_scores(truth, each), _interval(truth, each)) for each in (ours, bare)]
    lines.append(("all (micro)", str(truth.sum()), *(f"{each:.3f}" for scores, _ in both for each in scores)))
    head = ("finding", "reports", "precision", "recall", "F1", "keyword precision", "recall", "F1")
    named = zip(("with negation", "bare keyword"), both, strict=True)
    told = "; ".join(f"{name} F1 {scores[2]:.3f} [{low:.3f}, {high:.3f}]" for name, (scores, (low, high)) in named)
    return (
        f"### Findings in {len(rows)} reports against their MeSH terms\n\n{results.table(head, lines)}\n\n"
        f"All together: {told} (95 %, reports redrawn). The indexers' terms are no perfect truth: a \"nodular "
        'density" is indexed as a nodule or as a density, and what a report only holds possible is indexed at times.'
    )


def _text(row: Row) -> str:
    return f"{row['findings']}\n{row['impression']}"


def _indexed(row: Row, name: str) -> bool:
    return any(term.split("/")[0].strip().lower() in TERMS[name] for term in row["MeSH"].split(";"))


def _scores(truth: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1 over everything given."""
    hit, said, there = (truth & found).sum(), found.sum(), truth.sum()
    precision, recall = hit / max(said, 1), hit / max(there, 1)
    return float(precision), float(recall), float(2 * hit / max(said + there, 1))


def _interval(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    draw = numpy_generator(0, "report language")
    picks = [draw.integers(0, len(truth), len(truth)) for _ in range(1000)]
    low, high = np.quantile([_scores(truth[pick], found[pick])[2] for pick in picks], (0.025, 0.975))
    return float(low), float(high)


def _style(rows: Iterable[Row]) -> str:
    """Sentence lengths of findings and impressions, real and ours; the order of sections."""
    real = {name: [row[name] for row in rows if row[name].strip()] for name in ("findings", "impression")}
    ours: dict[str, list[str]] = {"findings": [], "impression": []}
    order: tuple[str, ...] = ()
    for seed in range(40):
        made = rehearsed(seed)
        evidence: dict[str, Evidence] = {}
        sections = planned(made.answer, made.context, Again(made.answer, made.context.volume), evidence)
        order = tuple(each.heading for each in sections)
        for section in sections:
            if section.heading.lower() in ours:
                ours[section.heading.lower()].append(" ".join(each.sentence() for each in section.all_claims()))
    lines = [
        (f"{section}, {who}", *_lengths(texts))
        for section in real
        for who, texts in (("Indiana", real[section]), ("ours (made-up answers)", ours[section]))
    ]
    spread = "median [10 %, 90 %]"
    head = ("section", f"sentences a report, {spread}", f"words a sentence, {spread}", "distinct words")
    return (
        f"### Style\n\n{results.table(head, lines)}\n\nOrder of sections: Indiana indication, comparison, findings, "
        f"impression; ours {', '.join(order).lower()}. Radiograph reports tell of a whole chest, ours of nodules only, "
        "with numbers in every sentence, so they are longer."
    )


def _lengths(texts: Sequence[str]) -> tuple[str, str, str]:
    split: Callable[[str], list[str]] = lambda text: [each for each in re.split(r"(?<=[.!?])\s+", text) if each.strip()]  # noqa: E731
    sentences = [split(text) for text in texts]
    counts = [len(each) for each in sentences]
    words = [len(each.split()) for text in sentences for each in text]
    distinct = {word.lower() for text in texts for word in re.findall(r"[A-Za-z]+", text)}
    return _spread(counts), _spread(words), str(len(distinct))


def _spread(values: Sequence[int]) -> str:
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    return f"{middle:.0f} [{low:.0f}, {high:.0f}]"


if __name__ == "__main__":
    main()
