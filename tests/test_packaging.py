from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("apps", "core", "knowledge", "verticals")


def test_the_list_of_packages_is_the_tree():
    in_tree = {
        ".".join(("colonnade", *path.parent.relative_to(ROOT).parts))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == in_tree | {"colonnade"}


def test_every_folder_with_code_is_a_package():
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), f"{path.parent} has code and no __init__.py"


def test_the_vendored_link_points_to_the_root():
    assert (ROOT / ".dev" / "colonnade").resolve() == ROOT.resolve()


def test_every_requirement_is_pinned_by_the_constraints():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]]
    names = {item.split(">=")[0].lower() for item in wanted if not item.startswith("colonnade")}
    assert names <= pinned


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    copy = folder / "source"  # building in the checkout would leave a build folder that the next wheel picks up
    shutil.copytree(
        ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", "build", "out", "__pycache__")
    )
    command = [sys.executable, "-m", "pip", "wheel", *options, str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_installs_one_namespace(wheel: zipfile.ZipFile):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"colonnade"}


def test_the_wheel_carries_weights_and_samples_and_no_tests(wheel: zipfile.ZipFile):
    names = wheel.namelist()
    assert any("/weights/" in name and name.endswith("model.safetensors") for name in names)
    assert any(name.startswith("colonnade/samples/") for name in names)
    assert not [name for name in names if "/tests/" in name or "/benchmarks/" in name or "/.venv/" in name]
    assert sum(item.file_size for item in wheel.infolist()) < 60e6
