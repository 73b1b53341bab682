from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from colonnade.apps import cli
from colonnade.apps.cli import main
from colonnade.core.audit import AuditLog
from colonnade.core.vertical import find


def test_tasks_prints_one_json_object_and_nothing_else(capsys):
    assert main(["tasks", "--json"]) == 0
    printed = capsys.readouterr()
    assert {"medical/nodules"} <= {task["task"] for task in json.loads(printed.out)["tasks"]}
    assert printed.err == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["predict"], "name a task"),
        (["predict", "medical/nodule", "--ct", "x"], "did you mean 'medical/nodules'"),
        (["predict", "medical/nodules", "--mri", "x"], "unrecognized arguments: --mri x"),
        (["evaluate", "medical/nodules"], "required: DATA"),
        (["predict", "finance/market-risk", "--documents"], "name it with --out"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["tasks", "more"], "unrecognised: more"),
        (["bench", "no-such"], "there is no benchmark 'no-such'"),
    ],
)
def test_off_words_are_one_sentence_and_exit_code_2(words, says, capsys):
    assert main(words) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_with_json_an_error_is_an_object_too(capsys):
    assert main(["predict", "no/such", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["kind"] == "UnknownName"


def test_an_answer_comes_with_documents_and_a_line_in_a_chained_log(tmp_path, capsys):
    sample, log = Path(__file__).parents[2] / "samples" / "medical", tmp_path / "log.jsonl"
    words = ["predict", "medical/nodules", "--ct", str(sample / "ct.nrrd"), "--json", "--log", str(log)]
    assert main([*words, "--out", str(tmp_path / "out"), "--documents"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [Path(each).name for each in told["documents"]["files"]] == ["nodules.fhir.json"]
    assert "is no DICOM series" in told["documents"]["left_out"][0]
    assert json.loads((tmp_path / "out" / "documents" / "nodules.fhir.json").read_text())["resourceType"] == "Bundle"
    checked = AuditLog(log).verify(head=told["log"]["sha256"])
    assert (checked.lines, checked.fault) == (1, "")


def test_a_task_without_documents_says_so(tmp_path, capsys):
    sample = Path(__file__).parents[2] / "samples" / "finance" / "sp500.csv"
    words = ["predict", "finance/market-risk", "--prices", str(sample), "--out", str(tmp_path / "out"), "--documents"]
    assert main(words) == 2
    assert "finance/market-risk has no documents beside its report" in capsys.readouterr().err


def test_help_of_a_task_lists_its_modalities(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["predict", "medical/nodules", "--help"])
    assert stop.value.code == 0
    assert "--indication" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["tasks"], ["--help"], ["predict", "medical/nodules", "--help"]], ids=" ".join)
def test_a_light_command_imports_nothing_heavy(words):
    code = (
        "import sys\nfrom colonnade.apps.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'scipy', 'matplotlib', 'monai', 'sklearn', 'pydicom'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_the_system_refuses_is_a_sentence_and_exit_code_2(monkeypatch, capsys):
    def full(options):
        raise OSError(28, "No space left on device", "/out/result.json")

    monkeypatch.setitem(cli.COMMANDS, "tasks", full)
    assert main(["tasks"]) == 2
    assert capsys.readouterr().err == "colonnade: /out/result.json: No space left on device\n"


@pytest.mark.parametrize("verb", ["fit", "evaluate"])
def test_a_seed_below_zero_is_refused(verb, tmp_path, capsys):
    (tmp_path / "data").write_text("x")
    out = ["--out", str(tmp_path / "out")] if verb == "fit" else []
    assert main([verb, "finance/market-risk", str(tmp_path / "data"), "--seed", "-1", *out]) == 2
    assert "a seed lies from 0" in capsys.readouterr().err


def test_a_path_of_foreign_bytes_is_said_and_is_still_json():
    words = [sys.executable, "-m", "colonnade.apps.cli", "evaluate", "finance/market-risk", b"Sch\xe4del.csv", "--json"]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Sch\udce4del.csv" in json.loads(done.stdout)["error"]


def test_bench_lists_what_can_be_run_and_not_what_is_shared(capsys):
    assert main(["bench", "--json"]) == 0
    names = json.loads(capsys.readouterr().out)["benchmarks"]
    assert "interaction" in names
    assert not {"results", "steps", "pairs", "digits"} & set(names)


def test_a_setting_of_the_task_is_given_by_name_and_value(tmp_path, capsys):
    ct = str(find("medical/nodules").sample()["ct"])
    words = ["predict", "medical/nodules", "--ct", ct, "--json", "--out", str(tmp_path / "out")]
    assert main([*words, "--set", "wording=generated", "--set", "sensitivity=.6"]) == 0
    answer = json.loads(capsys.readouterr().out)
    promised = dict(find("medical/nodules").pipeline().from_pretrained().operating.promises)
    assert answer["threshold"] == promised[0.6]
    assert "generated" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "wording=poem"], "there is no wording 'poem'"),
        (["--set", "wordng=grammar"], "did you mean 'wording'"),
        (["--set", "sensitivity=most"], "sensitivity is a share such as .7, got 'most'"),
        (["--set", "sensitivity=.99"], "cannot be promised"),
        (["--set", "wording"], "--set takes NAME=VALUE, got 'wording'"),
    ],
)
def test_a_setting_that_cannot_be_is_answered_in_a_sentence(words, sentence, capsys):
    ct = str(find("medical/nodules").sample()["ct"])
    assert main(["predict", "medical/nodules", "--ct", ct, *words]) == 2
    assert sentence in capsys.readouterr().err


def test_a_task_without_settings_says_so(capsys):
    prices = str(find("finance/market-risk").sample()["prices"])
    assert main(["predict", "finance/market-risk", "--prices", prices, "--set", "mood=good"]) == 2
    assert "finance/market-risk has no settings" in capsys.readouterr().err
