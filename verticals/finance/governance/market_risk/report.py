"""The dossier of a market-risk checkpoint: chapters in order, on the user's series or the sample that ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .....core.errors import InputError
from .....core.governance import Governance
from .....core.version import __version__
from .....knowledge.reports import Key
from ...market_risk.forecast import Shifter, walk
from ..dossier import Chapter, Head, expect, governance_of
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
    if groups:
        raise InputError(f"{TASK} judges price series, which have no groups of people: leave out --groups")
    case = case_of(network, card, data, seed=seed)
    first = identity(
        TASK, model=checkpoint, card=card, parts=_parts(checkpoint), folder="verticals/finance/market_risk", seed=seed
    )  # fmt: skip
    said = outcomes(case)
    chapters = [
        first, lineage(case), point_in_time(case), said.chapter, controls(case), falls(case), stability(case).chapter,
        _fairness(), faithful(case, parts), _latency(case),
    ]  # fmt: skip
    lines = [each for chapter in chapters for each in chapter.expects]
    chapters.append(limits(TASK, watches(case, said), lines))
    return governance_of(_head(case, checkpoint, said, chapters), chapters)


def _head(case: Case, checkpoint: Mapping[str, Any], said: Outcomes, chapters: Sequence[Chapter]) -> Head:
    lines = [each for chapter in chapters for each in chapter.expects]
    counted = {status: sum(each.status == status for each in lines) for status in ("pass", "fail", "not run")}
    ours, har = (float(said.losses[1][name].mean()) for name in (OURS, BAR))
    return Head(
        task=TASK,
        model=checkpoint,
        data=case.name,
        simulated=False if case.about.startswith("THE SAMPLE") else None,
        about=case.about,
        keys=(
            Key(label="Expectations met", value=f"{counted['pass']} of {len(lines)}",
                note=f"{counted['fail']} not met, {counted['not run']} not run",
                tone="bad" if counted["fail"] else "good"),
            Key(label="QLIKE, one day", value=f"{ours:.4f}", note=f"HAR with leverage {har:.4f}"),
            Key(label="Judged", value=f"{len(said.dates[1]):,}", note=f"days of {len(case.walks)} series"),
            Key(label="Data", value="real, ships" if case.about.startswith("THE SAMPLE") else "the user's",
                note=Path(case.name).name),
        ),
        provenance={
            "program": f"colonnade {__version__}", "checkpoint": str(checkpoint.get("name")),
            "weights SHA-256": str(checkpoint.get("sha256", "not saved")), "data": case.name,
            "data SHA-256": case.sha256, "seed": str(case.seed),
        },
    )  # fmt: skip


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


def _fairness() -> Chapter:
    why = "prices are not of persons: there are no groups to compare"
    return Chapter(
        heading="Fairness by group", facts={"groups": {}}, notes=(f"Not run: {why}.",),
        expects=(expect("fairness", "The decision errs alike for groups", "nothing", None, why),),
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
