"""Every encoder of the core by the `kind` of its configuration, imported only when it is asked for.

An encoder of a vertical's own needs no line here: hand the built encoder to `Model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config import from_plain
from .encoders.base import Encoder
from .errors import UnknownName

KINDS = ("audio", "events", "graph", "image", "points", "series", "table", "text", "volume")


def configured(plain: Mapping[str, Any]) -> Any:
    """The encoder configuration that was written as JSON.

    Raises:
        UnknownName: no encoder is of that kind, or it has no such key.
    """
    return from_plain(_types(str(plain.get("kind")))[0], plain)


def build_encoder(config: Any) -> Encoder:
    """The encoder of a configuration, its weights drawn from torch's generator."""
    encoder: Encoder = _types(config.kind)[1](config)
    return encoder


def _types(kind: str) -> tuple[type, Any]:
    match kind:
        case "audio":
            from .encoders.audio import AudioConfig, AudioEncoder

            return AudioConfig, AudioEncoder
        case "events":
            from .encoders.events import EventsConfig, EventsEncoder

            return EventsConfig, EventsEncoder
        case "graph":
            from .encoders.graph import GraphConfig, GraphEncoder

            return GraphConfig, GraphEncoder
        case "image":
            from .encoders.image import ImageConfig, ImageEncoder

            return ImageConfig, ImageEncoder
        case "points":
            from .encoders.points import PointsConfig, PointsEncoder

            return PointsConfig, PointsEncoder
        case "series":
            from .encoders.series import SeriesConfig, SeriesEncoder

            return SeriesConfig, SeriesEncoder
        case "table":
            from .encoders.table import TableConfig, TableEncoder

            return TableConfig, TableEncoder
        case "text":
            from .encoders.text import TextConfig, TextEncoder

            return TextConfig, TextEncoder
        case "volume":
            from .encoders.volume import VolumeConfig, VolumeEncoder

            return VolumeConfig, VolumeEncoder
    raise UnknownName("kind of encoder", kind, KINDS)
