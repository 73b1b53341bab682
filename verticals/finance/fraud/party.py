"""The state of what many cards share: a terminal, a device, a merchant's text. Traffic in decaying counts, labels in
decaying counts of their own, the run of frauds last seen, and the probability of a spell.

A decaying count weighs a payment by exp(-age / scale): a window with a soft edge that costs the same at any traffic.
It knows nothing of which cards and what kind of party.
"""

from __future__ import annotations

from math import exp, log1p, nan

from .records import DAY, HOUR
from .spells import BRIEF, TERMINAL

SCALES = (HOUR, DAY, 7 * DAY, 30 * DAY)
RISK_SCALES = (DAY, 7 * DAY, 30 * DAY)
SHRINKAGE = (1.0, 3.0, 10.0)  # labels that the share of fraud everywhere counts as, by scale
TRAFFIC = (
    "count_1h", "count_1d", "count_7d", "count_30d", "mean", "amount_to_mean", "new_cards_1d", "new_cards_7d",
    "new_share", "log_gap", "age",
)  # fmt: skip
RISKS = (
    "risk_1d", "risk_7d", "risk_30d", "known_1d", "known_7d", "known_30d", "frauds_7d", "spell", "brief_spell",
    "since_fraud", "since_run", "since_before_run", "run", "cleans_since", "known_age", "unknown",
)  # fmt: skip


class Party:
    """What is known of one terminal, device or text."""

    __slots__ = (
        "at",
        "before_run",
        "brief",
        "cards",
        "cleans",
        "count_day",
        "count_hour",
        "count_month",
        "count_week",
        "first",
        "fraud_day",
        "fraud_month",
        "fraud_week",
        "known",
        "known_at",
        "known_day",
        "known_month",
        "known_week",
        "last_clean",
        "last_fraud",
        "mean",
        "new_day",
        "new_week",
        "payments",
        "run",
        "run_start",
        "spell",
    )  # fmt: skip

    def __init__(self) -> None:
        self.payments = self.known = self.run = self.cleans = self.cards = 0
        self.at = self.first = self.known_at = self.mean = 0.0
        self.count_hour = self.count_day = self.count_week = self.count_month = 0.0
        self.new_day = self.new_week = 0.0
        self.known_day = self.known_week = self.known_month = 0.0
        self.fraud_day = self.fraud_week = self.fraud_month = 0.0
        self.last_fraud = self.last_clean = self.run_start = self.before_run = nan
        self.spell, self.brief = TERMINAL.share, BRIEF.share

    def traffic(self, now: float, amount: float) -> list[float]:
        """The features of `TRAFFIC`, from payments before `now`."""
        if not self.payments:
            return [0.0, 0.0, 0.0, 0.0, nan, nan, 0.0, 0.0, nan, nan, nan]
        gap = now - self.at
        day, week, month = exp(-gap / DAY), exp(-gap / (7 * DAY)), exp(-gap / (30 * DAY))
        return [
            self.count_hour * exp(-gap / HOUR), self.count_day * day, self.count_week * week, self.count_month * month,
            self.mean, log1p(amount) - self.mean, self.new_day * day, self.new_week * week,
            self.new_week / self.count_week if self.count_week else nan, log1p(gap), (now - self.first) / DAY,
        ]  # fmt: skip

    def add(self, now: float, amount: float, new: bool) -> None:
        """One payment; `new` where it is the card's first here."""
        if self.payments:
            gap = now - self.at
            day, week = exp(-gap / DAY), exp(-gap / (7 * DAY))
            self.count_hour = self.count_hour * exp(-gap / HOUR) + 1
            self.count_day = self.count_day * day + 1
            self.count_week = self.count_week * week + 1
            self.count_month = self.count_month * exp(-gap / (30 * DAY)) + 1
            self.new_day = self.new_day * day + new
            self.new_week = self.new_week * week + new
        else:
            self.first = now
            self.count_hour = self.count_day = self.count_week = self.count_month = 1.0
            self.new_day = self.new_week = float(new)
        self.payments += 1
        self.at = now
        self.mean += max(1 / self.payments, 0.01) * (log1p(amount) - self.mean)

    def risks(self, now: float, rate: float) -> list[float]:
        """The features of `RISKS`, from labels known before `now`; `rate` is the share of fraud everywhere."""
        if not self.known:
            return [rate, rate, rate, 0.0, 0.0, 0.0, 0.0, TERMINAL.share, BRIEF.share,
                    nan, nan, nan, 0, nan, nan, self.payments]  # fmt: skip
        gap = now - self.known_at
        day, week, month = exp(-gap / DAY), exp(-gap / (7 * DAY)), exp(-gap / (30 * DAY))
        frauds = self.fraud_week * week
        one, two, three = SHRINKAGE
        return [
            (self.fraud_day * day + one * rate) / (self.known_day * day + one),
            (frauds + two * rate) / (self.known_week * week + two),
            (self.fraud_month * month + three * rate) / (self.known_month * month + three),
            self.known_day * day, self.known_week * week, self.known_month * month, frauds,
            TERMINAL.drift(self.spell, gap), BRIEF.drift(self.brief, gap),
            (now - self.last_fraud) / DAY, (now - self.run_start) / DAY, (now - self.before_run) / DAY,
            self.run, self.cleans if self.last_fraud == self.last_fraud else nan, gap / DAY, self.payments - self.known,
        ]  # fmt: skip

    def told(self, fraud: bool, when: float, rate: float) -> None:
        """The label of a payment made at `when`; labels may come in another order than the payments."""
        gap = when - self.known_at if self.known else 0.0
        if gap >= 0:
            self._fade(gap)
            self.known_at, now = when, (1.0, 1.0, 1.0)
        else:
            now = (exp(gap / DAY), exp(gap / (7 * DAY)), exp(gap / (30 * DAY)))
        self.known += 1
        self.known_day += now[0]
        self.known_week += now[1]
        self.known_month += now[2]
        if fraud:
            self.fraud_day += now[0]
            self.fraud_week += now[1]
            self.fraud_month += now[2]
        self.spell = TERMINAL.told(self.spell, fraud, rate)
        self.brief = BRIEF.told(self.brief, fraud, rate)
        self._run(fraud, when)

    def _fade(self, gap: float) -> None:
        day, week, month = exp(-gap / DAY), exp(-gap / (7 * DAY)), exp(-gap / (30 * DAY))
        self.known_day, self.fraud_day = self.known_day * day, self.fraud_day * day
        self.known_week, self.fraud_week = self.known_week * week, self.fraud_week * week
        self.known_month, self.fraud_month = self.known_month * month, self.fraud_month * month
        self.spell, self.brief = TERMINAL.drift(self.spell, gap), BRIEF.drift(self.brief, gap)

    def _run(self, fraud: bool, when: float) -> None:
        """Follow the frauds that come one after another: when they began, and what came before and after."""
        if fraud:
            if not self.run or self.cleans:
                self.run, self.run_start, self.before_run = 0, when, self.last_clean
            self.run += 1
            self.cleans = 0
            self.last_fraud = when
        else:
            self.cleans += 1
            self.last_clean = when
