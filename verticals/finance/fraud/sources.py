"""Payments from files: CSV (also gzip), Parquet, JSON lines, or a folder of them, with a map of columns where needed.

Columns are found by the names that data sets use for them, or by `columns.json` beside the data:
`{"card": "PAN_HASH", "terminal": "STORE"}`. The Fraud Detection Handbook's monthly files are read as published. A file
may be out of order, and is sorted with a warning; a stream may not. It knows nothing of models.
"""

from __future__ import annotations

import json
import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ....core.errors import FileError, FormatError, UnknownName
from ....core.types import Array
from ..tables.columns import columns_of, titles_of
from .accounts import read_accounts
from .moments import seconds_from
from .records import DAY, CardEvents, Labels

NAMES = {
    "id": ("id", "event_id", "transaction_id", "tx_id", "trans_id", "transactionid", "trans_num", "payment_id"),
    "time": ("time", "tx_datetime", "datetime", "timestamp", "date", "trans_date_trans_time", "event_time"),
    "card": ("card", "card_id", "customer_id", "cc_num", "card_number", "account_id", "client_id", "user_id"),
    "terminal": ("terminal", "terminal_id", "merchant", "merchant_id", "store", "store_id", "merchant_name"),
    "amount": ("amount", "tx_amount", "amt", "transaction_amount", "value"),
    "text": ("text", "descriptor", "merchant_text", "description", "narrative"),
    "device": ("device", "device_id", "fingerprint", "device_fingerprint"),
    "currency": ("currency", "ccy", "tx_currency", "currency_code"),
    "fraud": ("fraud", "tx_fraud", "is_fraud", "isfraud", "label"),
    "known_at": ("known_at", "label_known_at", "reported_at", "label_time"),
    "scenario": ("scenario", "tx_fraud_scenario"),
}  # fmt: skip
NEEDED = ("time", "card", "terminal", "amount")
SUFFIXES = (".csv", ".csv.gz", ".parquet", ".pq", ".jsonl", ".ndjson")
MAP = "columns.json"
ACCOUNTS = ("accounts.csv", "accounts.csv.gz", "accounts.parquet")  # in a folder of payments: the table of accounts
DELAY = 7.0  # days until a label is known, where the source does not say
CURRENCIES = (
    "AED ARS AUD BDT BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP GHS HKD HUF IDR ILS INR ISK JOD JPY KES KRW "
    "KWD KZT LKR MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD TZS UAH UGX "
    "USD UYU VND XAF XOF ZAR"
)
YES, NO, UNSAID = ("1", "true", "yes", "y", "t", "1.0", "fraud"), ("0", "false", "no", "n", "f", "0.0", "legit"), (
    "", "nan", "none", "null", "<na>"
)  # fmt: skip


class Payments(NamedTuple):
    """Payments, and what is known of them; None where the source says nothing of fraud."""

    events: CardEvents
    labels: Labels | None


class Told(NamedTuple):
    """What was found of payments, by their id; `known_at` is NaN where it is not said since when."""

    id: Array
    fraud: Array
    known_at: Array


def read_told(path: Path) -> Told:
    """Labels that come after their payments: a file with id and fraud, and since when that is known.

    Raises:
        FileError: nothing can be read.
        FormatError: a column is missing, or holds what no label can be.
    """
    cells = _nouns(path, {}, ("id", "fraud"))
    codes = np.array([_said(path.name, word) for word in cells["fraud"]])
    rows = np.flatnonzero(codes >= 0)
    given = np.array(cells.get("known_at", [""] * len(codes)))
    there = np.flatnonzero((codes >= 0) & ~np.isin(np.char.lower(given), UNSAID))
    known_at = np.full(len(codes), np.nan)
    if len(there):
        known_at[there] = seconds_from(path.name, given[there].tolist())
    return Told(np.array(cells["id"])[rows], codes[rows] == 1, known_at[rows])


def read_payments(path: Path, *, columns: Mapping[str, str] | None = None, delay: float = DELAY) -> Payments:
    """Every payment of a file or folder, by time; with the table of accounts where the folder has one.

    `columns` names the title of each column, `delay` is in days.

    Raises:
        FileError: nothing can be read.
        FormatError: columns, times, amounts or labels that no payment can have.
        UnknownName: a map of columns that does not fit, a currency that does not exist.
    """
    files = _files(path)
    columns = _map_beside(path) if columns is None else columns
    parts = [_columns(file, columns) for file in files]
    first = parts[0]
    for file, part in zip(files, parts, strict=True):
        if part.keys() != first.keys():
            missing = ", ".join(sorted(part.keys() ^ first.keys()))
            raise FormatError(f"{file.name} and {files[0].name} do not both have the column {missing}")
    whole = {noun: [cell for part in parts for cell in part[noun]] for noun in first}
    events, labels = _payments(path.name, whole, delay)
    beside = next((path / name for name in ACCOUNTS if path.is_dir() and (path / name).is_file()), None)
    if beside is not None:
        accounts = read_accounts(beside)
        events = replace(events, account=accounts.rows, warnings=(*events.warnings, *accounts.warnings))
    return Payments(events, labels)


def read_events(value: Any) -> CardEvents:
    """The payments of a path, or `CardEvents` as they are."""
    if isinstance(value, CardEvents):
        return value
    if isinstance(value, (str, Path)):
        return read_payments(Path(value)).events
    raise FormatError(f"events are a path or CardEvents, got {type(value).__name__}")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        found = sorted(
            item for item in path.iterdir()
            if item.name.lower().endswith(SUFFIXES) and item.name not in ACCOUNTS and item.is_file()
        )  # fmt: skip
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    if not found:
        raise FileError(f"the folder {path} holds no payments: files end in {', '.join(SUFFIXES)}")
    return found


def _map_beside(path: Path) -> Mapping[str, str]:
    beside = (path if path.is_dir() else path.parent) / MAP
    if not beside.is_file():
        return {}
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FormatError(f"{beside} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(title, str) for title in found.values()):
        raise FormatError(f'{beside} is one object of titles by name: {{"card": "PAN_HASH"}}')
    return found


def _columns(file: Path, columns: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """The cells of each noun that a file of payments has."""
    return _nouns(file, columns, NEEDED)


def _nouns(file: Path, columns: Mapping[str, str], needed: Sequence[str]) -> dict[str, Sequence[str]]:
    """The cells of each noun that the file has."""
    lines = file.suffix.lower() in (".jsonl", ".ndjson")
    cells = _json_lines(file) if lines else columns_of(file, numbers=False)
    titles = titles_of(file.name, tuple(cells))
    found = {}
    for noun in columns:
        if noun not in NAMES:
            raise UnknownName("column of payments", noun, NAMES)
        title = columns[noun].strip().lower()
        if title not in titles:
            raise UnknownName(f"column in {file.name} for {noun}", columns[noun], titles.values())
    for noun, names in NAMES.items():
        known = (columns[noun].strip().lower(),) if noun in columns else names
        known_title = next((titles[name] for name in known if name in titles), None)
        if known_title is not None:
            found[noun] = cells[known_title]
    missing = [noun for noun in needed if noun not in found]
    if missing:
        said = f"{file.name} has no column {', '.join(missing)}: it has {', '.join(cells) or 'none'}"
        raise FormatError(f'{said}. Name it in {MAP} beside the data: {{"{missing[0]}": "..."}}')
    return found


def _json_lines(file: Path) -> dict[str, list[str]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"cannot read {file} as UTF-8 text: {error}") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise FormatError(f"{file.name}: line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise FormatError(f"{file.name}: line {number} is no object of names and values")
        rows.append(row)
    if not rows:
        raise FormatError(f"{file.name} holds no payment")
    titles = list(dict.fromkeys(title for row in rows for title in row))
    return {title: ["" if row.get(title) is None else str(row[title]) for row in rows] for title in titles}


def _payments(name: str, cells: Mapping[str, Sequence[str]], delay: float) -> Payments:
    time = seconds_from(name, cells["time"])
    latest = float(time.max())
    if latest > clock.time() + DAY:
        day = np.datetime64(int(latest), "s")
        raise FormatError(f"{name}: payments lie in the future, the last at {day}: is the year or the unit wrong?")
    if "currency" in cells:
        _one_currency(name, cells["currency"])
    order, warnings = np.arange(len(time)), tuple[str, ...]()
    back = int((np.diff(time) < 0).sum())
    if back:
        order = np.argsort(time, kind="stable")
        warnings = (f"{back} of {len(time)} payments were earlier than the one before them: sorted by time",)
    columns = {noun: np.array(cells[noun])[order] for noun in ("card", "terminal", "text", "device") if noun in cells}
    ids = np.array(cells["id"])[order] if "id" in cells else _numbered(name, len(time))
    amount = _amounts(name, cells["amount"])[order]
    events = CardEvents(id=ids, time=time[order], amount=amount, name=name, warnings=warnings, **columns)  # type: ignore[arg-type]
    if "fraud" not in cells:
        return Payments(events, None)
    return Payments(events, _labels(name, cells, events.time, order, delay))


def _numbered(name: str, count: int) -> Array:
    """Ids for payments that have none: the file's name and the row, so that two files do not share any."""
    return np.char.add(f"{name}:", np.arange(1, count + 1).astype(str))


def _amounts(name: str, cells: Sequence[str]) -> Array:
    try:
        return np.array(cells, np.float64)
    except ValueError:
        pass
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        text = cell.strip().lstrip("$€£ ").replace(",", "")
        try:
            values[row] = float(text) if text else np.nan
        except ValueError as error:
            raise FormatError(f"{name}: row {row + 2}: the amount {cell!r} is no number") from error
    return values


def _one_currency(name: str, cells: Sequence[str]) -> None:
    found = {cell.strip().upper() for cell in set(cells)}
    for code in sorted(found):
        if code not in CURRENCIES.split():
            raise UnknownName("currency", code, CURRENCIES.split())
    if len(found) > 1:
        raise FormatError(f"{name} holds {len(found)} currencies ({', '.join(sorted(found))}): convert them to one")


def _labels(name: str, cells: Mapping[str, Sequence[str]], time: Array, order: Any, delay: float) -> Labels:
    said = {word: _said(name, word) for word in set(cells["fraud"])}  # few words, many rows
    codes = np.fromiter(map(said.__getitem__, cells["fraud"]), np.int8, len(time))[order]
    known_at = np.where(codes >= 0, time + delay * DAY, np.inf)
    if "known_at" in cells:
        given = np.array(cells["known_at"])[order]
        there = (codes >= 0) & ~np.isin(np.char.lower(given), UNSAID)
        known_at = np.full(len(time), np.inf)
        known_at[there] = seconds_from(name, given[there].tolist()) if there.any() else []
    early = np.flatnonzero(known_at < time)
    if len(early):
        raise FormatError(f"{name}: {len(early)} labels are known before their payment, first in row {early[0] + 1}")
    scenario = None
    if "scenario" in cells:
        numbers = {cell: _whole(name, cell) for cell in set(cells["scenario"])}
        scenario = np.fromiter(map(numbers.__getitem__, cells["scenario"]), np.int64, len(time))[order]
    return Labels(fraud=codes == 1, known_at=known_at, scenario=scenario)


def _said(name: str, word: str) -> int:
    """1 for fraud, 0 for none, -1 where nothing is said."""
    plain = word.strip().lower()
    if plain in UNSAID:
        return -1
    if plain not in (*YES, *NO):
        raise FormatError(f"{name}: {word!r} in the column fraud is neither yes nor no")
    return int(plain in YES)


def _whole(name: str, cell: str) -> int:
    try:
        return int(float(cell or 0))
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{name}: {cell!r} in the column scenario is no number") from error
