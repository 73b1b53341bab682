"""Colonnade: one multimodal core, vertical pipelines on it. This file holds the names that most programs need."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.checkpoint import Checkpoint as Checkpoint
    from .core.encoders.base import Encoder as Encoder
    from .core.errors import ColonnadeError as ColonnadeError
    from .core.model import Model as Model
    from .core.pipeline import Pipeline as Pipeline
    from .core.result import Result as Result
    from .core.types import Batch as Batch
    from .core.types import Tokens as Tokens
    from .core.version import __version__ as __version__
    from .core.vertical import Modality as Modality
    from .core.vertical import Task as Task
    from .core.vertical import Vertical as Vertical
    from .core.vertical import find as find
    from .core.vertical import tasks as tasks

_HOME = {
    "Batch": ".core.types",
    "Checkpoint": ".core.checkpoint",
    "ColonnadeError": ".core.errors",
    "Encoder": ".core.encoders.base",
    "Modality": ".core.vertical",
    "Model": ".core.model",
    "Pipeline": ".core.pipeline",
    "Result": ".core.result",
    "Task": ".core.vertical",
    "Tokens": ".core.types",
    "Vertical": ".core.vertical",
    "__version__": ".core.version",
    "find": ".core.vertical",
    "tasks": ".core.vertical",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"colonnade has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
