"""One small made-up world with every typology in it, for all tests of this room."""

from __future__ import annotations

import pytest

from colonnade.verticals.finance.compliance.book import Book
from colonnade.verticals.finance.compliance.simulation.world import Size, World, world


@pytest.fixture(scope="session")
def made() -> World:
    return world(5, Size(persons=40, days=240, planted=2, lookalikes=1))


@pytest.fixture(scope="session")
def book(made: World) -> Book:
    return made.book()
