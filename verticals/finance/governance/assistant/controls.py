"""The chapter on ablations: each view of a message alone, and messages tampered with.

A view whose absence costs nothing adds nothing but numbers.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from .....core.random import numpy_generator
from .....knowledge.reports import Rows
from ...assistant.model import VIEWS, mixed
from ..comparison import paired_means
from ..dossier import Chapter, expect
from ..duplicates import altered
from ..written import share, span
from .case import MOST, Case

CHAPTER = "controls"
WHOLE, OTHER, ORDER = "as it is", "the words of another message", "its words in another order"
KEPT = 0.9  # of the readings that a small change of the message must leave


def controls(case: Case) -> Chapter:
    """Accuracy by one view, with another message's words, with shuffled words; and how often small changes turn it."""
    random = numpy_generator(case.seed, "controls")
    marks = {WHOLE: case.right}
    reach = case.reader.settings.reach
    for view in VIEWS if len(case.reader.views) > 1 else ():
        marks[f"{view} alone"] = mixed(case.scores, reach[view]).argmax(axis=1) == case.labels
    dealt = random.permutation(len(case.labels))
    marks[OTHER] = case.logits[dealt].argmax(axis=1) == case.labels
    some = np.sort(random.permutation(len(case.labels))[:MOST])
    texts = [case.judged.texts[row] for row in some]
    marks = {name: each[some] for name, each in marks.items()}
    turned = case.reader.logits([" ".join(random.permutation(text.split())) for text in texts])
    marks[ORDER] = turned.argmax(axis=1) == case.labels[some]
    found = paired_means(marks, groups=case.groups[some], against=WHOLE, metric="accuracy", seed=case.seed)
    less = {name: each.less["accuracy"] for name, each in found.items() if name != WHOLE}
    changed = [altered(text, random) for text in texts]
    kept = float((case.reader.logits(changed).argmax(axis=1) == case.logits[some].argmax(axis=1)).mean())
    views = [name for name in less if name.endswith(" alone")]
    idle = [name for name in views if less[name].low > 0]
    rows = tuple((name, span(found[name].metrics["accuracy"]), span(each, sign=True)) for name, each in less.items())
    return Chapter(
        heading="Ablations and shuffled controls",
        facts={"less": {name: asdict(each) for name, each in less.items()}, "kept_under_small_changes": kept},
        tables=(
            Rows(header=("read by", "accuracy", "less that as it is"), rows=rows,
                 caption="Below zero: what was taken away is worth something."),
            Rows(header=("small changes of a message", ""), rows=(("the reading stays", share(kept)),),
                 caption="A letter lost or turned, capitals, a polite word, another mark at the end."),
        ),
        expects=(
            expect(CHAPTER, "No single view is better than both beyond chance", f"{len(views)} views alone",
                   not idle if views else None,
                   (f"better alone: {', '.join(idle)}" if idle else "; ".join(f"{n} {span(less[n], sign=True)}"
                    for n in views)) if views else "this checkpoint reads words alone here"),
            expect(CHAPTER, "The message decides, not what is usual", "the words of another message",
                   less[OTHER].high < 0, span(less[OTHER], sign=True)),
            expect(CHAPTER, f"A small change leaves the reading in {KEPT:.0%}", f"{len(changed):,} messages changed",
                   kept >= KEPT, share(kept)),
        ),
    )  # fmt: skip
