"""The chance that a nodule is malignant by published models: Brock (PanCan, full, with spiculation), Mayo, and Herder
after a PET scan.

What is not known stays open: the answer is then a range over the possibilities, never a silent default. Brock was made
on first screening scans of smokers, Mayo on solitary nodules of 4 to 30 mm seen on radiographs. It knows no guideline.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ....core.errors import InputError

Texture = Literal["solid", "part-solid", "ground-glass"]
BROCK = "McWilliams et al., N Engl J Med 2013;369:910 (full model with spiculation)"
MAYO = "Swensen et al., Arch Intern Med 1997;157:849"
HERDER = "Herder et al., Chest 2005;128:2490"
Uptake = Literal["none", "faint", "moderate", "intense"]  # of FDG: none; up to, above, markedly above the blood pool
_UPTAKES: Mapping[str, float] = {"none": 0.0, "faint": 2.322, "moderate": 4.617, "intense": 4.771}
_TEXTURES: Mapping[str, float] = {"solid": 0.0, "part-solid": 0.3770, "ground-glass": -0.1276}


@dataclass(frozen=True, kw_only=True, slots=True)
class Chance:
    """A probability as bounds (equal where everything is known), the inputs that were missing, and the source."""

    low: float
    high: float
    missing: tuple[str, ...]
    source: str


def brock(
    *,
    age: float,
    diameter_mm: float,
    female: bool | None,
    family_history: bool | None,
    emphysema: bool | None,
    texture: Texture | None,
    upper_lobe: bool | None,
    count: int,
    spiculated: bool | None,
) -> Chance:
    """Chance of cancer; `family_history` is of lung cancer, `count` all nodules in the scan. None: not known.

    Raises:
        InputError: an age, diameter or count that no patient has.
    """
    _plausible(age, diameter_mm)
    if count < 1:
        raise InputError(f"the nodule itself counts, so the count is at least 1, got {count}")
    fixed = -6.7892 + 0.0287 * (age - 62) - 5.3854 * ((diameter_mm / 10) ** -0.5 - 1.58113883) - 0.0824 * (count - 4)
    weights = {
        "female": (female, 0.6011),
        "family_history": (family_history, 0.2961),
        "emphysema": (emphysema, 0.2953),
        "upper_lobe": (upper_lobe, 0.6581),
        "spiculated": (spiculated, 0.7729),
    }
    terms: dict[str, tuple[float, ...]] = {name: _open(value, weight) for name, (value, weight) in weights.items()}
    terms["texture"] = tuple(_TEXTURES.values()) if texture is None else (_TEXTURES[texture],)
    return _chance(fixed, terms, BROCK)


def mayo(
    *,
    age: float,
    diameter_mm: float,
    ever_smoked: bool | None,
    cancer_history: bool | None,
    spiculated: bool | None,
    upper_lobe: bool | None,
) -> Chance:
    """Chance of cancer; `cancer_history` is of a cancer outside the chest five years ago or more. None: not known.

    Raises:
        InputError: an age or diameter that no patient has.
    """
    _plausible(age, diameter_mm)
    terms = {
        "ever_smoked": _open(ever_smoked, 0.7917),
        "cancer_history": _open(cancer_history, 1.3388),
        "spiculated": _open(spiculated, 1.0407),
        "upper_lobe": _open(upper_lobe, 0.7838),
    }
    return _chance(-6.8272 + 0.0391 * age + 0.1274 * diameter_mm, terms, MAYO)


def herder(before: Chance, *, uptake: Uptake | None) -> Chance:
    """Chance of cancer after FDG-PET; `before` is that of Mayo's model, which it was made with. None: not known.

    The coefficients are those in clinical use, checked against several calculators, not against the paper. A few
    calculators print another form, with Mayo's logit instead of its probability.

    Raises:
        InputError: `before` is of another model.
    """
    if before.source != MAYO:
        raise InputError(f"Herder's model goes on from Mayo's ({MAYO}), not from {before.source or 'an unnamed one'}")
    terms = {"uptake": tuple(_UPTAKES.values()) if uptake is None else (_UPTAKES[uptake],)}
    ends = [_chance(-4.739 + 3.691 * each, terms, HERDER) for each in (before.low, before.high)]
    missing = (*before.missing, *ends[0].missing)
    return Chance(low=ends[0].low, high=ends[1].high, missing=missing, source=HERDER)


def _plausible(age: float, diameter_mm: float) -> None:
    if not 0 < age < 130:
        raise InputError(f"an age is between 0 and 130 years, got {age}")
    if not (math.isfinite(diameter_mm) and diameter_mm > 0):
        raise InputError(f"a diameter is a positive number of millimetres, got {diameter_mm}")


def _open(value: bool | None, weight: float) -> tuple[float, ...]:
    return (0.0, weight) if value is None else (weight * value,)


def _chance(fixed: float, terms: Mapping[str, tuple[float, ...]], source: str) -> Chance:
    all_of = [1 / (1 + math.exp(-fixed - sum(each))) for each in itertools.product(*terms.values())]
    missing = tuple(name for name, values in terms.items() if len(values) > 1)
    return Chance(low=min(all_of), high=max(all_of), missing=missing, source=source)
