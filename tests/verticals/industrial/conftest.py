"""One small inspector for the whole folder: a few generated plates, seeded."""

from __future__ import annotations

import pytest

from colonnade.core.progress import quiet
from colonnade.verticals.industrial.inspection.pipeline import InspectionPipeline
from colonnade.verticals.industrial.simulate.parts import part
from colonnade.verticals.industrial.simulate.sensors import Rig, rig
from colonnade.verticals.industrial.simulate.units import Batch, units


@pytest.fixture(autouse=True)
def _silent():
    quiet()
    yield
    quiet(False)


@pytest.fixture(scope="session")
def plate() -> Rig:
    return rig(part("plate"), spacing=1.6)


@pytest.fixture(scope="session")
def good(plate):
    return units(plate, Batch(good=4), seed=3)


@pytest.fixture(scope="session")
def bad(plate):
    kinds = ("missing", "stain", "outer_race", "bulge")
    return units(plate, Batch(good=0, bad=4, kinds=kinds, severity=(25.0,)), seed=4)


@pytest.fixture(scope="session")
def shipped() -> InspectionPipeline:
    return InspectionPipeline.from_pretrained()
