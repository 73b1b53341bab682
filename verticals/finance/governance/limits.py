"""What is known not to hold: each task's limits, the failures found on the data, and the plan to watch both.

It knows nothing of how a threshold was computed: the chapters bring their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ....core.governance import Expectation
from ....knowledge.reports import Rows
from .dossier import Chapter, expect

CHAPTER = "monitoring"
KNOWN = {
    "finance/fraud": (
        "The weights that ship learnt from this house's simulator and from nothing else: they show how the task runs,"
        " and rank other payments little better than the amount does. Fit on your own payments.",
        "Labels are taken as they are told: frauds that nobody reports are learnt as honest, and payments that were"
        " declined have no outcome at all (selective labels); nothing here corrects for that.",
        "A label of a payment more than 120 days old is passed over.",
        "Amounts are in one currency; a file of several is refused.",
        "A card or terminal without history is scored by what others are like.",
        "Reason codes name groups of features, not causes; four at most, and none for a payment that is approved.",
        "Sex, age, nationality and the like are no features; what stands for them (place, habit) may be in others.",
    ),
    "finance/market-risk": (
        "Two American indices before 2007 taught the network that ships; on other assets, evaluate first.",
        "Days are exchange days; there is no calendar of announcements; a gap at the open is invisible to the range.",
        "Value at risk is historical: it needs 500 past forecasts, and its level moves only after misses.",
        "The shape of the network was chosen with results after 2007 in sight (README): these days are not untouched.",
        "The warning of falls is hardly better than last month's volatility.",
        "The weights that ship do not listen to news.",
    ),
    "finance/compliance": (
        "The ranker that ships learnt from this house's simulator and from nothing else; its probabilities are of such"
        " worlds. Fit it on alerts that your bank has decided.",
        "What no rule sees is in no alert: the ranker orders, it finds nothing.",
        "Parameters of rules are defaults of ours; clauses are told in our words and are no legal text.",
        "Names are compared in Latin script and five transliterations; a list is as good as its last update.",
        "Other banks' payments are not seen: an account there is known only by what it pays or takes here.",
        "A rule that hangs on links (bodies without owners, shared identities) is dated by its links or last payment.",
        "That most alerts read are decided and the others never are (selective labels) is not corrected for.",
    ),
    "finance/notes": (
        "A note says what five forms of sentence can say of a table; it judges nothing and gives no advice.",
        "Tables are read from HTML, CSV or JSON, not from scans; merged cells beyond a header are not understood.",
        "An answer may be the right sum of the wrong cells: its cells are cited, and its confidence is no promise.",
        "Text is held against tables only where a sentence names one row, one year and one amount.",
        "The scorer that ships learnt from questions of one published set; other wording is answered worse.",
        "Out-of-table arithmetic (several tables, per-share adjustments, currencies) is not done.",
    ),
    "finance/assistant": (
        "English only; 77 intents of one published set; other banks' customers ask for other things.",
        "Out of scope is told by how unlike a message is to what was learnt: a near miss is answered as if in scope.",
        "An answer is the page's sentences, whole: it is as right as the page.",
        "The state of a dialogue is kept by patterns: cards, amounts, dates, countries and shops.",
        "Without the extra `text` words alone are read, which is less accurate; the answer says so.",
        "It identifies nobody and moves no money: what asks for that is handed over.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """One line of the monitoring plan: what, how often, the threshold with what it was computed from, and then what."""

    what: str
    often: str
    threshold: str
    computed: str
    then: str


def limits(task: str, watches: Sequence[Watch], lines: Sequence[Expectation]) -> Chapter:
    """Limits, failures found here, and the plan."""
    failed = tuple(each for each in lines if each.status == "fail")
    plan = Rows(
        header=("watched", "how often", "threshold", "computed from", "when it is crossed"),
        rows=tuple((each.what, each.often, each.threshold, each.computed, each.then) for each in watches),
        caption="Monitoring plan. Who watches, and who is told, is the bank's to fill in.",
    )
    found = Rows(
        header=("failure found on these data", "found"),
        rows=tuple((each.expects, each.found) for each in failed) or (("none", "every expectation run was met"),),
    )
    known = Rows(header=("known limits",), rows=tuple((each,) for each in KNOWN[task]))
    return Chapter(
        heading="Limits, known failures and the plan to watch them",
        facts={
            "limits": list(KNOWN[task]), "failures": [each.expects for each in failed],
            "plan": [asdict(each) for each in watches],
        },
        tables=(known, found, plan),
        expects=(
            expect(CHAPTER, "Limits and known failures are written down", "the task's card and this run", True,
                   f"{len(KNOWN[task])} limits, {len(failed)} failures on these data"),
            expect(CHAPTER, "A monitoring plan with computed thresholds", "thresholds from the part before", True,
                   f"{len(watches)} lines"),
            expect(CHAPTER, "Approval, owners, escalation and a fallback in operation", "nothing", None,
                   "the bank's own process: this program cannot show it"),
        ),
    )  # fmt: skip
