from __future__ import annotations

import pytest

from colonnade.core.errors import ColonnadeError, InputError, UnknownName
from colonnade.core.optional import require


def test_an_unknown_name_is_answered_with_the_nearest_known_one():
    sentence = str(UnknownName("task", "medical/nodule", ["medical/nodules", "finance/fraud"]))
    assert "did you mean 'medical/nodules'?" in sentence
    assert "finance/fraud" in sentence


def test_an_unknown_name_far_from_all_gets_the_list_alone():
    assert "did you mean" not in str(UnknownName("task", "zzz", ["medical/nodules"]))


def test_input_errors_are_value_errors_too():
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, ColonnadeError)


def test_a_missing_extra_says_what_to_install():
    with pytest.raises(ImportError, match=r"flying needs no_such_library: pip install 'colonnade\[air\]'"):
        require("no_such_library", "air", "flying")
