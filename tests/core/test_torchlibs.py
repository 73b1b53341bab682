"""The mend of torchvision and torchaudio cures where compiled parts are absent, and does nothing where they load."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HEAD = "import sys, torch\nfrom colonnade.core import torchlibs\nfrom colonnade.core.torchlibs import *\n"


def run(body: str, *, packages: Path | None = None) -> str:
    """A fresh interpreter, with the stand-in packages of a folder before the installed ones."""
    first = f"import sys; sys.path.insert(0, {str(packages)!r})\n" if packages else ""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", first + HEAD + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def package(tmp_path):
    def write(name: str, source: str) -> Path:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return tmp_path

    return write


def test_the_installed_libraries_work_through_the_mend():
    run("""
        vision, audio = import_torchvision(), import_torchaudio()
        timm = import_timm()
        from torchvision.transforms import functional
        assert functional.resize(torch.rand(3, 8, 8), [4, 4]).shape == (3, 4, 4)
        assert audio.functional.resample(torch.rand(800), 8000, 4000).shape == (400,)
        assert audio.transforms.MelSpectrogram()(torch.rand(800)).shape[0] == 128
        assert "swin_tiny_patch4_window7_224" in timm.list_models()
        assert import_torchvision() is vision and import_torchaudio() is audio
    """)


def test_where_compiled_parts_load_nothing_is_touched(package):
    package("torchvision", "HERE = 'vision'")
    packages = package("torchaudio", "from . import _extension\nHERE = 'audio'")
    (packages / "torchaudio" / "_extension.py").write_text("COMPILED = True", encoding="utf-8")
    run(
        """
        defined = []
        torch.library.define = lambda *arguments: defined.append(arguments)
        assert import_torchvision().HERE == "vision" and import_torchaudio().HERE == "audio"
        assert sys.modules["torchaudio._extension"].COMPILED
        assert not defined and not hasattr(torch.ops.torchvision, "qnms")
        """,
        packages=packages,
    )


def test_where_compiled_parts_are_absent_both_imports_are_mended(package):
    package(
        "torchvision",
        """
        import torch
        if not hasattr(torch.ops.torchvision, "nms"):
            raise RuntimeError("operator torchvision::nms does not exist")
        """,
    )
    packages = package("torchaudio", "from . import _extension\nHERE = not _extension._IS_TORCHAUDIO_EXT_AVAILABLE")
    (packages / "torchaudio" / "_extension.py").write_text("raise OSError('libcudart.so: not found')", encoding="utf-8")
    run(
        """
        assert import_torchvision() is sys.modules["torchvision"] and hasattr(torch.ops.torchvision, "qnms")
        assert import_torchaudio().HERE
        """,
        packages=packages,
    )


def test_another_fault_of_an_import_is_not_hidden(package):
    packages = package("torchvision", "raise RuntimeError('the disk is on fire')")
    run(
        """
        try:
            import_torchvision()
        except RuntimeError as error:
            assert "on fire" in str(error)
        else:
            raise AssertionError
        """,
        packages=packages,
    )
