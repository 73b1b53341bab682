"""The dossier of a market-risk checkpoint: chapters in order, on the user's series or the sample that ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .....core.governance import Governance
from .....knowledge.reports import Key
from ...market_risk.forecast import Shifter, walk
from ..dossier import Chapter
from ..fairness import refuse_groups, without_groups
from ..heading import signed
from ..identity import Part, identity
from ..latency import latency, timed
from ..limits import limits
from .case import Case, case_of
from .controls import controls
from .falls import falls
from .lineage import lineage
from .monitoring import watches
from .outcomes import BAR, OURS, Outcomes, outcomes
from .parts import Parts, faithful
from .pointintime import newest, point_in_time
from .stability import stability

TASK = "finance/market-risk"
NOBODY = "prices are not of persons: there are no groups to compare"
CALLS, BARS, SLOWEST = 12, 1000, 30_000.0  # walks that are timed, on so many bars; ms


def govern(
    network: Shifter,
    card: Mapping[str, Any],
    *,
    parts: Parts,
    checkpoint: Mapping[str, Any],
    data: Path | None,
    groups: Sequence[str],
    seed: int,
) -> Governance:
    """Everything, measured; `parts` is what `explain` says that the last forecast of a series is made of.

    Raises:
        InputError: groups, which prices do not have; series that cannot be read, or too few days to judge.
    """
    refuse_groups(TASK, groups, "price series")
    case = case_of(network, card, data, seed=seed)
    first = identity(
        TASK, model=checkpoint, card=card, parts=_parts(checkpoint), folder="verticals/finance/market_risk", seed=seed
    )  # fmt: skip
    said = outcomes(case)
    chapters = [
        first, lineage(case), point_in_time(case), said.chapter, controls(case), falls(case), stability(case).chapter,
        without_groups(NOBODY), faithful(case, parts), _latency(case),
    ]  # fmt: skip
    lines = [each for chapter in chapters for each in chapter.expects]
    chapters.append(limits(TASK, watches(case, said), lines))
    return signed(
        TASK, chapters, checkpoint=checkpoint, origin=case.origin, keys=_keys(case, said), seed=case.seed
    )  # fmt: skip


def _keys(case: Case, said: Outcomes) -> tuple[Key, ...]:
    ours, har = (float(said.losses[1][name].mean()) for name in (OURS, BAR))
    return (
        Key(label="QLIKE, one day", value=f"{ours:.4f}", note=f"HAR with leverage {har:.4f}"),
        Key(label="Judged", value=f"{len(said.dates[1]):,}", note=f"days of {len(case.walks)} series"),
    )


def _parts(checkpoint: Mapping[str, Any]) -> tuple[Part, ...]:
    digest, place = str(checkpoint.get("sha256", "not saved")), "verticals/finance/market_risk"
    return (
        Part(name="HAR with leverage", kind="statistical estimate", module=f"{place}/har.py", reads="past variances and"
             " falls", answers="logarithm of variance", digest="fitted on the series"),
        Part(name="residual network", kind="learned model", module=f"{place}/model.py", reads="66 days and 25 numbers",
             answers="what moves HAR", digest=digest),
        Part(name="boosting on HAR's residual", kind="learned model", module=f"{place}/boosting.py", reads="25 numbers",
             answers="what moves HAR", digest="fitted on the series"),
        Part(name="bounds, value at risk", kind="statistical estimate", module=f"{place}/bounds.py", reads="the series'"
             " past errors", answers="bounds, value at risk, shortfall", digest="fitted on the series"),
        Part(name="warning of falls", kind="rules set by people", module=f"{place}/drawdown.py", reads="past lows in"
             " units of the forecast, a budget", answers="probability of a fall, alert", digest="code"),
        Part(name="challenger", kind="baseline", module="core/trust/rulelist.py", reads="what HAR reads",
             answers="the volatility of one of twelve rules", digest="fitted for this page"),
    )  # fmt: skip


def _latency(case: Case) -> Chapter:
    prices = newest(case.walks[0].prices)
    short = [prices.until(len(prices) - back) for back in range(CALLS)]
    cut = [
        replace(each, dates=each.dates[-BARS:], high=each.high[-BARS:], low=each.low[-BARS:], close=each.close[-BARS:],
                open=None, volume=None)
        for each in short
    ]  # fmt: skip
    times = timed(lambda each: walk(each, case.network), cut)
    return latency(times, what=f"A forecast with its whole record, {len(cut[0]):,} bars", limit=SLOWEST)
