"""Frozen dataclasses to JSON and back, strict about what it reads: an unknown key is an error naming the nearest."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import ConfigError, UnknownName

T = TypeVar("T")


def to_json(config: Any) -> str:
    """The dataclass as indented JSON. Keys keep their order: that of a model's encoders is that of its modalities."""
    return json.dumps(to_plain(config), indent=2) + "\n"


def from_json(cls: type[T], text: str) -> T:
    """The dataclass that `to_json` wrote.

    Raises:
        ConfigError: the text is not JSON, a key is missing or a value has the wrong type.
        UnknownName: a key that the dataclass does not have.
    """
    try:
        plain = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"the configuration is not JSON: {error}") from error
    return typing.cast(T, from_plain(cls, plain))


def to_plain(value: Any) -> Any:
    """Dataclasses, tuples and mappings become dictionaries, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: Any, plain: Any) -> Any:
    """Rebuild a value of type `kind`; a union of dataclasses is told apart by their field `kind`."""
    origin = get_origin(kind)
    if kind is Any:
        return plain
    if dataclasses.is_dataclass(kind):
        return _dataclass_from(typing.cast(type, kind), plain)
    if origin in (Union, types.UnionType):
        return _member_from(get_args(kind), plain)
    if origin is Literal:
        if plain not in get_args(kind):
            raise ConfigError(f"{plain!r} is not one of {', '.join(map(repr, get_args(kind)))}")
        return plain
    if origin is tuple:
        item, *rest = get_args(kind)
        if rest in ([], [...]):
            return tuple(from_plain(item, each) for each in plain)
        return tuple(from_plain(part, each) for part, each in zip(get_args(kind), plain, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {key: from_plain(get_args(kind)[1], item) for key, item in plain.items()}
    if kind is float and isinstance(plain, int) and not isinstance(plain, bool):
        return float(plain)
    if isinstance(kind, type) and not isinstance(plain, kind):
        raise ConfigError(f"expected {kind.__name__}, got {plain!r}")
    return plain


def _dataclass_from(kind: type, plain: Any) -> Any:
    if not isinstance(plain, Mapping):
        raise ConfigError(f"{kind.__name__} is written as an object, got {plain!r}")
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    for key in plain:
        if key not in names:
            raise UnknownName(f"key of {kind.__name__}", key, names)
    try:
        return kind(**{key: from_plain(hints[key], item) for key, item in plain.items()})
    except TypeError as error:
        raise ConfigError(f"{kind.__name__}: {error}") from error


def _member_from(members: tuple[Any, ...], plain: Any) -> Any:
    if plain is None and type(None) in members:
        return None
    members = tuple(member for member in members if member is not type(None))
    if len(members) == 1:
        return from_plain(members[0], plain)
    if isinstance(plain, Mapping) and "kind" in plain:
        for member in members:
            if plain["kind"] in get_args(get_type_hints(member).get("kind")):
                return from_plain(member, plain)
        raise ConfigError(f"no component is of kind {plain['kind']!r}")
    for member in members:
        if isinstance(member, type) and isinstance(plain, member):
            return plain
    raise ConfigError(f"{plain!r} fits none of {', '.join(str(member) for member in members)}")
