"""An explanation becomes a page, whatever the task told."""

import json

import pytest

from colonnade.apps import cli
from colonnade.apps.explained import page, write
from colonnade.core.result import Explanation

PARTS = {
    "words": [{"word": "not", "adds": 0.5}, {"word": "here", "adds": -0.25}],
    "alerts": [{"rule": "SHELL", "score": 0.75, "place": None}, {"rule": "RAPID", "score": 0.5, "place": [1.5, 2.0]}],
    "questions": [{"question": "why?", "operations": {"sum": 0.9, "ratio": 0.1}}],
    "sensors": {"kind": "outer race", "numbers": {f"sensor_{n}": float(n) for n in range(30)}},
    "attention": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
    "scores": [0.1, 0.2, 0.4],
    "said": "nothing was <hidden>",
    "none": {},
}


@pytest.fixture
def explanation():
    return Explanation(
        task="a/b", explains="log-odds", value=2.5, base=0.5, modalities={"scan": 3.0, "sound": -1.0}, parts=PARTS
    )


def test_the_page_shows_every_part_that_was_told(explanation):
    html = page(explanation, gates={"scan": 0.75}).html()
    for heading in ("Gates", "words", "alerts", "why?: operations", "sensors: numbers", "attention", "scores"):
        assert f"{heading}</h2>" in html, heading
    assert "20 of 30 numbers, the largest." in html
    assert "kind: outer race" in html
    assert "1.5, 2" in html
    assert "2 by 3 values." in html
    assert "nothing was &lt;hidden&gt;" in html
    assert "none</h2>" not in html


def test_no_gates_no_chapter_of_gates(explanation):
    assert "Gates" not in page(explanation, gates={}).html()


def test_page_and_json_are_written_together(explanation, tmp_path):
    files = write(explanation, tmp_path / "out", gates={})
    assert [path.rsplit("/", 1)[1] for path in files] == ["explanation.html", "explanation.json"]
    assert json.loads((tmp_path / "out" / "explanation.json").read_text())["value"] == 2.5


def test_the_command_writes_the_page_of_a_real_answer(tmp_path, capsys):
    sample = "samples/finance/sp500.csv"
    assert cli.main(["explain", "finance/market-risk", "--prices", sample, "--out", str(tmp_path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["files"][0] == str(tmp_path / "explanation.html")
    assert "har features" in (tmp_path / "explanation.html").read_text()
