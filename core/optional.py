"""One sentence for every optional library that is missing."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from .errors import MissingExtra


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra of Colonnade brings it.

    Raises:
        MissingExtra: the module, or a module it needs, is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{purpose} needs {error.name}: pip install 'colonnade[{extra}]'") from error
