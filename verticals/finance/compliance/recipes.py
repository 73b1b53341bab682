"""How rankers are made: the one that ships, from made-up worlds, and one fitted to a bank's own decided alerts.

colonnade fit finance/compliance samples/finance/compliance --recipe shipped --out ranker
colonnade fit finance/compliance my_cases/ --out mine
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....core.errors import UnknownName
from ....core.pipeline import FitOptions
from ....core.progress import say, track
from .ranking.ranker import Ranker
from .ranking.training import Lesson, Schedule, lesson_of, train
from .review import firings_of
from .simulation.world import Size, world
from .sources import Source
from .truth import Truth

TAUGHT, HELD = range(1000, 1008), range(2000, 2003)  # seeds of worlds; tests and benchmarks take others
SIZE = Size(persons=120, planted=3, lookalikes=7)
RECIPES = ("shipped",)
KEPT = 0.75  # of a bank's own alerts that teach; later ones validate


def fitted(start: Ranker, sources: Sequence[Source], options: FitOptions) -> tuple[Ranker, dict[str, Any]]:
    """A ranker by the recipe that was asked for, and its card.

    Raises:
        UnknownName: no such recipe.
        InputError: too few alerts that were right, or none that were not.
    """
    if options.recipe is not None and options.recipe not in RECIPES:
        raise UnknownName("recipe", options.recipe, RECIPES)
    schedule = (
        Schedule(seed=options.seed) if options.epochs is None else Schedule(seed=options.seed, epochs=options.epochs)
    )
    if options.recipe == "shipped":
        ranker, told = train(_worlds(TAUGHT), _worlds(HELD), schedule)
        card = {"recipe": "shipped", "trained_on": f"{len(TAUGHT)} made-up worlds of {SIZE.persons} customers"}
        return ranker, {**card, **told, **_common(options)}
    known, held = _split([_taught(source) for source in sources])
    begin = None if options.method == "full" and options.epochs is None else start
    ranker, told = train(known, held, replace(schedule, support=10), start=begin, method=options.method)
    names = ", ".join(source.name for source in sources[:4])
    return ranker, {"recipe": f"own alerts, {options.method}", "trained_on": names, **told, **_common(options)}


def _worlds(seeds: range) -> list[Lesson]:
    found = []
    for seed in track(seeds, "making worlds", len(seeds)):
        made = world(seed, SIZE)
        book = made.book()
        firings = firings_of(book)
        found.append(lesson_of(book, firings, Truth(made.cases).right(firings, book)))
    say(f"{sum(map(len, found))} alerts in {len(found)} worlds, {sum(int(each.right.sum()) for each in found)} right")
    return found


def _taught(source: Source) -> Lesson:
    firings = firings_of(source.book)
    return lesson_of(source.book, firings, source.truth.right(firings, source.book))


def _split(lessons: Sequence[Lesson]) -> tuple[list[Lesson], list[Lesson]]:
    """Whole folders for validation where there are four or more, else the later alerts of each."""
    if len(lessons) >= 4:
        last = max(1, len(lessons) // 4)
        return list(lessons[:-last]), list(lessons[-last:])
    cut = [int(KEPT * len(each)) for each in lessons]
    pairs = list(zip(lessons, cut, strict=True))
    return [_part(each, np.arange(at)) for each, at in pairs], [
        _part(each, np.arange(at, len(each))) for each, at in pairs
    ]


def _part(lesson: Lesson, rows: np.ndarray) -> Lesson:
    return Lesson(lesson.rows[rows], [lesson.graphs[row] for row in rows], lesson.right[rows])


def _common(options: FitOptions) -> dict[str, Any]:
    return {
        "seed": options.seed,
        "inputs": "payments, parties with accounts and links, perhaps dated lists and documents",
        "outputs": "alerts of rules, each with evidence, and the probability that it is a case",
    }
