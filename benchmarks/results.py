"""RESULTS.md: one section a proof, replaced in place by the command that measured it."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

PATH = Path(__file__).parent / "RESULTS.md"
HEAD = "# Results\n\nEvery section was written by the command that it names; run it to measure again.\n"


def write(name: str, *, command: str, text: str, packages: Iterable[str] = ("torch",)) -> None:
    """Put a section into RESULTS.md, in the place of an earlier one of that name; others stay as they are."""
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    made = f"`{command}` · Python {platform.python_version()}, {versions} · {_processor()}"
    section = f"## {name}\n\n{made}\n\n{text.strip()}\n"
    whole = PATH.read_text(encoding="utf-8") if PATH.exists() else HEAD
    head, *sections = re.split(r"^(?=## )", whole, flags=re.MULTILINE)
    kept = {part.splitlines()[0][3:]: part.strip() + "\n" for part in sections} | {name: section}
    PATH.write_text("\n".join([head.strip() + "\n", *(kept[key] for key in sorted(kept))]), encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is right-aligned."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean and range over seeds: `.935 [.930, .941]`."""
    mean = sum(values) / len(values)
    return f"{mean:.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def _processor() -> str:
    import os

    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return f"{platform.machine()}, {os.cpu_count()} cores"
