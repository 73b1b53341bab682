"""Made-up payments as files: what the shipped weights are fitted on, and the small files of the demo.

    python -m colonnade.verticals.finance.fraud.samples OUT            payments.csv and accounts.csv to learn from
    python -m colonnade.verticals.finance.fraud.samples OUT --demo     payments_before.csv, payments_today.csv, accounts

They come from this house's simulator and from nowhere else. It knows nothing of models.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from .records import DAY, CardEvents, Labels
from .simulation.generate import simulate
from .simulation.world import WorldConfig

LEARNT = WorldConfig(cards=1000, terminals=1600, days=120)
DEMO = WorldConfig(cards=45, terminals=300, days=30)
SHOWN = 21  # days before today
TITLES = ("id", "time", "card", "terminal", "amount", "text", "device", "fraud", "known_at")


def write_payments(path: Path, events: CardEvents, labels: Labels, *, until: float = np.inf) -> None:
    """The payments, each with its label where that is known at `until`."""
    blank = np.full(len(events), "")
    text = blank if events.text is None else events.text
    device = blank if events.device is None else events.device
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(TITLES)
        for row in range(len(events)):
            known = np.isfinite(labels.known_at[row]) and labels.known_at[row] <= until
            said = (int(labels.fraud[row]), _moment(labels.known_at[row])) if known else ("", "")
            rows.writerow((
                events.id[row], _moment(events.time[row]), events.card[row], events.terminal[row],
                f"{events.amount[row]:.2f}", text[row], device[row], *said,
            ))  # fmt: skip


def write_accounts(path: Path, events: CardEvents) -> None:
    """The table of accounts, a row a card."""
    accounts = events.account or {}
    titles = list(next(iter(accounts.values()), {}))
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("card", *titles))
        rows.writerows((card, *(_plain(account[title]) for title in titles)) for card, account in accounts.items())


def main(out: Path, *, demo: bool) -> None:
    """Write the files."""
    out.mkdir(parents=True, exist_ok=True)
    made = simulate(DEMO, seed=9) if demo else simulate(LEARNT, seed=1)
    write_accounts(out / "accounts.csv", made.events)
    if not demo:
        write_payments(out / "payments.csv", made.events, made.labels)
        return
    today = made.events.time[-1] - DAY
    start = today - SHOWN * DAY
    before = np.flatnonzero((made.events.time < today) & (made.events.time >= start))
    after = np.flatnonzero(made.events.time >= today)
    write_payments(out / "payments_before.csv", made.events[before], made.labels[before], until=today)
    write_payments(out / "payments_today.csv", made.events[after], made.labels[after], until=today)


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _moment(seconds: float) -> str:
    return str(np.datetime64(round(seconds), "s")).replace("T", " ")


if __name__ == "__main__":
    main(Path(sys.argv[1]), demo="--demo" in sys.argv)
