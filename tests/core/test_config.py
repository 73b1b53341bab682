from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest

from colonnade.core.config import from_json, to_json
from colonnade.core.errors import ConfigError, UnknownName


@dataclass(frozen=True, kw_only=True)
class Round:
    kind: Literal["round"] = "round"
    radius: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Square:
    kind: Literal["square"] = "square"
    side: int = 2


@dataclass(frozen=True, kw_only=True)
class Box:
    shapes: Mapping[str, Round | Square] = field(default_factory=dict)
    name: str | None = None
    sizes: tuple[int, ...] = (1, 2)


def test_a_nested_config_comes_back_equal():
    box = Box(shapes={"a": Round(radius=3.5), "b": Square(side=4)}, name="n", sizes=(5, 6, 7))
    assert from_json(Box, to_json(box)) == box


def test_an_unknown_key_names_the_nearest_one():
    with pytest.raises(UnknownName, match="did you mean 'radius'"):
        from_json(Round, '{"kind": "round", "raduis": 2.0}')


@pytest.mark.parametrize(
    "text",
    ['{"side": "4"}', "[1]", "{", '{"kind": "oval"}'],
    ids=["wrong type", "not an object", "not JSON", "no such kind"],
)
def test_what_does_not_fit_is_a_config_error(text: str):
    with pytest.raises(ConfigError):
        from_json(Square, text)


def test_a_whole_number_is_welcome_where_a_float_is_meant():
    assert from_json(Round, '{"radius": 2}') == Round(radius=2.0)
