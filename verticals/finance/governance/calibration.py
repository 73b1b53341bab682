"""The chapter on calibration: what was promised beside what came. It knows nothing of what is promised."""

from __future__ import annotations

from dataclasses import asdict

from ....core.governance import Expectation
from ....core.trust.reliability import MASS, Reliability, reliability_of
from ....core.types import Array
from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Rows
from .dossier import Chapter, expect
from .drawings import reliability_figure
from .written import count, share, span

CHAPTER = "calibration"
RATIO = (0.8, 1.25)  # of promised to happened: a convention
ERROR = 0.25  # of the share of fraud: a convention


def calibration(promised: Array, happened: Array, groups: Array, *, event: str, seed: int) -> Chapter:
    """Reliability curve, Brier score, calibration error, and promised over happened; whole groups are redrawn.

    `event` is in the plural: "frauds".
    """
    found = reliability_of(promised, happened, groups=groups, seed=seed)
    rate = float(happened.mean())
    again = lambda: float(promised.sum() / happened.sum())  # noqa: E731
    return Chapter(
        heading="Calibration",
        facts={"share": rate, **asdict(found)},
        claims=(
            Claim(
                template="In all, {ratio} times as many " + event + " were promised as came.",
                facts={"ratio": Fact(value=found.ratio.value, evidence="promises", digits=2, measure=again)},
            ),
        ),
        evidence={"promises": Evidence(kind="measurement", shows="probabilities and outcomes of the judged part")},
        figures=(reliability_figure(found, event, logarithmic=rate < 0.05),),
        tables=_tables(found),
        expects=_expects(found, rate),
    )


def _tables(found: Reliability) -> tuple[Rows, Rows]:
    rows = tuple(
        (count(point.count), share(point.promised, 2), share(point.happened.value, 2),
         f"{share(point.happened.low, 2)} to {share(point.happened.high, 2)}")
        for point in found.curve
    )  # fmt: skip
    return (
        Rows(header=("", "measured, 95 % interval"), rows=(
            (f"calibration error ({MASS} bins of equal mass)", span(found.ece, 4)),
            ("Brier score", span(found.brier, 4)),
            ("Brier score of always saying the share", f"{found.brier_of_share:.4f}"),
            ("promised over happened", span(found.ratio, 2)),
        )),
        Rows(header=("cases", "promised", "happened", "95 % interval"), rows=rows,
             caption="Bins in which equally much was promised."),
    )  # fmt: skip


def _expects(found: Reliability, rate: float) -> tuple[Expectation, ...]:
    ratio = found.ratio
    alike = RATIO[0] <= ratio.value <= RATIO[1] or ratio.low <= 1 <= ratio.high
    return (
        expect(CHAPTER, "As much is promised in all as comes", f"ratio within {RATIO[0]} to {RATIO[1]}, or 1 in its"
               " interval", alike, span(ratio, 2)),
        expect(CHAPTER, "The calibration error is small beside the share", f"at most {ERROR:g} of the share",
               found.ece.value <= ERROR * rate, f"{span(found.ece, 4)}, share {share(rate, 2)}"),
        expect(CHAPTER, "Probabilities say more than the share alone", "Brier score",
               found.brier.value < found.brier_of_share, f"{found.brier.value:.5f} against {found.brier_of_share:.5f}"),
    )  # fmt: skip
