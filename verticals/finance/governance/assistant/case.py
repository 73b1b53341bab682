"""What is judged: messages with an intent, those learnt from (baselines, the recipe again) and those judged.

Judged messages that are nearly ones learnt from are left out before anything is judged. It knows nothing of reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from .....core import digest
from .....core.errors import FormatError, UnknownName
from .....core.progress import say
from .....core.random import numpy_generator
from .....core.types import Array
from ...assistant import sentences
from ...assistant.articles import Articles, read_articles
from ...assistant.model import Reader, familiarity, mixed, scores_of
from ...assistant.sources import SPLITS, Queries, read_queries
from ...tasks import SAMPLES
from ..duplicates import nearest
from ..lineage import Origin, read_from
from .sayings import said

ARTICLES = "articles.md"  # beside the messages; else the pages that ship
MOST = 1200  # messages that are read again for a control or a reference
LEAST, JUDGED, EACH = 20, 0.3, 5  # messages judged; their share where there is one file; messages of an intent learnt


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Messages of both sides; `groups` of the judged are redrawn whole; `twins` were left out of the judged."""

    origin: Origin
    learnt: Queries
    judged: Queries
    groups: Array
    twins: int
    reader: Reader
    card: Mapping[str, Any]
    articles: Articles
    seed: int

    @cached_property
    def labels(self) -> Array:
        """Of the judged, as places of the reader's intents."""
        names = self.reader.settings.intents
        return np.array([names.index(each) for each in self.judged.intents])

    @cached_property
    def scores(self) -> dict[str, Array]:
        """Of each view, of the judged."""
        heads = self.reader.heads
        if heads.adapters or "sentence" not in self.reader.views or self.vectors is None:
            return self.reader.scores(self.judged.texts)
        return scores_of(heads, self.judged.texts, self.vectors[1])

    @cached_property
    def logits(self) -> Array:
        return mixed(self.scores, self.reader.reach)

    @cached_property
    def chances(self) -> Array:
        return softmax(self.logits, axis=1)

    @cached_property
    def right(self) -> Array:
        return np.asarray(self.logits.argmax(axis=1) == self.labels)

    @cached_property
    def reference(self) -> tuple[str, ...]:
        """Messages learnt from, at random where there are many: the reference of stability."""
        order = numpy_generator(self.seed, "reference").permutation(len(self.learnt.texts))[:MOST]
        return tuple(self.learnt.texts[row] for row in np.sort(order))

    @cached_property
    def before(self) -> Array:
        """Logits of the reference."""
        return self.reader.logits(self.reference)

    @cached_property
    def vectors(self) -> tuple[Array, Array] | None:
        """Sentence vectors of both sides by the encoder as it comes, without adapters; None where it is missing."""
        if not sentences.available():
            return None
        made = sentences.encoder()
        return sentences.vectors(made, self.learnt.texts), sentences.vectors(made, self.judged.texts)

    @property
    def known(self) -> Array:
        """Of the judged: how familiar."""
        return familiarity(self.logits)


def case_of(reader: Reader, card: Mapping[str, Any], data: Path | None, *, seed: int) -> Case:
    """Read or make the messages, part them, and leave out twins.

    Raises:
        InputError: no such messages, an intent that the model was not taught, too few of them.
    """
    if data is None:
        origin, learnt, judged, groups = _simulated(seed)
    else:
        learnt, judged = _read(data, seed)
        count = len(learnt.texts) + len(judged.texts)
        origin, groups = read_from(data, f"{count:,} messages"), np.arange(len(judged.texts))
    for name in sorted(set(judged.intents)):
        if name not in reader.settings.intents:
            raise UnknownName("intent of this model", name, reader.settings.intents)
    say(f"{len(learnt.texts):,} messages learnt from, {len(judged.texts):,} to judge: looking for twins")
    twins = nearest(learnt.texts, judged.texts).twins
    kept = np.setdiff1d(np.arange(len(judged.texts)), twins)
    if len(kept) < LEAST:
        raise FormatError(
            f"{origin.name}: {len(kept)} messages are left to judge once {len(twins)} that are nearly messages learnt"
            f" from are left out: at least {LEAST} are needed"
        )
    left = Queries(
        texts=tuple(judged.texts[row] for row in kept), intents=tuple(judged.intents[row] for row in kept),
        outside=judged.outside,
    )  # fmt: skip
    pages = SAMPLES / "bank_articles.md" if data is None or not (data / ARTICLES).is_file() else data / ARTICLES
    return Case(
        origin=origin, learnt=learnt, groups=groups[kept], twins=len(twins), reader=reader, card=card,
        judged=left,
        articles=read_articles(pages), seed=seed,
    )  # fmt: skip


def _simulated(seed: int) -> tuple[Origin, Queries, Queries, Array]:
    learnt, judged, strange = said(numpy_generator(seed, "sayings"))
    about = (
        "SIMULATED DATA: no --data was given, so everything here was run on made-up messages of 20 of the topics (other"
        " words than those that the weights learnt from, and nobody's). It shows that the tests run and what they find"
        " there; give --data with train.csv and test.csv for your own."
    )
    origin = Origin(
        name=f"made-up messages, seed {seed}", simulated=True, about=about,
        sha256=digest.of_value("\n".join((*learnt.texts, *judged.texts))),
    )  # fmt: skip
    sides = (Queries(texts=learnt.texts, intents=learnt.intents),
             Queries(texts=judged.texts, intents=judged.intents, outside=strange))  # fmt: skip
    return origin, *sides, np.array(judged.sayings)


def _read(data: Path, seed: int) -> tuple[Queries, Queries]:
    """train.csv and test.csv of a folder; else what there is, parted at random, every intent alike."""
    if data.is_dir() and all((data / name).is_file() for name in SPLITS):
        learnt, judged = (read_queries(data / name) for name in SPLITS)
    else:
        learnt, judged = _parted(read_queries(data), seed)
    few = [name for name in set(learnt.intents) if learnt.intents.count(name) < EACH]
    if few or len(set(learnt.intents)) < 2:
        raise FormatError(
            f"{data}: two intents or more with {EACH} messages each are needed to learn from"
            f"{f', {few[0]!r} has fewer' if few else ''}"
        )
    return learnt, judged


def _parted(whole: Queries, seed: int) -> tuple[Queries, Queries]:
    random, names = numpy_generator(seed, "parted"), np.array(whole.intents)
    judged = np.zeros(len(names), bool)
    for name in np.unique(names):
        rows = random.permutation(np.flatnonzero(names == name))
        judged[rows[: round(JUDGED * len(rows))]] = True
    sides = [
        Queries(texts=tuple(whole.texts[row] for row in rows), intents=tuple(whole.intents[row] for row in rows),
                outside=outside)
        for rows, outside in ((np.flatnonzero(~judged), ()), (np.flatnonzero(judged), whole.outside))
    ]  # fmt: skip
    return sides[0], sides[1]
