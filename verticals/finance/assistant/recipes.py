"""How an assistant is fitted: the heads alone, or the last layers of the sentence encoder with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ....core import digest
from ....core.errors import UnknownName
from ....core.pipeline import FitOptions
from . import sentences
from .model import Heads, Reader, Settings
from .sources import Queries
from .training import learn

RECIPES = ("banking77",)


def fitted(
    reader: Reader, queries: Queries, options: FitOptions, *, data: Path
) -> tuple[Heads, Settings, dict[str, Any]]:
    """Heads and settings for the queries. "probe" fits the linear readings on the encoder as it is; "lora" (and the
    recipe) tunes its last layers first by low-rank adapters, "full" and "progressive" move those layers themselves;
    without the encoder the terms alone are fitted.

    Raises:
        UnknownName: a recipe that does not exist.
    """
    if options.recipe is not None and options.recipe not in RECIPES:
        raise UnknownName("recipe", options.recipe, RECIPES)
    lessons = None
    moved = dict(reader.heads.adapters)
    if options.method != "probe" and sentences.available():
        from .tuning import Lessons

        method = "lora" if options.recipe is not None else options.method
        lessons = Lessons(seed=options.seed, method=method)  # type: ignore[arg-type]
        lessons = lessons if options.epochs is None else replace(lessons, epochs=options.epochs)
    usable = moved if sentences.available() else None
    heads, settings, numbers = learn(
        queries.texts,
        queries.intents,
        lessons=lessons,
        moved=usable,
        seed=options.seed,
        weights=np.array(queries.weights) if queries.weights else None,
    )
    card = {
        "recipe": options.recipe or options.method,
        "trained_on": f"{data.name}: {len(queries.texts)} queries of {len(settings.intents)} intents",
        "data_sha256": digest.of_file(data),
        "seed": options.seed,
        "held_back": numbers,
        "inputs": "a customer's message in English, earlier turns, help pages",
        "outputs": f"one of {len(settings.intents)} intents with its probability, or out of scope",
    }
    return heads, settings, card
