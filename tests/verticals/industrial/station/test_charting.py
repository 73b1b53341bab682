"""Control charts of a session and of a results file."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.verticals.industrial.station.charting import of_lines, of_session, read_lines

GOOD = np.random.default_rng(0).normal(-3, 1, 60).round(3).tolist()


def pipeline() -> Any:
    scale = SimpleNamespace(centre={"scan": {"score": 0.06}}, spread={"scan": {"score": 0.01}})
    return SimpleNamespace(inspector=SimpleNamespace(scale=scale))


def unit(name: str, raw: float, score: float) -> dict[str, Any]:
    senses = [{"sense": "scan", "raw": raw, "judged": True}, {"sense": "image", "raw": None, "judged": False}]
    return {"name": name, "senses": senses, "good": {"scores": GOOD}, "judged": ["scan"], "score": score}


def test_a_session_is_held_against_the_good_units_from_its_first_unit_on():
    told = of_session(pipeline(), [unit("a", 0.061, -3.1), unit("b", 0.2, 4.0)])
    assert told["names"] == ["scan", "score (scan)"]
    scan = next(each for each in told["charts"] if (each["name"], each["kind"]) == ("scan", "individuals"))
    assert (scan["centre"], scan["sigma"]) == (0.06, 0.01)
    assert scan["points"][0]["broken"] == []
    assert "beyond 3 sigma" in scan["points"][1]["broken"]


def test_a_session_without_units_has_no_chart():
    assert of_session(pipeline(), [])["charts"] == []


def test_a_file_gives_the_charts_of_the_line_and_one_of_every_score(line_folder: Any):
    lines = read_lines((line_folder / "results.jsonl").read_text(), "results.jsonl")
    told = of_lines(lines, name="results.jsonl")
    assert told["names"] == ["score", "scan", "image", "sound", "normal score"]
    score = next(each for each in told["charts"] if (each["name"], each["kind"]) == ("score", "individuals"))
    assert len(score["points"]) == len(lines)
    drifted = next(each for each in told["charts"] if (each["name"], each["kind"]) == ("scan", "ewma"))
    assert "mean drifted up" in drifted["points"][-1]["broken"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "holds no result"), ("{", "line 1 is not JSON"), (json.dumps({"unit": "a"}), "has no time and no decision"),
     ("[1]", "has no unit")],
)  # fmt: skip
def test_another_file_is_refused_in_a_sentence(text: str, says: str):
    with pytest.raises(FormatError, match=says):
        read_lines(text, "other.jsonl")
