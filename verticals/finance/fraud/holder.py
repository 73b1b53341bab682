"""The rows of the table of accounts, and what came of cards with such rows: counted from labels as they come.

Any columns will do: a word is a sign, and so is the size of a number. `opened` (seconds since 1970) and `limit` (an
amount) are read as numbers too. It knows nothing of payments beyond their card, and of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log, nan

from .lifts import MOST, account_signs
from .records import DAY, Account

WEIGHT = 30.0  # labels that the share of fraud everywhere counts as, for each sign
FEATURES = ("account_age", "account_amount_to_limit", "account_lift", "account_most")
NONE = [nan] * len(FEATURES)


class Holder:
    """`accounts` by card; `counts` of each sign: payments with a label, and cards that were defrauded."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.signs: dict[str, list[str]] = {}
        self.counts: dict[str, tuple[int, int]] = {}
        self.known = self.struck = 0

    def meet(self, card: str, account: Account) -> None:
        """A row, which stands in place of an earlier one of the card."""
        self.accounts[card] = dict(account)
        self.signs[card] = account_signs(account)

    def read(self, card: str, now: float, amount: float) -> list[float]:
        """The features of `FEATURES`; NaN where the card has no row."""
        account = self.accounts.get(card)
        if account is None:
            return NONE
        said = [self._lift(sign) for sign in self.signs[card]]
        most = max(said, key=abs, default=0.0)
        return [_age(account, now), _to_limit(account, amount), min(max(sum(said), -MOST), MOST), most]

    def told(self, card: str, fraud: bool, first: bool) -> None:
        """A label of one of the card's payments; of frauds only the first says that such a card is struck."""
        signs = self.signs.get(card)
        if signs is None or (fraud and not first):
            return
        self.known += 1
        self.struck += fraud
        for sign in signs:
            known, frauds = self.counts.get(sign, (0, 0))
            self.counts[sign] = (known + 1, frauds + fraud)

    def _lift(self, sign: str) -> float:
        rate = (self.struck + 0.01) / (self.known + 10.0)
        known, frauds = self.counts.get(sign, (0, 0))
        weight = WEIGHT / max(rate, 1e-4) * 0.1  # as many as bring three struck cards
        return log((frauds + weight * rate) / (known + weight) / rate)


def _age(account: Mapping[str, float | str], now: float) -> float:
    opened, days = account.get("opened"), account.get("account_days")
    if isinstance(opened, float):
        return (now - opened) / DAY
    return days if isinstance(days, float) else nan


def _to_limit(account: Mapping[str, float | str], amount: float) -> float:
    limit = account.get("limit")
    return amount / limit if isinstance(limit, float) and limit > 0 else nan
