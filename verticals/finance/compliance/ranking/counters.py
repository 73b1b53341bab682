"""What an alert looks like in numbers, as of its moment: flows, partners, history, holder, ties, other alerts,
documents.

Only payments before the alert and its own count. Sources: Graph Feature Preprocessor (arXiv 2402.08593) for the
counters. It knows no label.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .....core.types import Array
from ..book import CHANNEL, Book
from ..records import CASH, DAY, PERSON, Party
from ..typologies.catalogue import RULES
from ..typologies.flow import both_ways
from ..typologies.rule import Firing
from ..typologies.streams import Stream

WINDOWS = (1, 7, 30, 90)
MEASURES = 5  # of a rule's own numbers, in their order
FLOWS = ("in_worth", "out_worth", "in_count", "out_count", "payers", "payees")
PLAIN = (
    "edges", "span_hours", "pass_7", "pass_30", "account_days", "silent_days", "earlier", "in_against_past",
    "out_against_past", "cash_share", "round_share", "wire_share", "card_share", "wages_share", "same_before",
    "rules_near", "alerts_among", "external_share", "unnamed_share", "body_share", "state_share", "first_time_share",
    "family_share", "home_share", "owned_share", "country_tie", "is_person", "is_body", "is_charity", "years", "income",
    "in_against_income", "owner_known", "users_of_device", "past_same_kind", "largest_share", "even",
)  # fmt: skip
STATED = ("documented", "relation_told", "country_told", "payment_told", "turnover_told")
NAMES: tuple[str, ...] = (
    *(f"rule_{rule.id}" for rule in RULES), *(f"measure_{place}" for place in range(MEASURES)),
    *(f"{flow}_{days}" for days in WINDOWS for flow in FLOWS), *PLAIN, *STATED,
)  # fmt: skip
PLACE = {name: place for place, name in enumerate(NAMES)}


@dataclass(frozen=True, eq=False)
class Counters:
    """Counters of all firings of a book; `rows` gives the table."""

    book: Book
    firings: Sequence[Firing]

    def rows(self) -> Array:
        """`[firing, feature]` in the order of `NAMES`; NaN where something is not known."""
        found = np.full((len(self.firings), len(NAMES)), np.nan)
        for number, firing in enumerate(self.firings):
            for name, value in self._row(firing).items():
                found[number, PLACE[name]] = value
        return found

    # ---- what all firings share -----------------------------------------------------------------------------------

    @cached_property
    def _stream(self) -> tuple[Stream, Array]:
        return both_ways(self.book, np.ones(len(self.book), bool))

    @cached_property
    def _by_account(self) -> Mapping[int, list[tuple[int, str]]]:
        """When which rule fired of an account, in the order of time."""
        found: dict[int, list[tuple[int, str]]] = {}
        for firing in sorted(self.firings, key=lambda each: each.at):
            for account in accounts_of(self.book, firing):
                found.setdefault(account, []).append((firing.at, firing.rule))
        return found

    @cached_property
    def _links(self) -> Mapping[str, Mapping[str, set[str]]]:
        """What each party lives at, and who owns whom, for ties."""
        homes: dict[str, set[str]] = {}
        owns: dict[str, set[str]] = {}
        for link in self.book.linked("located_in"):
            homes.setdefault(link.source, set()).add(link.target)
        for link in self.book.linked("owns"):
            owns.setdefault(link.source, set()).add(link.target)
            owns.setdefault(link.target, set()).add(link.source)
        return {"homes": homes, "owns": owns}

    @cached_property
    def _devices(self) -> Mapping[str, int]:
        users: dict[str, set[str]] = {}
        for link in self.book.linked("uses"):
            users.setdefault(link.target, set()).add(link.source)
        found: dict[str, int] = {}
        for several in users.values():
            for user in several:
                found[user] = max(found.get(user, 0), len(several))
        return found

    @cached_property
    def _owned(self) -> set[str]:
        """Bodies with a person among their direct owners."""
        index, parties = self.book.entities.party_index, self.book.entities.parties
        return {link.target for link in self.book.linked("owns") if parties[index[link.source]].kind == PERSON}

    # ---- one firing -----------------------------------------------------------------------------------------------

    def _row(self, firing: Firing) -> dict[str, float]:
        book = self.book
        accounts = accounts_of(book, firing)
        seen, inward = self._until(accounts, firing)
        cited = np.searchsorted(book.rows, np.array(firing.rows, np.int64))
        party = party_of(book, firing)
        row = {f"rule_{rule.id}": float(rule.id == firing.rule) for rule in RULES}
        for place, value in enumerate(list(firing.measures.values())[:MEASURES]):
            row[f"measure_{place}"] = math.copysign(math.log1p(abs(value)), value)
        row |= self._flows(seen, inward, firing)
        row |= self._shape(seen, inward, cited, accounts)
        row |= self._near(firing, accounts, cited)
        row |= self._ties(party, cited, set(accounts), seen, inward)
        row |= self._holder(party, math.expm1(row["in_worth_30"]), firing)
        row |= _stated(book, party, row, cited, set(accounts))
        return {name: value for name, value in row.items() if name in PLACE}

    def _until(self, accounts: Sequence[int], firing: Firing) -> tuple[Array, Array]:
        """The places of the subject's payments up to the firing, in order, and True where money came in."""
        stream, inward = self._stream
        parts = []
        for account in accounts:
            low, high = np.searchsorted(stream.subject, [account, account + 1])
            parts.append(np.arange(low, high))
        index = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        index = index[np.argsort(stream.places[index], kind="stable")]
        if firing.row >= 0:
            kept = self.book.rows[stream.places[index]] <= firing.row
        else:
            kept = self.book.time[stream.places[index]] <= firing.at
        return stream.places[index[kept]], inward[index[kept]]

    def _flows(self, seen: Array, inward: Array, firing: Firing) -> dict[str, float]:
        book, row = self.book, dict[str, float]()
        for days in WINDOWS:
            low = int(np.searchsorted(book.time[seen], firing.at - days * DAY, side="right"))
            recent, side = seen[low:], inward[low:]
            into, out = recent[side], recent[~side]
            values = (
                math.log1p(book.worth[into].sum()), math.log1p(book.worth[out].sum()), len(into), len(out),
                len(np.unique(book.sender[into])), len(np.unique(book.receiver[out])),
            )  # fmt: skip
            row |= {f"{flow}_{days}": float(value) for flow, value in zip(FLOWS, values, strict=True)}
        for days in (7, 30):
            row[f"pass_{days}"] = math.expm1(row[f"out_worth_{days}"]) / (math.expm1(row[f"in_worth_{days}"]) + 1)
        for way in ("in", "out"):
            past = math.expm1(row[f"{way}_worth_90"]) - math.expm1(row[f"{way}_worth_7"])
            row[f"{way}_against_past"] = row[f"{way}_worth_7"] - math.log1p(max(past, 0) * 7 / 83)
        return row

    def _shape(self, seen: Array, inward: Array, cited: Array, accounts: Sequence[int]) -> dict[str, float]:
        book = self.book
        worth = book.worth[cited]
        share = float(worth.max() / worth.sum()) if len(cited) else math.nan
        last = int(seen[-1]) if len(seen) else 0
        before = seen[: max(0, len(seen) - max(1, len(cited)))]
        channel = book.channel[cited] if len(cited) else np.zeros(0, np.int8)
        kind = int(np.bincount(channel).argmax()) if len(cited) else -1
        opened = min((int(book.opened[each]) for each in accounts), default=0)
        gaps = np.diff(book.time[seen]) if len(seen) > 1 else np.zeros(1)
        same = (
            (book.channel[before] == kind) & (book.worth[before] > 0.6 * np.median(worth))
            if len(cited)
            else np.zeros(0)
        )
        return {
            "edges": float(len(cited)),
            "span_hours": float(np.ptp(book.time[cited])) / 3600 if len(cited) else math.nan,
            "account_days": math.log1p(max(0, int(book.time[last]) - opened) / DAY),
            "silent_days": float(gaps[-60:].max()) / DAY,
            "earlier": math.log1p(len(before)),
            "cash_share": _share(np.isin(channel, [CHANNEL["cash_in"], CHANNEL["cash_out"]])),
            "round_share": _share(np.isclose(book.amount[cited] % 100, 0)),
            "wire_share": _share(channel == CHANNEL["wire"]),
            "card_share": _share(book.channel[seen[-300:]] == CHANNEL["card"]),
            "wages_share": _share(~inward[-300:] & (book.worth[seen[-300:]] > 800)),
            "past_same_kind": math.log1p(float(same.sum())),
            "largest_share": share,
            "even": float(worth.std() / worth.mean()) if len(cited) else math.nan,
        }

    def _near(self, firing: Firing, accounts: Sequence[int], cited: Array) -> dict[str, float]:
        """Other firings of the subject and of its partners that were known by then."""
        own = [each for account in accounts for each in self._by_account.get(account, ())]
        past = [rule for at, rule in own if at < firing.at]
        near = {rule for at, rule in own if firing.at - 30 * DAY <= at <= firing.at and rule != firing.rule}
        ends = set(self.book.sender[cited].tolist()) | set(self.book.receiver[cited].tolist())
        among = sum(
            any(firing.at - 60 * DAY <= at <= firing.at for at, _ in self._by_account.get(end, ()))
            for end in ends - set(accounts)
        )
        return {
            "same_before": float(past.count(firing.rule)), "rules_near": float(len(near)), "alerts_among": float(among)
        }  # fmt: skip

    def _ties(
        self, party: Party | None, cited: Array, accounts: set[int], seen: Array, inward: Array
    ) -> dict[str, float]:  # fmt: skip
        """Who is at the other end of the cited payments, and what they have in common with the holder."""
        book = self.book
        others = [
            int(end) for place in cited for end in (book.sender[place], book.receiver[place])
            if int(end) not in accounts and end != CASH
        ]  # fmt: skip
        parties = [book.party_of(other) for other in others]
        known = [each for each in parties if each is not None]
        cited_set = set(cited.tolist())
        before = [place for place in seen[-400:].tolist() if place not in cited_set]
        met = set(book.sender[before].tolist()) | set(book.receiver[before].tolist())
        homes, owns = self._links["homes"], self._links["owns"]
        family = home = owned = 0
        if party is not None:
            last, own = party.name.split()[-1].lower(), owns.get(party.id, set())
            siblings = set().union(*(owns.get(each, set()) for each in own)) if own else set()
            for each in known:
                family += each.kind == PERSON and each.name.split()[-1].lower() == last
                home += bool(homes.get(each.id, set()) & homes.get(party.id, set()))
                owned += each.id in own or each.id in siblings or each.id == party.id
        count = max(1, len(others))
        return {
            "external_share": float(np.mean(book.external[others])) if others else math.nan,
            "unnamed_share": (len(others) - len(known)) / count,
            "body_share": sum(each.kind != PERSON for each in known) / count,
            "state_share": sum(each.kind == "FinancialInstitution" for each in known) / count,
            "first_time_share": sum(other not in met for other in others) / count,
            "family_share": family / count, "home_share": home / count, "owned_share": owned / count,
            "country_tie": float(party is not None and any(
                book.account(each).country == party.country for each in others if book.account(each).country != "US"
            )),
        }  # fmt: skip

    def _holder(self, party: Party | None, came: float, firing: Firing) -> dict[str, float]:
        if party is None:
            return {}
        year = int(party.birth[:4] or 0)
        income = party.income if party.income == party.income else math.nan
        return {
            "is_person": float(party.kind == PERSON), "is_body": float(party.kind == "LegalEntity"),
            "is_charity": float(party.kind == "NotForProfitOrganization"),
            "years": 1970 + firing.at / (365.25 * DAY) - year if year else math.nan,
            "income": math.log1p(income), "in_against_income": math.log1p(came / (income + 1)),
            "owner_known": float(party.id in self._owned), "users_of_device": float(self._devices.get(party.id, 0)),
        }  # fmt: skip


def accounts_of(book: Book, firing: Firing) -> tuple[int, ...]:
    """The accounts of the subject, by their places."""
    if not firing.of_party:
        return (book.entities.account_index[firing.subject],)
    return book.holding.get(book.entities.party_index[firing.subject], ())


def party_of(book: Book, firing: Firing) -> Party | None:
    """The party that a firing is about; None where the holder of its account is not known."""
    if firing.of_party:
        return book.entities.parties[book.entities.party_index[firing.subject]]
    return book.party_of(book.entities.account_index[firing.subject])


def _stated(
    book: Book, party: Party | None, row: Mapping[str, float], cited: Array, accounts: set[int]
) -> dict[str, float]:  # fmt: skip
    """What documents say that would explain it; NaN without documents."""
    if book.documents is None:
        return {}
    said = book.stated.get(party.id) if party is not None else None
    if said is None:
        return dict.fromkeys(STATED, 0.0)
    came = math.expm1(row["in_worth_30"])
    cited_worth = float(book.worth[cited].sum()) if len(cited) else 0.0
    told = max((amount for amount, _ in said.payments), default=0.0)
    countries = {book.account(int(end)).country for place in cited for end in (book.sender[place], book.receiver[place])
                 if end != CASH and int(end) not in accounts}  # fmt: skip
    return {
        "documented": 1.0,
        "relation_told": float(said.relation is not None),
        "country_told": float(bool(countries & {country for country, _ in said.countries})),
        "payment_told": min(2.0, told / (max(came, cited_worth / 2) + 1)),
        "turnover_told": min(2.0, said.turnover[0] / (came + 1)) if said.turnover else 0.0,
    }


def _share(values: Array) -> float:
    return float(np.mean(values)) if len(values) else math.nan
