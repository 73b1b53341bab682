"""An answer as lines for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LONG = 12  # rows of a list shown before it is cut


def render(command: str, answer: Mapping[str, Any]) -> str:
    """The answer of a command, as text."""
    if command == "tasks":
        return _tasks(answer["tasks"])
    if command == "demo":
        return _demo(answer)
    if command == "governance":
        return _governance(answer)
    if command == "profile":
        return _profile(answer)
    if command == "quality":
        return _quality(answer)
    return "\n".join(_lines(answer))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns aligned left, two spaces apart."""
    cells = [list(header), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _tasks(tasks: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for task in tasks:
        minimum = " or ".join("+".join(subset) for subset in task["minimum"])
        rows.append((task["task"], " ".join(each["name"] for each in task["modalities"]), minimum, task["summary"]))
    return table(("task", "modalities", "needs at least", "what it does"), rows)


def _demo(answer: Mapping[str, Any]) -> str:
    rows = [(run["task"], run["status"], run["says"], f"{run['seconds']:.1f} s") for run in answer["runs"]]
    paths = "\n".join(f"  {run['report']}" for run in answer["runs"])
    return f"{table(('task', 'status', 'answer', 'time'), rows)}\n\nreports:\n{paths}"


def _governance(answer: Mapping[str, Any]) -> str:
    rows = [(each["status"], each["expects"], each["found"]) for each in answer["expectations"]]
    where = f"\n\nreport: {answer['report']}" if answer["report"] else "\n\n(--out FOLDER writes the report)"
    return f"{answer['summary']}\n\n{table(('', 'expected', 'found, or why not run'), rows)}{where}"


def _profile(answer: Mapping[str, Any]) -> str:
    rows = [
        (each["name"], f"{each['seconds']:.3f}", f"{each['share']:.0%}" if each["share"] else "", each["added_mib"],
         each["calls"], each["when"])
        for each in answer["stages"]
    ]  # fmt: skip
    head = (
        f"{answer['task']}: {answer['cold_seconds']:.1f} s from cold, {answer['warm_seconds']:.2f} s for each further "
        f"answer, {answer['peak_memory_mib']} MiB at the peak, {answer['threads']} threads"
    )
    advice = [
        f"- {each['says']} (at most {each['at_most']:g} times as fast"
        + (f", tried: {each['measured']:g})" if each["measured"] is not None else ")")
        for each in answer["advice"]
    ]
    stages = table(("stage", "seconds", "share", "MiB added", "calls", ""), rows)
    return "\n".join([head, "", stages, "", "what follows:", *(advice or ["- nothing stands out"])])


def _quality(answer: Mapping[str, Any]) -> str:
    head = (
        f"{answer['data']}: {answer['looked_at']} of {answer['rows']} rows looked at, by {answer['features']} numbers"
    )
    rows = [
        (
            each["stage"],
            each["rule"],
            each["count"],
            ", ".join(each["rows"][:3]) + (", ..." if each["count"] > 3 else ""),
        )
        for each in answer["findings"]
    ]
    parts = [head, "", *(f"- {line}" for line in answer["says"])]
    return "\n".join([*parts, "", table(("stage", "rule", "rows", "such as"), rows)] if rows else parts)


def _lines(value: Any, indent: int = 0) -> Iterable[str]:
    pad = "  " * indent
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, (Mapping, list)) and item:
                yield f"{pad}{key}:"
                yield from _lines(item, indent + 1)
            else:
                yield f"{pad}{key}: {_word(item)}"
    elif isinstance(value, list):
        for item in value[:LONG]:
            if isinstance(item, Mapping):
                yield f"{pad}- " + ", ".join(f"{key} {_word(each)}" for key, each in item.items())
            else:
                yield f"{pad}- {_word(item)}"
        if len(value) > LONG:
            yield f"{pad}… {len(value) - LONG} more (--json shows all)"


def _word(value: Any) -> str:
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{key} {_word(item)}" for key, item in value.items()) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(_word(item) for item in value) + "]"
    return str(value)
