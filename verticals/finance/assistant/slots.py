"""What a customer's words name: cards, amounts, dates, countries, shops. Patterns only; it knows nothing of topics.

A value that the words deny ("not 50 but 60", "it wasn't Monday") is found and marked, so that a correction can be told
from a second value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

from .records import Mentioned

CURRENCIES = {
    "€": "EUR", "euro": "EUR", "euros": "EUR", "eur": "EUR", "£": "GBP", "pound": "GBP", "pounds": "GBP", "gbp": "GBP",
    "quid": "GBP", "$": "USD", "dollar": "USD", "dollars": "USD", "usd": "USD", "bucks": "USD", "chf": "CHF",
    "francs": "CHF", "yen": "JPY", "jpy": "JPY", "aud": "AUD", "cad": "CAD", "pln": "PLN", "zloty": "PLN",
}  # fmt: skip
COUNTRIES = (
    "Australia", "Austria", "Belgium", "Brazil", "Bulgaria", "Canada", "China", "Croatia", "Cyprus", "Denmark", "Egypt",
    "Estonia", "Finland", "France", "Germany", "Greece", "Hungary", "Iceland", "India", "Ireland", "Israel", "Italy",
    "Japan", "Latvia", "Lithuania", "Luxembourg", "Malta", "Mexico", "Netherlands", "Norway", "Poland", "Portugal",
    "Romania", "Russia", "Singapore", "Slovakia", "Slovenia", "South Africa", "Spain", "Sweden", "Switzerland",
    "Thailand", "Turkey", "Ukraine", "United Kingdom", "United States", "UK", "USA", "US", "America", "England",
    "Scotland",
)  # fmt: skip
SAME = {"UK": "United Kingdom", "England": "United Kingdom", "Scotland": "United Kingdom", "USA": "United States",
        "US": "United States", "America": "United States"}  # fmt: skip
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_SIGN = "|".join(re.escape(each) for each in CURRENCIES if not each.isalpha())
_WORD = "|".join(sorted((each for each in CURRENCIES if each.isalpha()), key=len, reverse=True))
_FIGURE = r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d+(?:[.,]\d{1,2})?"
_MONTH = "|".join(f"{month}|{month[:3]}" for month in MONTHS)
AMOUNT = re.compile(
    rf"(?P<sign>{_SIGN})\s?(?P<one>{_FIGURE})(?![\w/])|(?<![\w/.#])(?P<two>{_FIGURE})\s?(?P<word>{_WORD}|{_SIGN})(?!\w)",
    re.IGNORECASE,
)
CARD = re.compile(
    r"\b(?:card|ending|ends|finishing)\s+(?:(?:number|in|with|no\.?)\s+)*(?P<digits>\d{4})\b|\*{2,}\s?(?P<stars>\d{4})\b",
    re.IGNORECASE,
)
KIND = re.compile(
    r"\b(?P<kind>virtual|disposable|physical|debit|credit|prepaid|spare)\s+(?:\w+\s+)?cards?\b", re.IGNORECASE
)
DATE = re.compile(
    rf"\b(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})\b"
    rf"|\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?(?:,?\s+(?P<year>\d{{4}}))?"
    rf"|\b(?P<month2>{_MONTH})\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year2>\d{{4}}))?"
    rf"|\b(?P<words>the day before yesterday|yesterday|today|this morning|last (?:night|week|month|{DAYS})|(?:{DAYS})"
    r"|\d+ (?:days|weeks|months) ago|(?:a|one|two|three|four) (?:days?|weeks?|months?) ago)\b",
    re.IGNORECASE,
)
COUNTRY = re.compile(rf"\b(?:{'|'.join(sorted(COUNTRIES, key=len, reverse=True))})\b")
SHOP = re.compile(r"\b(?:at|from|by|to)\s+(?P<shop>[A-Z][\w&'’-]*(?:\s+[A-Z][\w&'’-]*)*)")
_DENIAL = re.compile(
    r"(?:\bnot|n['’]t|\bnever|\binstead of|\brather than|\bno longer)\s+(?:\w+\s+){0,3}\W{0,2}$", re.IGNORECASE
)
_TURN = re.compile(r"\b(?:but|it['’]?s|it was|i meant|make that|rather)\b(?!\s+than)", re.IGNORECASE)
_CORRECTING = re.compile(r"\b(?:no|sorry|i meant?|actually|make that|or rather|correction)\b", re.IGNORECASE)
Read = Callable[["re.Match[str]"], str | None]


def mentioned(text: str) -> tuple[Mentioned, ...]:
    """Every value that the text names, in its order; one span gives one value."""
    found: list[Mentioned] = []
    for slot, pattern, read in PATTERNS:
        for match in pattern.finditer(text):
            value, (start, end) = read(match), _span(match)
            if value is not None and not any(start < each.end and each.start < end for each in found):
                found.append(
                    Mentioned(slot=slot, value=value, start=start, end=end, denied=_denied(text[: match.start()]))
                )
    return _corrected(text, sorted(found, key=lambda each: each.start))


def _corrected(text: str, found: list[Mentioned]) -> tuple[Mentioned, ...]:
    """A value is denied too where words of correction stand between it and the next of its kind."""
    said = []
    for place, each in enumerate(found):
        after = next((other for other in found[place + 1 :] if other.slot == each.slot), None)
        taken_back = after is not None and _CORRECTING.search(text[each.end : after.start]) is not None
        said.append(replace(each, denied=each.denied or taken_back))
    return tuple(said)


def _denied(before: str) -> bool:
    """Whether the last few words before a value deny it, and no word since has turned to what holds."""
    clause = re.split(r"[.;!?,]\s", before)[-1][-48:]
    cue = _DENIAL.search(clause)
    return cue is not None and not _TURN.search(clause, cue.start() + 3)


def _span(match: re.Match[str]) -> tuple[int, int]:
    for group in ("digits", "stars", "kind", "shop"):
        if group in match.re.groupindex and match.group(group):
            return match.span(group)
    return match.span()


def _amount(match: re.Match[str]) -> str | None:
    figure = match.group("one") or match.group("two")
    sign = (match.group("sign") or match.group("word")).lower()
    figure = figure.replace(",", "") if re.search(r",\d{3}", figure) else figure.replace(",", ".")
    return f"{float(figure):.2f} {CURRENCIES[sign]}"


def _card(match: re.Match[str]) -> str | None:
    return match.group("digits") or match.group("stars")


def _kind(match: re.Match[str]) -> str | None:
    return match.group("kind").lower()


def _date(match: re.Match[str]) -> str | None:
    """ISO where the words say a full date; "3 May" without a year, and "yesterday", as they are."""
    if match.group("words"):
        return match.group("words").lower()
    try:
        if match.group("iso"):
            return date.fromisoformat(match.group("iso")).isoformat()
        name, day = match.group("month") or match.group("month2"), int(match.group("day") or match.group("day2"))
        month = next(n for n, each in enumerate(MONTHS, start=1) if each.startswith(name.lower()[:3]))
        year = match.group("year") or match.group("year2")
        known = date(int(year or 2000), month, day)  # 2000 has a 29 February
    except ValueError:
        return None
    return known.isoformat() if year else f"{day} {MONTHS[month - 1].capitalize()}"


def _country(match: re.Match[str]) -> str | None:
    return SAME.get(match.group(), match.group())


def _shop(match: re.Match[str]) -> str | None:
    shop = match.group("shop")
    taken = shop.split()[0].lower() in {*MONTHS, *DAYS.split("|"), "i", "atm", "atms", "the"} or COUNTRY.fullmatch(shop)
    return None if taken else shop


PATTERNS: tuple[tuple[str, re.Pattern[str], Read], ...] = (
    ("card", CARD, _card),
    ("date", DATE, _date),
    ("amount", AMOUNT, _amount),
    ("kind", KIND, _kind),
    ("country", COUNTRY, _country),
    ("shop", SHOP, _shop),
)


def slots() -> Iterator[str]:
    """The names of all that can be known."""
    return (name for name, _, _ in PATTERNS)
