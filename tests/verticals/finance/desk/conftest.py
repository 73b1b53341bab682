"""A real browser for the desk's page: the one that the medical viewer is tested with; and the pipelines, read once."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colonnade.core.pipeline import Pipeline
from colonnade.verticals.finance import tasks

DRIVER = Path(__file__).parents[2] / "medical" / "viewer" / "conftest.py"
SERVED = (tasks.fraud, tasks.market_risk, tasks.notes, tasks.compliance)


def _driver() -> Any:
    spec = importlib.util.spec_from_file_location("browser_driver", DRIVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = _driver()
    program = next(filter(None, map(shutil.which, driver.NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed: the same endpoints are tested over HTTP in test_app.py")
    found = driver.Browser(program, tmp_path_factory.mktemp("chromium"), size=(1280, 800))
    yield found
    found.close()


@pytest.fixture(scope="session")
def pipelines() -> list[Pipeline]:
    return [task.pipeline().from_pretrained() for task in SERVED]


@pytest.fixture(scope="session")
def short_prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty months of the sample that the network has not seen, so that a forecast takes a second."""
    lines = (tasks.SAMPLES / "sp500.csv").read_text(encoding="utf-8").splitlines()
    path = tmp_path_factory.mktemp("prices") / "short.csv"
    path.write_text("\n".join([lines[0], *lines[-430:]]) + "\n", encoding="utf-8")
    return path
