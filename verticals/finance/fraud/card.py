"""The state of one card: windows of its payments, its usual amount and pace, its devices, labels it has received.

`read` gives the numbers as of a time, `add` a payment, `told` a label. Of terminals it knows the number only.
"""

from __future__ import annotations

from array import array
from math import exp, log, log1p, nan, sqrt

from .records import DAY
from .spells import CARD, amount_ratio
from .windows import Ring

DEVICES = 8  # that a card is remembered by
FEATURES = (
    "card_count_1h", "card_count_1d", "card_count_7d", "card_count_30d",
    "card_sum_1h", "card_sum_1d", "card_mean_1d", "card_mean_7d", "card_mean_30d",
    "card_log_gap", "card_gap_to_usual", "card_pace", "card_age",
    "amount_to_median", "amount_rank", "amount_z", "amount_to_mean_30d", "amount_to_highest",
    "amount_ratio", "spell_of_amounts", "fraud_by_amounts", "since_high", "high_3d", "high_14d",
    "visits", "new_places_7d",
    "card_known", "card_known_frauds", "card_since_fraud", "card_since_first_fraud", "card_cleans_since",
    "card_spell",
)  # fmt: skip


class Card:
    """What is known of one card up to its last payment."""

    __slots__ = (
        "amounts_spell",
        "cleans",
        "device_times",
        "devices",
        "first",
        "first_fraud",
        "frauds",
        "gap",
        "high_at",
        "high_long",
        "high_short",
        "highs_at",
        "known",
        "last",
        "last_fraud",
        "last_known",
        "log_mean",
        "log_square",
        "new_places",
        "payments",
        "ring",
        "spell",
    )  # fmt: skip

    def __init__(self) -> None:
        self.ring = Ring()
        self.payments = 0
        self.first = self.last = self.gap = 0.0
        self.log_mean, self.log_square = 0.0, 0.0
        self.amounts_spell, self.spell = CARD.share, CARD.share
        self.highs_at, self.high_short, self.high_long, self.high_at = 0.0, 0.0, 0.0, nan
        self.new_places = 0.0
        self.devices, self.device_times = array("I"), array("d")
        self.known = self.frauds = self.cleans = 0
        self.last_known = 0.0
        self.last_fraud = self.first_fraud = nan

    def read(self, now: float, amount: float, place: int) -> list[float]:
        """The features of a payment of `amount` at terminal number `place`, from payments before `now`."""
        ring = self.ring
        ring.advance(now)
        if not self.payments:
            return [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, *[nan] * 7, *[nan] * 5, nan, CARD.share, nan, nan, 0.0, 0.0,
                    0.0, 0.0, *self._labels(now)]  # fmt: skip
        counts, sums = ring.counts(), ring.sums
        gap = now - self.last
        values = [
            *counts, sums[0], sums[1],
            sums[1] / counts[1] if counts[1] else nan,
            sums[2] / counts[2] if counts[2] else nan,
            sums[3] / counts[3] if counts[3] else nan,
            log1p(gap),
            gap / self.gap if self.gap else nan,
            self._pace(now, counts),
            (now - self.first) / DAY,
        ]  # fmt: skip
        values += self._amount(now, amount)
        values += (ring.visits(place), self.new_places * exp(-gap / (7 * DAY)))
        values += self._labels(now)
        return values

    def add(self, now: float, amount: float, place: int) -> bool:
        """One payment; whether its terminal is new to the card."""
        ring = self.ring
        ring.advance(now)
        new = not ring.visits(place)
        if self.payments:
            gap = now - self.last
            weight = max(1 / self.payments, 0.05)
            self.gap += weight * (gap - self.gap)
            self.new_places *= exp(-gap / (7 * DAY))
        else:
            self.first = now
        self.new_places += new
        self._weigh(now, amount)
        ring.add(now, amount, place)
        self.payments += 1
        self.last = now
        return new

    def meet(self, device: int, now: float) -> None:
        """One payment from that device; the one not seen for longest is forgotten."""
        devices, times = self.devices, self.device_times
        if device in devices:
            times[devices.index(device)] = now
            return
        if len(devices) >= DEVICES:
            oldest = times.index(min(times))
            del devices[oldest], times[oldest]
        devices.append(device)
        times.append(now)

    def since_device(self, device: int, now: float) -> float:
        """Days since the card last used that device; NaN where it is new to the card."""
        return (now - self.device_times[self.devices.index(device)]) / DAY if device in self.devices else nan

    def told(self, fraud: bool, when: float, rate: float) -> None:
        """The label of a payment made at `when`; `rate` is the share of fraud among all labels."""
        probability = CARD.drift(self.spell, max(when - self.last_known, 0.0)) if self.known else CARD.share
        self.spell = CARD.told(probability, fraud, rate)
        self.last_known = max(self.last_known, when)
        self.known += 1
        if fraud:
            if not self.frauds or when - self.last_fraud > 30 * DAY:
                self.first_fraud = when
            self.last_fraud = when if not self.frauds else max(self.last_fraud, when)
            self.frauds += 1
            self.cleans = 0
        else:
            self.cleans += 1

    def _pace(self, now: float, counts: list[int]) -> float:
        """Payments of the last day over those of a usual day of the last 30."""
        days = min(max((now - self.first) / DAY, 1.0), 30.0)
        return counts[1] * days / counts[3] if counts[3] else nan

    def level(self) -> float:
        """The usual amount: the median of the ring, or of older days where the ring is empty."""
        ring = self.ring
        return ring.median() if len(ring) else exp(self.log_mean)

    def _amount(self, now: float, amount: float) -> list[float]:
        level, ring = self.level(), self.ring
        ratio = amount / level if level > 0 else nan
        likely = amount_ratio(log(ratio)) if ratio > 0 else 1.0
        idle = now - self.last
        spell = CARD.drift(self.amounts_spell, idle)
        within = spell * CARD.fraud * likely
        count, ordered = len(ring) - ring.starts[3], ring.ordered
        days = now - self.highs_at
        return [
            ratio,
            ring.rank(amount),
            (log1p(amount) - self.log_mean) / sqrt(self.log_square + 0.04),
            amount * count / ring.sums[3] if count and ring.sums[3] > 0 else nan,
            amount / ordered[-1] if ordered and ordered[-1] > 0 else nan,
            likely,
            spell,
            within / (within + 1 - spell * CARD.fraud),
            (now - self.high_at) / DAY,
            self.high_short * exp(-days / (3 * DAY)),
            self.high_long * exp(-days / (14 * DAY)),
        ]

    def _weigh(self, now: float, amount: float) -> None:
        """Let an amount move what is usual and what is suspected."""
        if self.payments:
            level = self.level()
            likely = amount_ratio(log(amount / level)) if amount > 0 and level > 0 else 1.0
            spell = CARD.drift(self.amounts_spell, now - self.last)
            mixed = 1 - CARD.fraud + CARD.fraud * likely
            self.amounts_spell = spell * mixed / (1 + spell * (mixed - 1))
            high = likely / (likely + 20.0)
            days = now - self.highs_at
            self.high_short = self.high_short * exp(-days / (3 * DAY)) + high
            self.high_long = self.high_long * exp(-days / (14 * DAY)) + high
            self.highs_at = now
            if high > 0.5:
                self.high_at = now
        weight = max(1 / (self.payments + 1), 0.02)
        spread = 3 * sqrt(self.log_square + 0.04) if self.payments > 3 else 9.0
        step = min(max(log1p(amount) - self.log_mean, -spread), spread)
        self.log_mean += weight * step
        self.log_square += weight * ((1 - weight) * step * step - self.log_square)

    def _labels(self, now: float) -> list[float]:
        if not self.known:
            return [0.0, 0.0, nan, nan, nan, CARD.share]
        return [
            self.known, self.frauds, (now - self.last_fraud) / DAY, (now - self.first_fraud) / DAY,
            self.cleans if self.frauds else nan, CARD.drift(self.spell, max(now - self.last_known, 0.0)),
        ]  # fmt: skip
