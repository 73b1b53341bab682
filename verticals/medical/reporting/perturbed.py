"""Wrong reports to try the verifier on: an answer with one false value, or a text with one false sentence.

Every change is one that a reader could see: a number moves by at least one unit of the digit that is printed. A change
that does not apply to an answer (no earlier scan, one finding) gives None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ....core.result import Interval
from ..followup.growth import Change
from ..records import Finding, Nodules
from .facts import SAID

Draw = np.random.Generator
OTHER = {"right": "left", "left": "right"}


def _one(answer: Nodules, draw: Draw, change: Callable[[Finding], Finding | None]) -> Nodules | None:
    """One finding changed, where the change applies to any."""
    order = draw.permutation(len(answer.findings))
    for index in order:
        made = change(answer.findings[index])
        if made is not None:
            findings = (*answer.findings[:index], made, *answer.findings[index + 1 :])
            return replace(answer, findings=findings)
    return None


def _factor(draw: Draw) -> float:
    return float(draw.choice([0.7, 0.9, 1.1, 1.4]))


def side(answer: Nodules, draw: Draw) -> Nodules | None:
    return _one(answer, draw, lambda each: replace(each, side=OTHER[each.side]))


def diameter(answer: Nodules, draw: Draw) -> Nodules | None:
    return _one(
        answer, draw, lambda each: replace(each, diameter_mm=each.diameter_mm + float(draw.choice([-1, 0.2, 2, 9])))
    )


def axis(answer: Nodules, draw: Draw) -> Nodules | None:
    return _one(answer, draw, lambda each: replace(each, short_axis_mm=each.short_axis_mm * _factor(draw)))


def volume(answer: Nodules, draw: Draw) -> Nodules | None:
    return _one(answer, draw, lambda each: replace(each, volume_mm3=each.volume_mm3 * _factor(draw)))


def density(answer: Nodules, draw: Draw) -> Nodules | None:
    return _one(
        answer, draw, lambda each: replace(each, median_hu=each.median_hu + float(draw.choice([-500, -3, 2, 80])))
    )


def slice_(answer: Nodules, draw: Draw) -> Nodules | None:
    return _one(
        answer, draw, lambda each: replace(each, slice_index=each.slice_index + int(draw.choice([-3, -1, 1, 7])))
    )


def center(answer: Nodules, draw: Draw) -> Nodules | None:
    x = float(draw.choice([-30, -1, 1, 5]))
    return _one(answer, draw, lambda each: replace(each, center_mm=(each.center_mm[0] + x, *each.center_mm[1:])))


def interval(answer: Nodules, draw: Draw) -> Nodules | None:
    def narrowed(each: Finding) -> Finding:
        own = each.diameter_interval
        return replace(each, diameter_interval=replace(own, low=own.low * 0.8, high=own.high * 0.9))

    return _one(answer, draw, narrowed)


def attribute(answer: Nodules, draw: Draw) -> Nodules | None:
    """Another value of an attribute, in the surest of which the report would say it."""

    def other(each: Finding) -> Finding | None:
        for name, own in each.attributes.items():
            rivals = [value for value in own.probabilities if value != own.value]
            if name != "location" and name in ("texture", "margin") and own.probability >= SAID and rivals:
                return replace(each, attributes={**each.attributes, name: replace(own, value=rivals[0])})
        return None

    return _one(answer, draw, other)


def swapped(answer: Nodules, draw: Draw) -> Nodules | None:
    """Two findings trade their labels."""
    if len(answer.findings) < 2:
        return None
    one, other, *rest = answer.findings
    return replace(answer, findings=(replace(one, label=other.label), replace(other, label=one.label), *rest))


def dropped(answer: Nodules, draw: Draw) -> Nodules | None:
    """The last finding is not told, its mask remains."""
    return replace(answer, findings=answer.findings[:-1]) if answer.findings else None


def row(answer: Nodules, draw: Draw) -> Nodules | None:
    """A row of the guideline that does not apply."""
    from ..guidelines import fleischner

    for place, entry in enumerate(answer.management):
        if entry.choices and entry.guideline == fleischner.GUIDELINE:
            first = entry.choices[0]
            others = [name for name in fleischner.ROWS if name not in entry.rows]
            wrong = str(draw.choice(others))
            choice = replace(first, row=wrong, says=fleischner.ROWS[wrong])
            made = replace(entry, choices=(choice, *entry.choices[1:]))
            return replace(answer, management=(*answer.management[:place], made, *answer.management[place + 1 :]))
    return None


def _changed(answer: Nodules, change: Callable[[Change], Change | None]) -> Nodules | None:
    if answer.comparison is None:
        return None
    for place, each in enumerate(answer.changes):
        made = change(each) if each.label is not None else None
        if made is not None:
            changes = (*answer.changes[:place], made, *answer.changes[place + 1 :])
            return replace(answer, comparison=replace(answer.comparison, changes=changes))
    return None


def status(answer: Nodules, draw: Draw) -> Nodules | None:
    def wrong(each: Change) -> Change | None:
        others = [name for name in ("grown", "shrunk", "unchanged") if name != each.status]
        return replace(each, status=str(draw.choice(others))) if each.ratio is not None else None  # type: ignore[arg-type]

    return _changed(answer, wrong)


def ratio(answer: Nodules, draw: Draw) -> Nodules | None:
    return _changed(
        answer, lambda each: replace(each, ratio=_scaled(each.ratio, _factor(draw))) if each.ratio else None
    )


def doubling(answer: Nodules, draw: Draw) -> Nodules | None:
    return _changed(answer, lambda each: replace(each, doubling_days=_scaled(each.doubling_days, _factor(draw)))
                    if each.doubling_days and each.status == "grown" else None)  # fmt: skip


def days(answer: Nodules, draw: Draw) -> Nodules | None:
    """Another time between the scans, under doubling times that were computed with the right one."""
    if not any(each.doubling_days and each.status == "grown" for each in answer.changes) or answer.comparison is None:
        return None
    return replace(answer, comparison=replace(answer.comparison, days=answer.comparison.days * _factor(draw)))


def _scaled(interval: Interval, factor: float) -> Interval:
    return replace(interval, value=interval.value * factor, low=interval.low * factor, high=interval.high * factor)


FACTS: Mapping[str, Callable[[Nodules, Draw], Nodules | None]] = {
    "side": side, "mean diameter": diameter, "short axis": axis, "volume": volume, "density": density, "slice": slice_,
    "center": center, "interval": interval, "attribute": attribute, "findings swapped": swapped,
    "finding not told": dropped, "guideline row": row, "status": status, "volume ratio": ratio,
    "doubling time": doubling, "days between": days,
}  # fmt: skip

_WORDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "side": (r"\bin the (?:right|left)\b", {"right": "left", "left": "right"}),
    "lobe": (r"\b(?:upper|lower|middle) lobe", {"upper": "lower", "lower": "upper", "middle": "upper"}),
    "texture": (r"(?:\b[Ii]t is|appears|\)[,;]|lobe,|lung,) .*\b(?:part-solid|ground-glass density|solid)\b",
                {"part-solid": "solid", "of ground-glass density": "solid", "solid": "part-solid"}),
    "negation": (r"^(?:There is no|There is no evidence of|It shows no|No evidence of|No) (?:spic|lob|calc)",
                 {"There is no": "There is", "shows no": "shows", "No evidence": "Evidence", "No ": ""}),
    "hedge": (r"probably (?!in)", {"probably ": ""}),
    "status": (r"\b(?:unchanged|grown|shrunk|new) (?:since|within|compared|in comparison)",
               {"unchanged": "grown", "grown": "shrunk", "shrunk": "grown", "new": "unchanged"}),
    "noun": (r"possible nodule", {"possible nodule": "nodule"}),
}  # fmt: skip
_NUMBERS: Mapping[str, str] = {
    "diameter": r"(?:nodule of|measures|measuring|mass of|:) (\d+\.\d) mm",
    "axis": r"are (\d+\.\d) mm and|extends (\d+\.\d)|is (\d+\.\d) mm long|(\d+\.\d) mm by",
    "volume": r"(\d+) mm3", "slice": r"slice (\d+)", "center": r"at x (-?\d+\.\d)",
    "bounds": r"true mean diameter [a-z ]*(\d+\.\d)",
    "number of a finding": r"^Finding (\d+)(?::| is a| represents| lies (?:in|prob)| is located)|\(finding (\d+)\)",
    "volume ratio": r"(?:ratio|ratio of|volume is|is now) (\d+\.\d+)",
    "doubling time": r"(?:doubles in|doubling time is) (\d+) days",
    "count": r"There are (\d+) findings",
}  # fmt: skip
_LEAD = re.compile(
    r"Finding \d+(?:,|:| is a| represents| is located| lies (?:in|prob))|(?:A|There is a) .*\(finding \d+\)"
)
ADDED = (
    "There is no nodule.", "No finding at the operating point.", "There is no pleural effusion.",
    "Finding 1 is benign.", "Finding 99 is a nodule of 8.0 mm in the right lung.", "It is spiculated and malignant.",
)  # fmt: skip


def text(kind: str, sentences: Sequence[str], draw: Draw) -> list[str] | None:
    """The sentences with one of them made false; kinds are those of TEXTS."""
    sentences = list(sentences)
    if kind == "sentence added":
        place = int(draw.integers(0, len(sentences) + 1))
        false = [each for each in ADDED if not (each.startswith("No finding") and _says_none(sentences))]
        return [*sentences[:place], str(draw.choice(false)), *sentences[place:]]
    if kind == "paragraphs swapped":
        return _swapped(sentences)
    if kind == "finding left out":
        return _left_out(sentences)
    pattern = _NUMBERS.get(kind) or _WORDS[kind][0]
    where = [index for index, each in enumerate(sentences) if re.search(pattern, each)]
    if not where:
        return None
    index = int(draw.choice(where))
    made = _number(pattern, sentences[index], draw) if kind in _NUMBERS else _word(*_WORDS[kind], sentences[index])
    return [*sentences[:index], made, *sentences[index + 1 :]] if made != sentences[index] else None


def _says_none(sentences: Sequence[str]) -> bool:
    """Whether "no finding" would be true of the report."""
    return any(each.startswith("No finding") for each in sentences)


TEXTS = (*_WORDS, *_NUMBERS, "sentence added", "paragraphs swapped", "finding left out")


def _number(pattern: str, sentence: str, draw: Draw) -> str:
    found = re.search(pattern, sentence)
    assert found is not None
    group = next(n for n, each in enumerate(found.groups(), start=1) if each is not None)
    digits = len(found[group].partition(".")[2])
    step = 10.0**-digits
    value = float(found[group])
    moved = value + float(draw.choice([step, 2 * step, 1 + step, 0.3 * value + step]))
    return sentence[: found.start(group)] + f"{moved:.{digits}f}" + sentence[found.end(group) :]


def _word(pattern: str, swaps: Mapping[str, str], sentence: str) -> str:
    found = re.search(pattern, sentence)
    assert found is not None
    for old, new in swaps.items():
        if old in found[0]:
            return sentence[: found.start()] + found[0].replace(old, new, 1) + sentence[found.end() :]
    return sentence


def _paragraphs(sentences: Sequence[str]) -> list[int]:
    """Where the paragraph of each finding begins."""
    return [n for n, each in enumerate(sentences) if _LEAD.match(each)]


def _swapped(sentences: list[str]) -> list[str] | None:
    """The first sentences of two findings trade places, and what follows stays."""
    starts = _paragraphs(sentences)
    if len(starts) < 2:
        return None
    one, other = starts[:2]
    sentences[one], sentences[other] = sentences[other], sentences[one]
    return sentences


def _left_out(sentences: list[str]) -> list[str] | None:
    starts = _paragraphs(sentences)
    if len(starts) < 2:
        return None
    return sentences[: starts[0]] + sentences[starts[1] :]
