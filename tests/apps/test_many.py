"""The words of commands on many records and many processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colonnade.apps.arguments import UsageError, parse
from colonnade.apps.cli import main

MANY = ["predict", "finance/market-risk", "--many", "a.csv"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (MANY, "name the file with --out"),
        ([*MANY, "--out", "o.jsonl", "--prices", "p.csv"], "leave out modalities"),
        ([*MANY, "--out", "o.jsonl", "--part", "half"], "--part is K/N, such as 1/4, got 'half'"),
        (["predict", "finance/market-risk", "--prices", "p.csv", "--as", "prices"], "go with --many"),
    ],
)
def test_words_that_do_not_go_together_are_refused(words: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse(words)


def test_records_that_cannot_be_read_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("id,price\n1,x\n")
    words = ["predict", "finance/market-risk", "--many", str(tmp_path / "a.csv"), "--out", str(tmp_path / "o.jsonl")]
    assert main([*words, "--json"]) == 2
    assert "did you mean 'prices'" in json.loads(capsys.readouterr().out)["error"]
    (tmp_path / "a.csv").write_text("id,prices\n1,nowhere.csv\n")
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], told["failed"]) == (1, 1)
    (line,) = map(json.loads, (tmp_path / "o.jsonl").read_text().splitlines())
    assert line["id"] == "1"
    assert "there is no file or folder at" in line["error"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--exchange", "int9"], "did you mean 'int8'"),
        (["--sharded", "--exchange", "int8"], "shards exchange their gradients in full"),
        (["--processes", "0"], "at least 1, got 0"),
        (["--processes", "2"], "there is no file or folder"),
    ],
)
def test_a_fit_that_cannot_be_laid_out_so_is_refused_before_it_starts(
    more: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", "finance/market-risk", str(tmp_path / "nowhere"), "--out", str(tmp_path / "model"), "--json"]
    assert main([*words, *more]) == 2
    assert told in json.loads(capsys.readouterr().out)["error"]
