"""The words that the reader of reports knows: how each value is told, other words for one thing, and words that say
nothing of a finding.

The grammar (sentences.py) and the generated wording (style.py) keep to them; what is in none of these is not
understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .facts import ABSENT, PRESENT

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "sharply marginated": ("well-defined", "well-circumscribed"),
    "ill-defined": ("poorly defined",),
    "part-solid": ("partly solid",),
    "unchanged": ("stable",),
    "grown": ("enlarged", "increased in size"),
    "shrunk": ("decreased in size",),
}
STATUSES = ("new", "unchanged", "grown", "shrunk", "not found again")
CANONICAL: Mapping[str, str] = {other: words for words, others in SYNONYMS.items() for other in others}
_MM, _NUMBER = r"(-?\d+\.\d) mm", r"(-?\d+(?:\.\d+)?)"
_NOUN = r"(?:possible |probable )?(?:nodule|mass)"
SIDE = r"(?:right|left)"
_SEEN = r"(?:seen|identified|visualized|noted|present|demonstrated|evident)"
_LIKE = r"(?:candidates that look like this|candidates like this|such candidates|similar candidates)"
_ROW = rf"{_NUMBER} \((?:interval )?{_NUMBER} to {_NUMBER}\)"


def _either(words: object) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))  # type: ignore[call-overload]


STATUS = _either([*STATUSES, *(other for words in STATUSES for other in SYNONYMS.get(words, ()))])
HEDGED: Mapping[str, tuple[str, str]] = {
    **{words: about for about, words in PRESENT.items()},
    **{other: about for about, words in PRESENT.items() for other in SYNONYMS.get(words, ())},
}
ATTRIBUTE = re.compile(rf"(?<![\w-])(?<!\bof )(?<!measuring )(?<!measures )(probably )?({_either(HEDGED)})(?![\w-])")
NOTHING = re.compile(
    rf"^(?:There (?:is|are) no|There is no evidence of|It shows no|It has no|No evidence of|No) "
    rf"((?:{'|'.join(ABSENT)}|, | or )+)(?: (?:is|are) {_SEEN})?\."
)
# How a value is told. The longer readings stand first: what one has read is gone for the next.
RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (rf"of the earlier CT \({_MM}\)", ("diameter_mm",)),
    (rf"true mean diameter(?: is expected| is estimated)?(?: to lie)?(?: is| lies| runs)?(?: between| from| at)? {_MM} "
     rf"(?:to|and) {_MM}", ("diameter_low_mm", "diameter_high_mm")),
    (rf"long axis (?:of |is |measures )?{_MM}", ("long_axis_mm",)),
    (rf"short axis (?:of |is |measures )?{_MM}", ("short_axis_mm",)),
    (rf"{_MM}(?: long)? (?:by|and|x) {_MM}(?: wide)?", ("long_axis_mm", "short_axis_mm")),
    (rf"{_MM} (?={_NOUN}\b)", ("diameter_mm",)),
    (rf"(?:of|measures|measuring|is|at) {_MM}(?: in mean diameter)?", ("diameter_mm",)),
    (r"slice (-?\d+)", ("slice_index",)),
    (r"(?:volume(?: is| of)?|fills|occupies) (\d+) mm3", ("volume_mm3",)),
    (r"median density(?: is| of)? (-?\d+) HU", ("median_hu",)),
    (r"(\d+)% (?:coverage|interval)", ("diameter_coverage",)),
    (rf"at x {_NUMBER}, y {_NUMBER}, z {_NUMBER} mm", ("center_x_mm", "center_y_mm", "center_z_mm")),
    (rf"[Oo]f {_LIKE},? a share of {_NUMBER} were nodules in the validation scans", ("score",)),
    (rf"[Ii]n the validation scans,? a share of {_NUMBER} of {_LIKE} were nodules", ("score",)),
    (rf"(?:[Rr]eaders|[Aa] reader) would (?:call|rate) it suspicious with a probability of {_ROW}",
     ("malignancy_value", "malignancy_low", "malignancy_high")),
    (rf"would be (?:called|rated) suspicious by readers with a probability of {_ROW}",
     ("malignancy_value", "malignancy_low", "malignancy_high")),
    (rf"\(probability {_NUMBER}\)", ("malignancy_value",)),
    (rf"volume ratio(?: of| is)? {_ROW}", ("volume_ratio_value", "volume_ratio_low", "volume_ratio_high")),
    (rf"volume ratio {_NUMBER}, {_NUMBER} to {_NUMBER}",
     ("volume_ratio_value", "volume_ratio_low", "volume_ratio_high")),
    (rf"volume is (?:now )?{_NUMBER} times what it was \({_NUMBER} to {_NUMBER}\)",
     ("volume_ratio_value", "volume_ratio_low", "volume_ratio_high")),
    (rf"(?:doubles in|doubling time(?: is| of)?) {_NUMBER} days \({_NUMBER} to {_NUMBER} days\)",
     ("doubling_days_value", "doubling_days_low", "doubling_days_high")),
    (rf"(?:doubles in|doubling time(?: is| of)?) {_NUMBER} days \(at least {_NUMBER} days\)",
     ("doubling_days_value", "doubling_days_low")),
    (r"(?:Findings|Finding) [\d, and to]+ (?:lies|lie) outside the picture of the earlier CT", ()),
)  # fmt: skip
PLACE = re.compile(rf"(probably )?in the ({SIDE}(?: (?:upper|middle|lower))? (?:lung|lobe|zone)|lingula)\b")
NOUN = re.compile(rf"(?:\b[Aa]n? |: *)({_NOUN})\b")
CHANGE = re.compile(rf"\b(?:is|was|has|remains) ({STATUS})\b")
COUNT = re.compile(r"\b[Tt]here (?:is|are) (one|\d+) findings?\b")
NONE = re.compile(r"\b[Nn]o finding\b")
LISTED = re.compile(
    rf"^((?:Finding|Findings) [\d, and to]+?) (?:is|are|has|have|remains|remain) ({STATUS}) "
    r"(?:since|compared with|in comparison with) the (?:earlier|prior|previous) CT\b"
)
LARGEST = re.compile(r"largest(?:,| is|:)? finding (\d+)|(?:of which )?finding (\d+) is the largest")
SUSPICIOUS = re.compile(
    r"most suspicious to readers (?:would be|is) finding (\d+)|[Ff]inding (\d+) (?:would be|is) the most suspicious to "
    r"readers"
)
EARLIER = re.compile(r"^Finding (\d+) of the earlier CT")
SUBJECT = re.compile(r"\b[Ff]inding (\d+)\b")
# What must be said beside a value, by the attribute that asks for it, and how.
NO_CANCER, IN_ERROR = "no probability of cancer", "within the error of measurement"
HARMLESS = (
    f"which is {NO_CANCER}", f"this is {NO_CANCER}", IN_ERROR, "no candidate scored", "a nodule may still be there",
    "a candidate below the operating point lies there",
)  # fmt: skip
_WORDS = """
a an the it its this that of on in at to by with and or is are was were has be lies lie located centered appears
measures measuring extends represents there finding findings lesion slice axial axes extent dimensions axis median
density volume mean diameter from center x y mm seen identified visualized noted present demonstrated evident earlier
prior previous ct compared comparison since pace now operating point
"""
PLAIN = frozenset(_WORDS.split())  # words that, left over, say nothing of a finding
