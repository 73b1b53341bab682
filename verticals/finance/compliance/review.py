"""All rules over a book. It knows no score and draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ....core.errors import UnknownName
from .book import Book
from .typologies.catalogue import BY_ID, RULES
from .typologies.rule import Firing, Rule


def firings_of(book: Book, rules: Sequence[Rule] = RULES) -> tuple[Firing, ...]:
    """What every rule says, in the order of time.

    Rules that compare names need the extra `finance` when there are names to compare.

    Raises:
        MissingExtra: names are to be compared, and a library for it is not installed.
    """
    found = [firing for rule in rules for firing in rule.firings(book)]
    return tuple(sorted(found, key=lambda each: (each.at, each.rule, each.subject)))


def rule_of(firing: Firing) -> Rule:
    if firing.rule not in BY_ID:
        raise UnknownName("rule", firing.rule, BY_ID)
    return BY_ID[firing.rule]
