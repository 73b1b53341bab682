"""What a line is told, as words from a command line, checked once. It opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ....core.errors import InputError, UnknownName
from ..monitoring.alarm import Rule
from .senses import LOST_AFTER
from .waiting import Policy

DEFAULTS: Mapping[str, str] = {
    "wait": "5", "queue": "64", "when-full": "block", "lost-after": str(LOST_AFTER), "alarm": "3/20", "keep": "rejects",
}  # fmt: skip
POLICIES: tuple[Policy, ...] = ("block", "refuse")
KEEPS = ("rejects", "all", "none")
STREAMS = ("tcp", "http")


@dataclass(frozen=True, kw_only=True)
class LineSettings:
    """Where units come from (exactly one of watch, replay, stream), and how the line runs."""

    out: Path
    watch: Path | None = None
    replay: Path | None = None
    stream: SplitResult | None = None  # an empty scheme is standard input
    nominal: Path | None = None
    senses: tuple[str, ...] | None = None
    wait: float = 5.0
    deadline: float | None = None
    queue: int = 64
    when_full: Policy = "block"
    lost_after: int = LOST_AFTER
    alarm: Rule = field(default_factory=Rule)
    false_rejects: str | None = None
    fmea: Path | None = None
    mqtt: SplitResult | None = None
    opcua: SplitResult | None = None
    keep: str = "rejects"
    move: bool = False
    limit: int | None = None


def read_settings(words: Mapping[str, Any], out: Path, senses: tuple[str, ...]) -> LineSettings:
    """Settings from words; `senses` are those that can be named.

    Raises:
        InputError: no source or several, a number out of range, a scheme that is not spoken.
    """
    said = {**DEFAULTS, **{name: value for name, value in words.items() if value not in (None, False)}}
    given = [name for name in ("watch", "replay", "stream") if name in said]
    if len(given) != 1:
        raise InputError(
            f"a line takes units from one place: name one of --watch, --replay and --stream, got {len(given) or 'none'}"
        )
    wanted = tuple(each.strip() for each in said["senses"].split(",")) if "senses" in said else None
    for each in wanted or ():
        if each not in senses:
            raise UnknownName("sense", each, senses)
    return LineSettings(
        out=out,
        watch=Path(said["watch"]) if "watch" in said else None,
        replay=Path(said["replay"]) if "replay" in said else None,
        stream=_stream(said["stream"]) if "stream" in said else None,
        nominal=Path(said["nominal"]) if "nominal" in said else None,
        senses=wanted,
        wait=_number("wait", said["wait"], least=0.0),
        deadline=_number("deadline", said["deadline"], least=0.0) if "deadline" in said else None,
        queue=int(_number("queue", said["queue"], least=1, whole=True)),
        when_full=_one_of("when-full", said["when-full"], POLICIES),
        lost_after=int(_number("lost-after", said["lost-after"], least=1, whole=True)),
        alarm=_rule(said["alarm"]),
        false_rejects=said.get("false-rejects"),
        fmea=Path(said["fmea"]) if "fmea" in said else None,
        mqtt=_url("mqtt", said["mqtt"], ("mqtt", "mqtts")) if "mqtt" in said else None,
        opcua=_url("opcua", said["opcua"], ("opc.tcp",)) if "opcua" in said else None,
        keep=_one_of("keep", said["keep"], KEEPS),
        move=bool(said.get("move")),
        limit=int(_number("limit", said["limit"], least=1, whole=True)) if "limit" in said else None,
    )


def _number(name: str, said: str, *, least: float, whole: bool = False) -> float:
    try:
        value = float(int(said)) if whole else float(said)
    except ValueError as error:
        raise InputError(f"--{name} takes a {'whole ' if whole else ''}number, got {said!r}") from error
    if not least <= value < float("inf"):
        raise InputError(f"--{name} is {least:g} or more, got {said}")
    return value


def _one_of(name: str, said: str, known: tuple[Any, ...]) -> Any:
    if said not in known:
        raise UnknownName(f"word for --{name}", said, known)
    return said


def _rule(said: str) -> Rule:
    m, slash, n = said.partition("/")
    if not (slash and m.strip().isdigit() and n.strip().isdigit()):
        raise InputError(f"--alarm takes m/n, such as 3/20 for three of the last twenty, got {said!r}")
    return Rule(m=int(m), n=int(n))


def _stream(said: str) -> SplitResult:
    return urlsplit("") if said == "-" else _url("stream", said, STREAMS)


def _url(name: str, said: str, schemes: tuple[str, ...]) -> SplitResult:
    found = urlsplit(said)
    if found.scheme not in schemes:
        raise InputError(f"--{name} takes {' or '.join(f'{each}://HOST:PORT' for each in schemes)}, got {said!r}")
    try:
        port = found.port
    except ValueError as error:
        raise InputError(f"--{name}: the port in {said!r} is no number up to 65535") from error
    if not found.hostname or (port is None and scheme_needs_port(found.scheme)):
        raise InputError(f"--{name} needs a host and a port, got {said!r}")
    return found


def scheme_needs_port(scheme: str) -> bool:
    """MQTT and OPC UA have ports of their own; a socket of ours has none."""
    return scheme in STREAMS
