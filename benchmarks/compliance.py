"""Compliance: does each rule find its typology and show why, what does ranking save, and is a million payments quick?

    python benchmarks/compliance.py                 # every part; about ten minutes on two idle cores
    python benchmarks/compliance.py --only speed

Everything is made up: worlds of seeds that taught nothing. Some of what is wrong looks in every way like its lawful
counterpart and the reverse, so no ranker can be right about all of it. The last row of the ranking knows what kind of
generator made each case and nothing more (no document, for one): a mark beside which to read the others, no ceiling.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from results import spread, table, write

from colonnade.core.random import numpy_generator
from colonnade.core.types import Array
from colonnade.verticals.finance.compliance.book import Book, book_of
from colonnade.verticals.finance.compliance.entities import read_entities
from colonnade.verticals.finance.compliance.metrics import (
    average_precision,
    case_reduction,
    found,
    reduction,
)
from colonnade.verticals.finance.compliance.payments import read_payments
from colonnade.verticals.finance.compliance.pipeline import CompliancePipeline
from colonnade.verticals.finance.compliance.records import Entry, Party
from colonnade.verticals.finance.compliance.review import firings_of
from colonnade.verticals.finance.compliance.screening.screen import screen
from colonnade.verticals.finance.compliance.simulation.names import person
from colonnade.verticals.finance.compliance.simulation.spelling import VARIANTS
from colonnade.verticals.finance.compliance.simulation.world import Size, World, world, write_world
from colonnade.verticals.finance.compliance.truth import Truth, points_at
from colonnade.verticals.finance.compliance.typologies.catalogue import RULES
from colonnade.verticals.finance.compliance.typologies.rule import Firing, silent_without, speaks_on

COMMAND = "python benchmarks/compliance.py"
SEEDS = range(9000, 9005)
SIZE = Size(persons=120, planted=3, lookalikes=7)
TRIED = 5  # firings of each rule and world whose evidence is deleted
MINUTES_ALERT = 12.0  # to read and close an alert: a stated model
LISTED, NAMESAKES = 300, 3000


class Seen(NamedTuple):
    made: World
    book: Book
    firings: Sequence[Firing]
    right: Array
    scores: dict[str, Array]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("rules", "names", "speed"))
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--persons", type=int, default=7_000, help="of the world that speed is measured on")
    options = parser.parse_args()
    parts = []
    if options.only in (None, "rules"):
        parts.append(rules(SEEDS[: options.seeds]))
    if options.only in (None, "names"):
        parts.append(names())
    if options.only in (None, "speed"):
        parts.append(speed(options.persons))
    text = "\n\n".join(parts)
    print(text)
    if options.only is None:
        write("Compliance", command=COMMAND, text=text, packages=("numpy", "scikit-learn", "torch", "rapidfuzz"))


def rules(seeds: Sequence[int]) -> str:
    pipeline = CompliancePipeline.from_pretrained()
    seen = [_seen(pipeline, seed) for seed in seeds]
    return "\n\n".join([_by_rule(seen), _ranking(seen)])


def _seen(pipeline: CompliancePipeline, seed: int) -> Seen:
    made = world(seed, SIZE)
    book = made.book()
    firings, scored = pipeline.review(book)
    right = Truth(made.cases).right(firings, book)
    largest = np.array([max(map(abs, each.measures.values())) for each in firings])
    scores = {
        "rules alone, largest sum first": largest, "boosting": scored.trees, "boosting and graph": scored.probability,
        "kind of case alone, if it were known": _oracle(made, firings, book, right),
    }  # fmt: skip
    return Seen(made, book, firings, right, scores)


def _oracle(made: World, firings: Sequence[Firing], book: Book, right: Array) -> Array:
    """How often an alert is right, of those whose case was made by the same kind of generator (or by none)."""
    kind = np.zeros(len(firings), int)
    by_subject: dict[str, list] = {}
    for case in made.cases:
        for name in (*case.parties, *case.accounts):
            by_subject.setdefault(name, []).append(case)
    for place, firing in enumerate(firings):
        looks = [case.looks for case in by_subject.get(firing.subject, ()) if points_at(firing, case, book)]
        kind[place] = 0 if not looks else 2 if any(looks) else 1
    rate = [right[kind == each].mean() if (kind == each).any() else 0.0 for each in range(3)]
    return np.array(rate)[kind]


def _by_rule(seen: Sequence[Seen]) -> str:
    generator = numpy_generator(0, "tried")
    rows = []
    for rule in RULES:
        caught, own, precise, silent, enough, edges = [], [], [], [], [], []
        for each in seen:
            truth, mine = Truth(each.made.cases), [x for x in each.firings if x.rule == rule.id]
            caught.append(found(truth, each.firings, each.book, rule=rule.id))
            own.append(sum(any(points_at(x, case, each.book) for x in each.firings) for case in truth.planted(rule.id)))
            marks = each.right[[x.rule == rule.id for x in each.firings]]
            precise.append((int(marks.sum()), len(marks)))
            for place in generator.permutation(len(mine))[:TRIED]:
                silent.append(silent_without(rule, each.book, mine[place]))
                enough.append(speaks_on(rule, each.book, mine[place]))
                edges.append(mine[place].edges)
        hit, planted = (sum(each) for each in zip(*caught, strict=True))
        good, said = (sum(each) for each in zip(*precise, strict=True))
        rows.append([
            rule.id, str(planted), f"{hit / max(1, planted):.2f}", f"{sum(own) / max(1, planted):.2f}", str(said),
            f"{good / max(1, said):.2f}", f"{np.mean(silent or [np.nan]):.2f}", f"{np.mean(enough or [np.nan]):.2f}",
            str(max(edges, default=0)),
        ])  # fmt: skip
    head = ["rule", "planted", "recall", "recall by any rule", "alerts", "precision", "silent without"]
    head += ["fires on it alone", "most edges"]
    payments = sum(len(each.book) for each in seen)
    return (
        f"{len(seen)} made-up worlds ({payments:,} payments), seeds that taught nothing. Silent without: of the "
        f"deletions of cited edges tried, the share after which the rule says nothing.\n\n{table(head, rows)}"
    )


def _ranking(seen: Sequence[Seen]) -> str:
    rows = []
    for name in seen[0].scores:
        each_ap = [average_precision(each.scores[name], each.right) for each in seen]
        alerts = [reduction(each.scores[name], each.right) for each in seen]
        cases = [case_reduction(each.scores[name], _cases(each)) for each in seen]
        saved = [1000 * share * MINUTES_ALERT / 60 for share in cases]
        rows.append([name, spread(each_ap), spread(alerts), spread(cases), spread(saved, 1)])
    head = ["queue by", "average precision", "fewer alerts at .95 of right alerts", "fewer alerts at .95 of cases",
            "hours saved a 1,000 alerts"]  # fmt: skip
    base = spread([float(each.right.mean()) for each in seen])
    both = ("boosting and graph", "boosting")
    gain = [
        average_precision(each.scores[both[0]], each.right) - average_precision(each.scores[both[1]], each.right)
        for each in seen
    ]
    return (
        f"Mean [range] of worlds; {base} of the alerts are right. Hours by a model that is stated and not measured: "
        f"{MINUTES_ALERT:g} minutes to close an alert; the alerts below the threshold are not read.\n\n"
        f"{table(head, rows)}\n\n"
        f"Average precision that the graph adds to boosting: {spread(gain, 4)}."
    )


def _cases(each: Seen) -> list[list[int]]:
    """For each planted case that was caught, the alerts that point at it."""
    found_by = []
    for case in Truth(each.made.cases).planted():
        own = [place for place, firing in enumerate(each.firings) if points_at(firing, case, each.book)]
        if own:
            found_by.append(own)
    return found_by


def names() -> str:
    """Variants of listed names against people who share no more than parts of a name."""
    draw = numpy_generator(77, "names")
    listed = {
        place: Entry(list="sanctions", id=str(place), name=person(draw, rare=0.5), kind="person",
                     birth=f"{int(draw.integers(1945, 1985))}-06-15")
        for place in range(LISTED)
    }  # fmt: skip
    taken = {each.name for each in listed.values()}
    others = [person(draw, rare=0.3) for _ in range(NAMESAKES)]
    strangers = [
        Party(id=str(place), kind="Person", name=name, birth=f"{int(draw.integers(1945, 2000))}-03-10")
        for place, name in enumerate(others)
    ]
    bare = [replace(each, birth="") for each in strangers if each.name not in taken]
    rows = []
    for label, people in (("with dates of birth", strangers), ("without", bare)):
        hits = {hit.party for hit in screen(people, listed)}
        rows.append([f"others {label}", str(len(people)), "", f"{len(hits) / len(people):.4f}"])
    for kind, change in VARIANTS.items():
        people = [Party(id=str(p), kind="Person", name=change(e.name, draw)) for p, e in listed.items()]
        right = {hit.party for hit in screen(people, listed) if hit.party == hit.entry}
        rows.append([kind, str(len(people)), f"{len(right) / len(people):.3f}", ""])
    head = ["spelling", "names", "recall", "hits among others"]
    return (
        f"Screening against {LISTED} made-up names, threshold .92. Variants come without a date of birth.\n\n"
        f"{table(head, rows)}"
    )


def speed(persons: int) -> str:
    """Rules, and rules with ranking, over about a million payments; process time is of one thread."""
    pipeline = CompliancePipeline.from_pretrained()
    made = world(4242, Size(persons=persons, planted=4, lookalikes=10))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_world(made, folder)
        started, spent = time.perf_counter(), time.process_time()
        payments, entities = read_payments(Path(folder) / "payments.csv"), read_entities(Path(folder) / "entities.json")
        rows.append(_took("reading CSV and JSON", started, spent))
    started, spent = time.perf_counter(), time.process_time()
    book = book_of(payments, entities, made.lists, made.documents)
    rows.append(_took("book", started, spent))
    started, spent = time.perf_counter(), time.process_time()
    firings = firings_of(book)
    rows.append(_took(f"all {len(RULES)} rules: {len(firings):,} alerts", started, spent))
    started, spent = time.perf_counter(), time.process_time()
    pipeline.ranker.score(book, firings)
    rows.append(_took("counters, boosting and graph", started, spent))
    head = ["step", "seconds by the clock", "seconds of one thread"]
    return f"{len(book):,} payments of {len(book.entities.accounts):,} accounts.\n\n{table(head, rows)}"


def _took(name: str, started: float, spent: float) -> list[str]:
    return [name, f"{time.perf_counter() - started:.1f}", f"{time.process_time() - spent:.1f}"]


if __name__ == "__main__":
    main()
