"""Numbers as filings print them: "$ (1,234.5)", "12.5%", "–", "US$1.2 million". Knows nothing of tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

SCALES = {"": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "percent": 0.01}
_BODY = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
CURRENCY = r"(?:US|A|C|NZ|HK|S)?\$|€|£|¥|RMB|USD|EUR|GBP|AUD|CAD|CHF|SEK|NOK|DKK"
_CELL = re.compile(
    rf"^(?P<minus>[-−–]\s?)?(?P<currency>{CURRENCY})?\s*(?P<open>[(\[])?\s*(?P<minus2>[-−–]\s?)?(?P<currency2>{CURRENCY})?\s*"
    rf"(?P<body>{_BODY})\s*(?P<percent>%)?\s*(?P<close>[)\]])?\s*(?P<percent2>%)?"
    r"(?P<tail>\s*(?:x|bps|bp|pts?|c|p|cents?|thousand|million|billion|m|bn|years?|\*+|\([a-z0-9]\)))?$",
    re.IGNORECASE,
)
_TEXT = re.compile(
    rf"(?<![\w.])(?P<currency>{CURRENCY})?\s?(?P<body>{_BODY})(?P<percent>\s?%|\s+per\s?cent\b)?"
    r"(?:\s?(?P<scale>thousand|million|billion|bn|m)\b)?(?![\w]|\.\d|,\d)",
    re.IGNORECASE,
)
NOTHING = ("-", "–", "—", "−", "nil", "n/a", "na", "n.a.", "n/m", "nm", "*", "**")
_WORDS = {"thousand": "thousand", "million": "million", "m": "million", "billion": "billion", "bn": "billion"}
YEAR = re.compile(
    r"(?<![\d,.$])(?:FY\s?'?(?P<short>\d{2})(?!\d)|(?:FY\s?)?(?P<year>(?:19|20)\d{2})(?!\d|[,.]\d))", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number with what its own print says of it. `decimals` is how many digits follow the point."""

    value: float
    decimals: int = 0
    percent: bool = False
    currency: str = ""
    scale: str = ""
    start: int = 0
    end: int = 0


@lru_cache(maxsize=4096)
def figure_of(text: str) -> Figure | None:
    """The number that a cell is, or None where it is words; brackets or a minus make it negative."""
    cleaned = text.strip().replace("\u00a0", " ")
    match = _CELL.match(cleaned) if len(cleaned) < 40 else None
    if match is None:
        return None
    body = match["body"].replace(",", "")
    bracket = match["open"] is not None and match["close"] is not None
    if (match["open"] is None) != (match["close"] is None):
        return None
    negative = bracket or match["minus"] is not None or match["minus2"] is not None
    tail = (match["tail"] or "").strip().lower()
    return Figure(
        value=-float(body) if negative else float(body),
        decimals=len(body.partition(".")[2]),
        percent=match["percent"] is not None or match["percent2"] is not None,
        currency=match["currency"] or match["currency2"] or "",
        scale=_WORDS.get(tail, ""),
        end=len(text),
    )


def figures_in(text: str) -> tuple[Figure, ...]:
    """Every number in a sentence, with its place and the scale that the words after it say; years are not numbers."""
    found = []
    years = {match.start() for match in YEAR.finditer(text)}
    for match in _TEXT.finditer(text):
        if match.start("body") in years and not (match["currency"] or match["percent"] or match["scale"]):
            continue
        body = match["body"].replace(",", "")
        found.append(
            Figure(
                value=float(body),
                decimals=len(body.partition(".")[2]),
                percent=match["percent"] is not None,
                currency=match["currency"] or "",
                scale=_WORDS.get((match["scale"] or "").lower(), ""),
                start=match.start(),
                end=match.end(),
            )
        )
    return tuple(found)


def nothing(text: str) -> bool:
    """Whether a cell says that there is no amount."""
    return text.strip().strip("$£€% ").lower() in NOTHING


@lru_cache(maxsize=4096)
def years_in(text: str) -> tuple[int, ...]:
    """Every year that a text names, in its order, each once: 2019, FY19."""
    found = []
    for match in YEAR.finditer(text):
        found.append(int(match["year"]) if match["year"] else 2000 + int(match["short"]))
    return tuple(dict.fromkeys(found))


def scale_in(text: str) -> str:
    """The scale that a header says: "(in thousands)", "$m", "US$'000", "%"; "" where it says none."""
    lowered = text.lower()
    if re.search(
        r"\bin thousands?\b|'000|’000|‘000|000s|000's|000’s|\bthousands? of\b|\(thousands?\)|\bthousands\b", lowered
    ):
        return "thousand"
    if re.search(
        r"\bin (?:[a-z$£€]+ )?millions?\b|\bmillions? of\b|[$£€]\s?m(?:illions?|n)?\b|\(?\bmillions?\)|\bmillions\b",
        lowered,
    ):
        return "million"
    if re.search(r"\bin (?:[a-z$£€]+ )?billions?\b|[$£€]\s?bn\b|\bbillions\b", lowered):
        return "billion"
    return ""
