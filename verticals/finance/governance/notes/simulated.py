"""Made-up filings with questions and answers: an income statement whose totals add up, and sentences that give reasons.

No company of these exists. It knows nothing of how a question is answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...notes.read import filing_of
from ...notes.records import Filing
from ...notes.training import Asked

PARTS = (
    "Lamps", "Sensors", "Service contracts", "Licences", "Spare parts", "Training", "Hosting", "Advertising", "Rentals",
    "Batteries", "Cables", "Consulting", "Motors", "Pumps", "Software", "Freight",
)  # fmt: skip
COSTS = ("Cost of sales", "Selling expenses", "Research and development", "Administrative expenses", "Depreciation")
REASONS = (
    "higher prices for glass", "a longer shutdown of the plant in {place}", "two lost customers in {place}",
    "a warehouse that was closed in {place}", "new contracts with hospitals in {place}", "the strike of drivers",
    "lower duties on imports", "a fire at a supplier in {place}", "demand from builders in {place}",
    "salaries that were raised in spring",
)  # fmt: skip
PLACES = ("Aarhus", "Bergen", "Cork", "Dresden", "Espoo", "Ghent", "Leeds", "Lyon", "Malmo", "Porto", "Riga", "Turin")
SCALES = ("thousand", "million")


def filings(random: np.random.Generator, count: int) -> list[tuple[Filing, list[Asked]]]:
    """Documents, each with its questions."""
    return [_document(random, number) for number in range(1, count + 1)]


def _document(random: np.random.Generator, number: int) -> tuple[Filing, list[Asked]]:
    last = int(random.integers(2014, 2025))
    years, scale = [last, last - 1, last - 2], str(random.choice(SCALES))
    rows: dict[str, list[float]] = {
        str(name): [float(each) for each in random.integers(900, 60_000, 3)]
        for name in random.choice(PARTS, int(random.integers(3, 6)), replace=False)
    }
    rows["Total revenue"] = [sum(each[year] for each in rows.values()) for year in range(3)]
    costs = random.choice(COSTS, int(random.integers(2, 4)), replace=False)
    rows |= {str(name): [float(each) for each in random.integers(500, 20_000, 3)] for name in costs}
    lines = [["(in " + scale + "s)", *map(str, years)]]
    lines += [[name, *(f"{value:,.0f}" for value in values)] for name, values in rows.items()]
    texts, reasons = _texts(random, rows, years, number)
    told = {"table": {"table": lines}, "paragraphs": [
        {"order": place, "text": text} for place, text in enumerate(texts, start=1)
    ]}  # fmt: skip
    return filing_of(told, f"made-up filing {number}"), [*_asked(random, rows, years, scale), *reasons]


def _texts(
    random: np.random.Generator, rows: dict[str, list[float]], years: list[int], number: int
) -> tuple[list[str], list[Asked]]:
    """Paragraphs, and questions that one of them answers."""
    texts = [
        f"Company number {number} does not exist. It sells in {', '.join(random.choice(PLACES, 3, replace=False))}."
    ]
    asked = []
    for name in random.choice([each for each in rows if each != "Total revenue"], 2, replace=False):
        rose = rows[str(name)][0] >= rows[str(name)][1]
        reason = str(random.choice(REASONS)).format(place=random.choice(PLACES))
        texts.append(f"{name} {'rose' if rose else 'fell'} in {years[0]} because of {reason}.")
        asked.append(Asked(
            question=f"Why did {str(name).lower()} {'rise' if rose else 'fall'} in {years[0]}?", values=(reason,),
            scale="", kind="span", source="text", paragraphs=(len(texts),),
        ))  # fmt: skip
    return texts, asked


def _asked(random: np.random.Generator, rows: dict[str, list[float]], years: list[int], scale: str) -> Iterator[Asked]:
    names = [str(each) for each in random.permutation(list(rows))]
    one, other = names[0], names[1]
    new, old = rows[one][0], rows[one][1]
    both = rows[other][0]

    def made(question: str, value: float, derivation: str, unit: str = scale) -> Asked:
        return Asked(question=question, values=(f"{value:.2f}".rstrip("0").rstrip("."),), scale=unit, kind="arithmetic",
                     derivation=derivation, source="table")  # fmt: skip

    def cell(name: str, year: int) -> Asked:
        return Asked(question=f"What was {name.lower()} in {years[year]}?", values=(f"{rows[name][year]:,.0f}",),
                     scale=scale, kind="span", source="table")  # fmt: skip

    yield cell(names[2], int(random.integers(3)))
    yield cell(names[-1], int(random.integers(3)))
    yield made(f"What was the percentage change in {one.lower()} from {years[1]} to {years[0]}?",
               100 * (new - old) / old, f"({new:,.0f} - {old:,.0f}) / {old:,.0f}", "percent")  # fmt: skip
    yield made(f"What was the change in {one.lower()} from {years[1]} to {years[0]}?", new - old,
               f"{new:,.0f} - {old:,.0f}")  # fmt: skip
    yield made(f"What was the average {other.lower()} in {years[0]} and {years[1]}?",
               (both + rows[other][1]) / 2, f"({both:,.0f} + {rows[other][1]:,.0f}) / 2")  # fmt: skip
    yield made(f"What was the sum of {one.lower()} and {other.lower()} in {years[0]}?", new + both,
               f"{new:,.0f} + {both:,.0f}")  # fmt: skip
    yield made(f"What was the ratio of {one.lower()} to {other.lower()} in {years[0]}?", new / both,
               f"{new:,.0f} / {both:,.0f}", "")  # fmt: skip


def text_of(filing: Filing) -> str:
    """All words and numbers of a filing, in their order."""
    cells: list[Any] = [cell for grid in filing.tables for line in grid.lines for cell in line if cell]
    return " ".join([*cells, *(each.text for each in filing.paragraphs)])
