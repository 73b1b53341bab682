"""A program on its grounded question as a row of numbers, and a question as hashed words: what the scorer reads."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from ....core.types import Array
from .figures import years_in
from .grounding import Grounded
from .programs import Program
from .records import Cell
from .words import words

BUCKETS = 2**12
COUNT = 32  # numbers that describe a program
_LARGEST = re.compile(r"\b(?:highest|largest|most|greatest|higher|larger|greater|max\w*|top|best)\b", re.IGNORECASE)
_SMALLEST = re.compile(r"\b(?:lowest|smallest|least|lower|smaller|less|min\w*|fewest)\b", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\b.*\bto\b", re.IGNORECASE)


def buckets_of(question: str, ground: Grounded | None = None) -> Int[Array, " bucket"]:
    """The question's words, pairs and triples as bucket numbers; years, numbers and the best row are masked."""
    own = set(words(ground.grid.labels.get(ground.order[0], ""))) if ground and ground.order else set()
    masked: list[str] = []
    for word in words(question):
        if word[0].isdigit():
            word = "<year>" if re.fullmatch(r"(?:19|20)\d\d", word) else "<number>"
        elif word in own:
            word = "<row>"
        if not masked or word != masked[-1] or not word.startswith("<"):
            masked.append(word)
    masked = ["<start>", *masked]
    grams = {" ".join(masked[at : at + size]) for size in (1, 2, 3) for at in range(len(masked) - size + 1)}
    if ground is not None and ground.order:
        fit = ground.rows[ground.order[0]]
        grams |= {f"recall {int(4 * fit[0])}", f"cover {int(4 * fit[1])}", f"both {int(5 * fit[2])}"}
        grams |= {f"years {min(len(ground.years), 3)}", f"here {sum(each[0] for each in ground.columns.values()):.0f}"}
        grams.add(f"whole {sum(ground.rows[row][0] > 0.99 for row in ground.order[:4])}")
    return np.array(sorted(zlib.crc32(gram.encode()) % BUCKETS for gram in grams))


def features_of(program: Program, ground: Grounded) -> Float[Array, " feature"]:
    """How well the cells fit the question, and the shape of the program."""
    found = np.zeros(COUNT, np.float32)
    cells = program.cells
    if not cells:
        return found
    rows = np.array([ground.rows[row] for row in dict.fromkeys(cell.row for cell in cells)])
    columns = np.array([ground.columns[column] for column in dict.fromkeys(cell.column for cell in cells)])
    found[0:7] = rows.mean(axis=0)
    found[7:10] = rows[:, :3].min(axis=0)
    found[10:15] = columns.mean(axis=0)
    found[15] = columns[:, 0].min()
    found[16:20] = len(rows) > 1, len(columns) > 1, len(rows), len(cells) - 2
    own = {year for cell in cells for year in years_in(cell.header)}
    if ground.years:
        found[20] = len(own & set(ground.years)) / len(ground.years)
        found[21] = len(own - set(ground.years))
    else:
        found[22] = len(columns) == len(ground.columns)
        found[23] = cells[0].column == min(ground.columns)
    found[24:29] = _order(cells, ground)
    found[29] = len({cell.scale for cell in cells}) > 1
    found[30] = sum(cell.nil for cell in cells) / len(cells)
    found[31] = _chosen(program, ground)
    return found


def _order(cells: Sequence[Cell], ground: Grounded) -> tuple[float, ...]:
    """Of two operands: newer first; in the order of the question (by row, by year); larger first; "from" to "to"."""
    if len(cells) != 2:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    one, other = cells
    first, second = max(years_in(one.header), default=0), max(years_in(other.header), default=0)
    newer = float(np.sign(first - second))
    by_row = 0.0
    if one.row != other.row:
        by_row = float(np.sign(_place(other.label, ground) - _place(one.label, ground)))
    by_year = 0.0
    if first != second and first in ground.years and second in ground.years:
        by_year = float(np.sign(ground.years.index(second) - ground.years.index(first)))
    larger = float(np.sign(abs(one.value) - abs(other.value)))
    return newer, by_row, by_year, larger, newer * (_FROM.search(ground.question) is not None)


def _place(label: str, ground: Grounded) -> float:
    """Where in the question the label's words stand, on average."""
    own = set(words(label))
    found = [place for place, word in enumerate(ground.words) if word in own]
    return sum(found) / len(found) if found else 99.0


def _chosen(program: Program, ground: Grounded) -> float:
    """Whether the way in which words were chosen is the question's."""
    asked = ground.question
    if program.note.startswith("largest"):
        return 1.0 if _LARGEST.search(asked) else -1.0
    if program.note.startswith("smallest"):
        return 1.0 if _SMALLEST.search(asked) and not _LARGEST.search(asked) else -1.0
    if program.note.startswith(("above", "below")):
        return 1.5
    return 0.0 if not program.note else (-1.0 if _LARGEST.search(asked) or _SMALLEST.search(asked) else 0.5)
