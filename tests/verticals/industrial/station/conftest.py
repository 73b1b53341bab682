"""A real browser (the one that the medical viewer is tested with), the inspector that ships, and a line's folder."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from colonnade.core.result import plain
from colonnade.verticals.industrial.line.watching import Watching
from colonnade.verticals.industrial.monitoring.alarm import Rule
from colonnade.verticals.industrial.records import SENSES

DRIVER = Path(__file__).parents[2] / "medical" / "viewer" / "conftest.py"
COUNT = 90  # units of the line


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("browser_driver", DRIVER)
    assert spec is not None
    assert spec.loader is not None
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    program = next(filter(None, map(shutil.which, driver.NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed: the same endpoints are tested over HTTP in test_app.py")
    found = driver.Browser(program, tmp_path_factory.mktemp("chromium"), size=(1280, 800))
    yield found
    found.close()


def result_lines() -> tuple[list[dict[str, Any]], Watching]:
    """Lines as a line writes them: the scan drifts from unit 70; the sound is lost from unit 60; three rejects."""
    draw, watching, lines = np.random.default_rng(3), Watching(SENSES, rule=Rule(), lost_after=3), []
    began = datetime(2026, 1, 5, 6, tzinfo=UTC)
    for number in range(1, COUNT + 1):
        bad, lost = number in (75, 80, 84), number >= 60
        away = float(draw.normal()) + 0.5 * max(number - 70, 0)
        judged = [sense for sense in SENSES if not (lost and sense == "sound")]
        line = {
            "number": number, "unit": f"nut-{number:03}", "attempt": 1, "decision": "reject" if bad else "pass",
            "time": (began + timedelta(seconds=2 * number)).isoformat(), "score": -2 + away, "threshold": 6.0,
            "p_value": max(1 - NormalDist().cdf(away), 0.01), "p_values": {}, "promised_false_rejects": 0.01,
            "judged": judged, "scores": {"scan": 0.06 + 0.01 * away, "image": float(draw.normal()),
                                         "sound": None if lost else float(draw.normal())},
            "missing": ["sound"] if lost else [], "unusable": [], "reasons": [], "warnings": [],
            "defects": [{"modality": "scan", "kind": "missing material"}] if bad else [], "latency_ms": {"total": 640},
        }  # fmt: skip
        line |= plain(watching.update(line))
        lines.append(line)
    return lines, watching


def write_line(folder: Path, *, running: bool = True) -> Watching:
    """The folder of a line, as it stands after its last unit."""
    lines, watching = result_lines()
    folder.mkdir(exist_ok=True)
    (folder / "results.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    (folder / "monitoring.json").write_text(json.dumps(plain(watching.to_dict())))
    state = {"state": "running" if running else "stopped", "time": datetime.now(UTC).isoformat(), "why": None,
             "busy_with": None, "queue": {"length": 2}, "latency_ms": {"total": {"p50": 640.0}}}  # fmt: skip
    (folder / "state.json").write_text(json.dumps(state))
    return watching


@pytest.fixture
def line_folder(tmp_path: Path) -> Path:
    write_line(tmp_path / "line")
    return tmp_path / "line"


@pytest.fixture
def rewrite() -> Callable[..., Watching]:
    return write_line
