from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import colonnade


@pytest.mark.parametrize("name", colonnade.__all__)
def test_every_public_name_is_where_the_face_says(name):
    assert getattr(colonnade, name) is getattr(import_module(colonnade._HOME[name], "colonnade"), name)


def test_the_face_is_short():
    assert len(colonnade.__all__) <= 15


def test_a_name_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(AttributeError, match="colonnade has no 'Modle'; it has Batch"):
        _ = colonnade.Modle


def test_importing_the_face_loads_nothing_heavy():
    code = "import sys, colonnade\nsys.exit(len({'torch', 'numpy', 'networkx'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
