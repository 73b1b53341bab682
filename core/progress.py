"""Progress on standard error: a bar on a terminal, a plain line now and then elsewhere, silence when asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_quiet = False


def quiet(on: bool = True) -> None:
    """Say nothing from here on (or speak again)."""
    global _quiet
    _quiet = on


def say(line: str) -> None:
    """One line on standard error."""
    if not _quiet:
        print(line, file=sys.stderr, flush=True)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """The items, with a bar on a terminal or a line every ten seconds where there is none."""
    if _quiet:
        yield from items
    elif sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, desc=label, total=total, leave=False, file=sys.stderr)
    else:
        last = time.monotonic()
        for number, item in enumerate(items, start=1):
            yield item
            if time.monotonic() - last > 10:
                last = time.monotonic()
                say(f"{label}: {number}{f' of {total}' if total else ''}")
