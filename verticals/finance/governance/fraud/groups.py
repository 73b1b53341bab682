"""Columns that are no feature: groups of people, read beside the payments to compare errors by, and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .....core.errors import UnknownName
from .....core.types import Array
from ...fraud.moments import seconds_from
from ...fraud.sources import NAMES, Payments
from ...fraud.sources import _files as files_in
from ...fraud.sources import _json_lines as json_lines
from ...fraud.sources import _map_beside as map_beside
from ...tables.columns import columns_of, titles_of


def columns_beside(data: Path | None, payments: Payments, names: tuple[str, ...]) -> dict[str, Array]:
    """Columns of the data by which errors are compared, in the order of the payments.

    Without data: income and age of the account, which the simulator draws.
    """
    if data is None:
        return _simulated(payments, names)
    if not names:
        return {}
    parts = [_cells(file) for file in files_in(data)]
    found = {}
    for name in names:
        cells = []
        for file, part in zip(files_in(data), parts, strict=True):
            titles = titles_of(file.name, tuple(part))
            if name.lower() not in titles:
                raise UnknownName(f"column in {file.name} for groups", name, titles)
            cells += list(part[titles[name.lower()]])
        found[name] = np.array(cells)
    order = np.argsort(_times(data, parts), kind="stable")
    return {name: values[order] for name, values in found.items()}


def _cells(file: Path) -> Mapping[str, Sequence[str]]:
    """Every column of a file, as the reader of payments takes it."""
    return json_lines(file) if file.suffix.lower() in (".jsonl", ".ndjson") else columns_of(file, numbers=False)


def _times(data: Path, parts: Sequence[Mapping[str, Sequence[str]]]) -> Array:
    """When each row was paid, as the reader of payments finds it."""
    named = map_beside(data).get("time", "").strip().lower()
    times = []
    for part in parts:
        titles = titles_of(data.name, tuple(part))
        title = next(titles[name] for name in ((named,) if named else NAMES["time"]) if name in titles)
        times.append(seconds_from(data.name, list(part[title])))
    return np.concatenate(times)


def _simulated(payments: Payments, names: tuple[str, ...]) -> dict[str, Array]:
    account = payments.events.account or {}
    known: dict[str, Array] = {}
    for name in ("income", "account_days"):
        cells = np.array([str(account[card][name]) for card in payments.events.card.tolist()])
        if name == "account_days":
            cells = np.where(cells.astype(float) < 365, "account below a year", "account of a year and more")
        known[{"account_days": "account_age"}.get(name, name)] = cells
    for name in names:
        if name not in known:
            raise UnknownName("column of groups in the simulated stream", name, known)
    return {name: known[name] for name in names} if names else known
