"""What the README shows is run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from colonnade.apps import arguments
from colonnade.core.vertical import tasks

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "verticals").glob("*/README.md"))]
README = PAGES[0].read_text(encoding="utf-8")


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    shutil.copy(tasks()["medical/nodules"].sample()["ct"], tmp_path / "ct.nrrd")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out
    assert {"result.json", "report.html"} <= {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_shown_is_one(page: Path):
    for line in re.findall(r"^colonnade (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line.split("#")[0])]
        if "pumps/wear" not in words:
            arguments.parse(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page: Path):
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_two_commands_open_the_page():
    block = README.index("```")
    assert "make demo" in README[block : block + 200]
    assert "make test" in README[block : block + 200]
