"""The line from the command line, with the weights that ship."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colonnade.apps.cli import main
from colonnade.core import optional

SAMPLE = Path(__file__).parents[2] / "samples" / "industrial"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["line"], "name a task: colonnade line TASK"),
        (["line", "industrial/inspection", "--watch", "."], "required: --out"),
        (["line", "industrial/inspection", "--out", "OUT"], "name one of --watch, --replay and --stream"),
        (["line", "medical/nodules", "--watch", ".", "--out", "OUT"], "tasks that do are industrial/inspection"),
        (["line", "industrial/inspection", "--watch", "/no/such", "--out", "OUT"], "there is no folder at /no/such"),
        (["line", "industrial/inspection", "--watch", ".", "--out", "/dev/null/x"], "is a file"),
        (["line", "industrial/inspection", "--watch", ".", "--out", "OUT", "--mqtt", "x:1"], "--mqtt takes mqtt://"),
        (
            ["line", "industrial/inspection", "--watch", ".", "--out", "OUT", "--senses", "scan"],
            "give the line one with",
        ),
        (["line", "industrial/inspection", "--out", "OUT", "--acknowledge", "Ada"], "there is no line in"),
    ],
)
def test_off_words_are_one_sentence_and_exit_code_2(words, says, tmp_path, capsys):
    assert main([str(tmp_path) if each in ("OUT", ".") else each for each in words]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert told.err.count("\n") == 1


def test_a_checkpoint_of_another_task_is_refused(tmp_path, capsys):
    other = Path(__file__).parents[2] / "verticals" / "medical" / "weights" / "nodules"
    words = ["line", "industrial/inspection", "--watch", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, "--checkpoint", str(other)]) == 2
    assert "not of industrial/inspection" in capsys.readouterr().err


@pytest.mark.parametrize(("word", "module"), [("--mqtt", "paho.mqtt.client"), ("--opcua", "asyncua")])
def test_a_library_that_is_missing_is_named_with_its_cure(word, module, tmp_path, capsys, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(optional, "import_module", missing)
    url = "mqtt://localhost" if word == "--mqtt" else "opc.tcp://localhost:4840"
    words = ["line", "industrial/inspection", "--watch", str(tmp_path), "--out", str(tmp_path / "out"), word, url]
    assert main(words) == 2
    assert f"needs {module}: pip install 'colonnade[line]'" in capsys.readouterr().err


def test_a_folder_is_watched_judged_and_stopped_in_order(tmp_path):
    watch, out = tmp_path / "in", tmp_path / "out"
    watch.mkdir()
    shutil.copy(SAMPLE / "nominal.stl", watch / "nominal.stl")
    shutil.copy(SAMPLE / "image.png", watch / "a.png")
    shutil.copy(SAMPLE / "sound.wav", watch / "a.wav")
    shutil.copy(SAMPLE / "scan.ply", watch / "a.ply")
    words = ["line", "industrial/inspection", "--watch", str(watch), "--out", str(out), "--wait", "0.5", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "colonnade.apps.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        end = time.monotonic() + 120
        shutil.copy(SAMPLE / "sound.wav", watch / "b.wav")
        whole = (SAMPLE / "image.png").read_bytes()
        (watch / "c.png").write_bytes(whole[: len(whole) // 2])
        while len((out / "results.jsonl").read_text().splitlines() if (out / "results.jsonl").exists() else []) < 3:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        told, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    summary = json.loads(told)
    assert (summary["stopped"], summary["units"]) == ("SIGTERM", 3)
    found = {line["unit"]: line for line in map(json.loads, (out / "results.jsonl").read_text().splitlines())}
    assert found["a"]["decision"] == "reject"
    assert found["a"]["causes"][0]["edges"]
    assert found["b"]["missing"] == ["scan", "image"]
    assert found["b"]["judged"] == ["sound"]
    assert found["b"]["threshold"] != found["a"]["threshold"]
    assert found["c"]["decision"] == "unmeasurable"
    assert (out / "aside" / "c" / "c.png").exists()
    assert (out / "units" / "a" / "report.html").exists()
    assert main(["line", "industrial/inspection", "--out", str(out), "--acknowledge", "Ada"]) == 0
    assert os.listdir(out / "acknowledge")
