"""Parties, accounts and links from one JSON file, or from a folder with parties.csv, accounts.csv and links.csv.

Links that cannot all be true are refused: shares of one body above 100 per cent, and bodies that own all of each other.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError, InputError
from ....knowledge.temporal import Span
from ..tables.columns import columns_of
from .records import LINKS, PARTIES, THINGS, Account, Entities, Link, Party
from .rows import Row, moment, number, only, word, words

TABLES = ("parties", "accounts", "links")
PARTY = ("id", "kind", "name", "aliases", "birth", "country", "occupation", "income", "known_at")
ACCOUNT = ("id", "kind", "country", "currency", "opened", "known_at")
LINK = ("source", "kind", "target", "share", "valid_from", "valid_to", "known_at")
ROUNDING = 0.5  # per cent that shares of one body may sum to above a hundred
_DAY = re.compile(r"\d{4}(-\d{2}-\d{2})?")


class OwnershipError(InputError):
    """Shares that cannot all be true."""


def read_entities(value: Any) -> Entities:
    """Entities of a file or folder, or those given.

    Raises:
        FileError, FormatError, UnknownName: not such tables, or a row that does not fit.
        OwnershipError: shares that cannot all be true.
    """
    if isinstance(value, Entities):
        return value
    if not isinstance(value, (str, Path)):
        raise FormatError(f"entities is a JSON file or a folder of tables, got {type(value).__name__}")
    path = Path(value)
    return entities_of(path.name, _folder(path) if path.is_dir() else _json(path))


def entities_of(name: str, tables: Mapping[str, Sequence[Row]]) -> Entities:
    """Entities of rows.

    Raises:
        FormatError, UnknownName, OwnershipError: as `read_entities`.
    """
    parties = tuple(_party(row, f"{name}, party {place}") for place, row in enumerate(tables["parties"], start=1))
    accounts = tuple(_account(row, f"{name}, account {place}") for place, row in enumerate(tables["accounts"], start=1))
    links = tuple(_link(row, f"{name}, link {place}") for place, row in enumerate(tables["links"], start=1))
    entities = Entities(parties=parties, accounts=accounts, links=links)
    for what, known, given in (
        ("party", entities.party_index, parties), ("account", entities.account_index, accounts),
    ):  # fmt: skip
        if len(known) < len(given):
            ids = [each.id for each in given]
            twice = next(each for each in ids if ids.count(each) > 1)
            raise FormatError(f"{name}: the {what} {twice!r} is there twice: a {what} is told once")
    _joined(name, entities)
    _owned(name, links)
    return entities


def _party(row: Row, where: str) -> Party:
    only(row, PARTY, where)
    birth = word(row, "birth", where)
    if birth and not _DAY.fullmatch(birth):
        raise FormatError(f"{where}: birth {birth!r} is no date: write YYYY-MM-DD, or YYYY")
    income = number(row, "income", where)
    if income < 0:
        raise FormatError(f"{where}: income {income:g} is negative: leave it out where it is not known")
    return Party(
        id=word(row, "id", where, needed=True),
        kind=word(row, "kind", where, needed=True, among=PARTIES),
        name=word(row, "name", where, needed=True),
        aliases=words(row, "aliases", where),
        birth=birth,
        country=_country(row, where),
        occupation=word(row, "occupation", where),
        income=income,
        known_at=int(moment(row, "known_at", where, default=0)),
    )


def _account(row: Row, where: str) -> Account:
    only(row, ACCOUNT, where)
    opened = int(moment(row, "opened", where, default=0))
    return Account(
        id=word(row, "id", where, needed=True),
        kind=word(row, "kind", where) or "current",
        country=_country(row, where),
        currency=word(row, "currency", where) or "USD",
        opened=opened,
        known_at=int(moment(row, "known_at", where, default=opened)),
    )


def _link(row: Row, where: str) -> Link:
    only(row, LINK, where)
    kind, share = word(row, "kind", where, needed=True, among=LINKS), number(row, "share", where)
    if (kind == "owns" and not 0 < share <= 100) or (kind != "owns" and not math.isnan(share)):
        raise FormatError(
            f"{where}: share {row.get('share')!r} of a link {kind!r}: owns has one in (0, 100], others none"
        )
    starts = moment(row, "valid_from", where, default=-math.inf)
    known = moment(row, "known_at", where, default=starts if math.isfinite(starts) else 0.0)
    return Link(
        source=word(row, "source", where, needed=True),
        kind=kind,
        target=word(row, "target", where, needed=True),
        share=share,
        span=Span(valid_from=starts, valid_to=moment(row, "valid_to", where, default=math.inf), known_at=known),
    )


def _country(row: Row, where: str) -> str:
    code = word(row, "country", where)
    if code and not re.fullmatch(r"[A-Z]{2}", code):
        raise FormatError(f"{where}: country {code!r} is no ISO code of two capital letters")
    return code


def _joined(name: str, entities: Entities) -> None:
    """Every link begins at a party, and ends at an account, a party or a thing."""
    for place, link in enumerate(entities.links, start=1):
        ends = entities.account_index if link.kind == "holds" else entities.party_index
        if link.source not in entities.party_index:
            raise FormatError(f"{name}, link {place}: {link.source!r} is no party")
        if link.kind not in THINGS and link.target not in ends:
            what = "account" if link.kind == "holds" else "party"
            raise FormatError(f"{name}, link {place}: {link.target!r} is no {what}")
        if link.source == link.target:
            raise OwnershipError(f"{name}, link {place}: {link.source!r} {link.kind} itself")


def _owned(name: str, links: Sequence[Link]) -> None:
    """At no time more than all of a body is owned, and no bodies own all of each other in a circle."""
    into: dict[str, list[Link]] = {}
    for link in links:
        if link.kind == "owns":
            into.setdefault(link.target, []).append(link)
    for target, owning in into.items():
        for day in {each.span.valid_from for each in owning}:
            total = sum(each.share for each in owning if each.span.valid_from <= day < each.span.valid_to)
            if total > 100 + ROUNDING:
                raise OwnershipError(
                    f"{name}: {total:g} % of {target!r} is owned at one time: shares sum to 100 at most"
                )
    whole = {link.target: link.source for owning in into.values() for link in owning if link.share >= 100}
    for start in whole:
        path = [start]
        while path[-1] in whole and whole[path[-1]] not in path:
            path.append(whole[path[-1]])
        if whole.get(path[-1]) == start:
            raise OwnershipError(f"{name}: {' is owned by '.join([*path, start])}, each wholly: a circle nobody owns")


def _json(path: Path) -> Mapping[str, Sequence[Row]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} is no JSON text: {error}") from error
    if not isinstance(value, dict) or set(value) != set(TABLES):
        got = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise FormatError(f"{path.name} holds an object with {', '.join(TABLES)}, got {got!r:.100}")
    for table in TABLES:
        if not isinstance(value[table], list) or not all(isinstance(row, dict) for row in value[table]):
            raise FormatError(f"{path.name}: {table} is a list of objects")
    return value


def _folder(path: Path) -> Mapping[str, Sequence[Row]]:
    found: dict[str, Sequence[Row]] = {}
    for table in TABLES:
        place = path / f"{table}.csv"
        if not place.exists():
            raise FileError(f"{path} holds no {place.name}: parties.csv, accounts.csv and links.csv are needed")
        columns = columns_of(place, numbers=False)
        found[table] = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return found
