"""What the benchmark of serving found, as the section of RESULTS.md."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from typing import Any

import results

GOALS = {"small": 6.0, "text": 2.9, "image": 2.0}


def told(kinds: Mapping[str, dict[str, Any]], kill: dict[str, Any], queue: dict[str, Any], bad: dict[str, Any]) -> str:
    rows, late, more = [], [], []
    for kind, found in kinds.items():
        rates = found["rates"]
        gain = [a / b for a, b in zip(rates["batched"], rates["one by one"], strict=True)]
        other = [a / b for a, b in zip(rates["batched"], rates.get("LitServe", []), strict=False)]
        rows.append([kind, *(f"{statistics.median(rates[side]):.0f}" if side in rates else "-"
                    for side in ("one by one", "batched", "LitServe")), _spread(gain), f"{GOALS[kind]:g}",
                    _spread(other) if other else "-", "1.8"])  # fmt: skip
        lone_, pad = found["lone"], found["padding"]
        late += [[kind, side, f"{1e3 * found['p50'][side]:.1f}", f"{1e3 * found['p99'][side]:.1f}",
                  f"{lone_[side]:+.2f}", f"{statistics.median(found['cpu'][side]):.2f}"] for side in rates]  # fmt: skip
        more.append(
            [kind, f"{lone_['bare']:.2f} ms", f"{pad['rows']:.1f}", f"{pad['share']:.1%}", f"{pad['naive']:.1%}"]
        )
    refused = queue["status"].get("503", 0)
    other = {status: count for status, count in queue["status"].items() if status not in ("200", "503")}
    return "\n\n".join(
        (
            "Requests a second (median of rounds; ratios of the same round, with their range):",
            results.table(
                ["program", "batches of 1", "batched", "LitServe", "batched / 1", "goal", "/ LitServe", "goal"], rows
            ),
            "Milliseconds from when a request was due, at half of what batches of one can take; and what a lone "
            "request pays over the bare call of the engine, and processor time a request under the full load:",
            results.table(["program", "server", "p50 ms", "p99 ms", "lone, over the call", "CPU, full load"], late),
            "Batches under the full load, and the share of cells that were padding, beside that of batches padded as "
            "they come:",
            results.table(["program", "bare call", "rows a batch", "padding", "as they come"], more),
            f"Killed workers: {kill['kills']} kills (`kill -9`, two workers) while {kill['asked']} requests came: "
            f"{kill['lost']} lost, {kill['doubled']} answered twice, {kill['wrong']} answered wrongly, statuses "
            f"{kill['status']}, p99 {1e3 * kill['p99']:.0f} ms.",
            f"Full queue (16 may wait, three times what it can take): {queue['answered']} answered (p99 "
            f"{1e3 * queue['p99']:.0f} ms), {refused} refused with 503, {queue['told_when']} of them with Retry-After, "
            f"{sum(other.values())} with anything else, {queue['lost']} lost.",
            _bad(bad),
        )
    )  # fmt: skip


def _bad(bad: dict[str, Any]) -> str:
    if not bad:
        return "Wrong requests were not sent in this run."
    fault = sum(count for status, count in bad["statuses"].items() if status == "500")
    return (
        f"Wrong requests (schemathesis on the schema, and spoiled samples of every task): {bad['requests']} requests, "
        f"{fault} answered 500; statuses {json.dumps(bad['statuses'])}."
    )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f}, {max(values):.2f}]"
