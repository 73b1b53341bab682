"""What the report must say against itself: how the model was made, its numbers from the card, what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Section
from ..records import Nodules

MADE = (
    "The detector learnt from real nodule shapes put into CT backgrounds and phantoms, not from patients with proven "
    "nodules; it misses small and faint nodules and marks vessels, scars and pleura."
)
SCOPE = (
    "Only pulmonary nodules were looked for: nothing is said of the heart, the mediastinum, bones or anything else.",
    "Nothing here says benign or malignant.",
)
UNUSED = (
    "The second look at crop and indication changed no score: on validation scans it did not help, so its gates tell "
    "nothing about these findings."
)
WORDS_UNUSED = (
    "The words of the indication count for nothing in the scores: on validation scans they did not help, so their "
    "gates tell nothing about these findings."
)
UNKNOWN = "Texture, margin and other attributes are not judged here."


def limits(answer: Nodules, card: Mapping[str, Any], evidence: dict[str, Evidence]) -> Section:
    """Each sentence cites the card of the weights, or what was not asked."""
    evidence["card"] = Evidence(kind="model", shows="the card of the weights in use")
    said = [MADE, *SCOPE]
    if answer.findings and not any(each.attributes for each in answer.findings):
        said.append(UNKNOWN)
    said += _unused(card.get("judge", {}))
    claims = [
        Claim(template="{limit}", facts={"limit": Fact(value=each, evidence="card", measure=lambda each=each: each)},  # type: ignore[misc]
              kind="limitation") for each in said
    ]  # fmt: skip
    numbers = {name: value for name, value in card.get("validation", {}).items() if isinstance(value, (int, float))}
    if numbers:
        facts = {
            name: Fact(value=float(value), evidence="card", digits=_digits(value), about=("weights", name),
                       measure=lambda name=name: float(card["validation"][name]))  # type: ignore[misc]
            for name, value in numbers.items()
        }  # fmt: skip
        told = ", ".join(f"{name.replace('_', ' ')} {{{name}}}" for name in numbers)
        claims.append(
            Claim(
                template=f"Validation of these weights on semi-synthetic scans: {told}.", facts=facts, kind="limitation"
            )
        )
    return Section(heading="Limitations", claims=tuple(claims))


def _unused(kept: Mapping[str, Any]) -> list[str]:
    """What of the second look the guard did not keep; `kept` are shares of residual and experts by modalities."""
    if not kept:
        return []
    if not any(each["residual"] or any(each["powers"]) for each in kept.values()):
        return [UNUSED]
    both = kept.get("ct+indication")
    return [WORDS_UNUSED] if both and not both["residual"] and not both["powers"][1] else []


def _digits(value: float) -> int:
    return 0 if float(value).is_integer() else 3
