"""`colonnade serve` as a process: it listens, answers, and ends cleanly when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")
pytest.importorskip("onnxscript", reason="programs are exported with the extra 'onnx'")
pytest.importorskip("onnxruntime", reason="programs run here on the extra 'onnx'")

import torch

from colonnade.apps.cli import main
from colonnade.core.export import write
from colonnade.core.export.program import Program


class Double(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported") / "program"
    example = (torch.ones(2, 3),)
    program = Program(module=Double(), example=example, inputs=("x",), outputs=("y",), dynamic=({0: "batch"},),
                      cases={"x": example})  # fmt: skip
    write(program, task="test/double", out=place)
    return place


def test_it_answers_until_it_is_told_to_stop_and_leaves_nothing_behind(folder: Path):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    words = [
        sys.executable,
        "-m",
        "colonnade.apps.cli",
        "serve",
        "--program",
        str(folder),
        "--port",
        str(port),
        "--json",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            ready = _asked(f"http://127.0.0.1:{port}/ready")
            body = json.dumps({"inputs": {"x": [[1, 2, 3]]}}).encode()
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/programs/test/double", body, {"content-type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert json.load(answer) == {"outputs": {"y": [[2.0, 4.0, 6.0]]}}
        finally:
            server.send_signal(signal.SIGTERM)
        said, complained = server.communicate(timeout=30)
    assert server.returncode == 0, complained
    assert json.loads(said) == {"served": ["programs/test/double"]}
    for pid in ready["programs"]["test/double"]["workers"]:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _asked(url: str) -> dict:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not come up")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ([], "name a task, or a program's folder"),
        (["finance/fraud", "finance/fraud"], "named twice"),
        (["finance/fraud", "finance/notes", "--checkpoint", "x"], "TASK=FOLDER"),
        (["finance/fraud=nowhere"], "no checkpoint folder at nowhere"),
        (["--program", "nowhere"], "not an exported folder"),
        (["finance/frued"], "did you mean 'finance/fraud'"),
        (["finance/fraud", "--seconds", "0"], "limits are"),
        (["finance/fraud", "--waiting", "-1"], "limits are"),
        (["finance/fraud", "--port", "99999"], "cannot listen at"),
    ],
)
def test_words_that_cannot_be_served_are_one_sentence(words: list[str], match: str, capsys: pytest.CaptureFixture[str]):
    assert main(["serve", *words]) == 2
    assert match in capsys.readouterr().err


def test_a_program_of_wrong_numbers_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["serve", "--program", str(folder), "--batch", "0"]) == 2
    assert "batches of 1 to 4096" in capsys.readouterr().err
