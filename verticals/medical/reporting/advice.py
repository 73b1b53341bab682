"""The recommendation: the rows of the guidelines that apply, quoted by their ids, with the proof that leads to each.

What a guideline says is computed again from the measured findings before it is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Section
from ..guidelines.manage import Choice, Managed, manage
from ..guidelines.patient import Patient
from ..patient import Clinical
from ..records import Nodules
from . import sentences
from .facts import Again

NONE = "No guideline was asked: there is no finding."


def managed(answer: Nodules, patient: Clinical | None) -> tuple[Managed, ...]:
    """What the guidelines say; nothing where nothing was found or could be judged."""
    if answer.reasons or not answer.findings:
        return ()
    asked = patient.asked() if patient is not None else Patient()
    comparison = answer.comparison
    return manage(
        answer.findings, asked, screening=asked.screening, changes=answer.changes,
        days=None if comparison is None else comparison.days,
    )  # fmt: skip


def recommendation(answer: Nodules, patient: Clinical | None, again: Again, evidence: dict[str, Evidence]) -> Section:
    """Each guideline with its rows; where several stay open, what would decide between them."""
    if not answer.management:
        fact = Fact(value=NONE, evidence="scores", measure=lambda: NONE if not again.sizes else "")
        claims = (Claim(template="{none}", facts={"none": fact}, kind="guideline"),)
        return Section(heading="Recommendation", claims=claims)
    found: list[tuple[Managed, ...]] = []

    def anew() -> tuple[Managed, ...]:
        """From the diameters measured again; once for the whole section."""
        if not found:
            sized = tuple(replace(each, diameter_mm=again.size(each.label).diameter_mm) for each in answer.findings)
            found.append(managed(replace(answer, findings=sized), patient))
        return found[0]

    parts = tuple(_part(number, each, anew, evidence) for number, each in enumerate(answer.management))
    return Section(heading="Recommendation", parts=parts)


def _part(number: int, one: Managed, anew: Callable[[], tuple[Managed, ...]], evidence: dict[str, Evidence]) -> Section:
    key = f"rule {one.guideline}"
    evidence[key] = Evidence(kind="rule", shows=f"{one.guideline}: {one.source}")

    def fact(value: str, read: Callable[[Managed], str], cites: str = key, about: str = "") -> Fact:
        return Fact(value=value, evidence=cites, measure=lambda: read(anew()[number]),
                    about=(one.guideline, about) if about else None)  # fmt: skip

    guideline = fact(one.guideline, lambda each: each.guideline)
    asked = {"guideline": guideline, "because": fact(one.because, lambda each: each.because)}
    claims = [Claim(template="{guideline} was asked because {because}.", facts=asked, kind="guideline")]
    if one.silent_because:
        said = fact("; ".join(one.silent_because), lambda each: "; ".join(each.silent_because))
        claims.append(Claim(template="It gives no advice here: {reasons}.", facts={"reasons": said}, kind="guideline"))
    if one.missing and one.choices:
        names = fact(_words(one.missing), lambda each: _words(each.missing))
        template = "It leaves several rows open; what would decide: {missing}." if len(one.choices) > 1 else \
            "Whether it applies depends on what is not known: {missing}."  # fmt: skip
        claims.append(Claim(template=template, facts={"missing": names}, kind="guideline"))
    claims += [_rows(one, each, number, anew, evidence) for each in _alike(one.choices)]
    for place, note in enumerate(one.notes):
        said = fact(note, lambda each, place=place: each.notes[place] if place < len(each.notes) else "")  # type: ignore[misc]
        claims.append(Claim(template="To be read with it: {note}.", facts={"note": said}, kind="guideline"))
    claims += _chance(one, number, anew, key)
    return Section(heading=one.guideline, claims=tuple(claims))


def _alike(choices: Sequence[Choice]) -> list[tuple[int, ...]]:
    """Places of choices that come to the same for the same finding: one category, one sentence."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, each in enumerate(choices):
        groups.setdefault((each.category, each.says, each.label), []).append(place)
    return [tuple(group) for group in groups.values()]


def _rows(
    one: Managed, places: tuple[int, ...], number: int, anew: Callable[[], tuple[Managed, ...]],
    evidence: dict[str, Evidence],
) -> Claim:  # fmt: skip
    """One or several rows that say the same, quoted by their ids; each row's proof is its evidence."""
    chosen = [one.choices[place] for place in places]
    for each in chosen:
        evidence[f"{one.guideline} {each.row}"] = Evidence(
            kind="rule", shows=f"{one.guideline}, row {each.row}: {each.says}", detail=each.proof.tree()
        )

    def fact(place: int, name: str) -> Fact:
        def again() -> str:
            choices = anew()[number].choices
            return _text(getattr(choices[place], name)) if place < len(choices) else ""

        choice = one.choices[place]
        return Fact(value=_text(getattr(choice, name)), evidence=f"{one.guideline} {choice.row}", measure=again,
                    about=(f"{one.guideline} choice {place}", name))  # fmt: skip

    facts = {f"row{'i' * rank}": fact(place, "row") for rank, place in enumerate(places)}
    template = f"{'Rows' if len(places) > 1 else 'Row'} {sentences.series(facts, 'and')}"
    first = places[0]
    if chosen[0].category:
        facts["category"] = fact(first, "category")
        template = f"Category {{category}} ({template[0].lower()}{template[1:]})"
    if chosen[0].label is not None:
        facts["label"] = fact(first, "label")
        template += ", for finding {label}"
    if chosen[0].provided and len(places) == 1:
        facts["provided"] = fact(first, "provided")
        template += ", if {provided}"
    facts["says"] = fact(first, "says")
    return Claim(template=template + ": “{says}.”", facts=facts, kind="guideline")


def _chance(one: Managed, number: int, anew: Callable[[], tuple[Managed, ...]], key: str) -> list[Claim]:
    if one.chance is None:
        return []

    def fact(name: str) -> Fact:
        return Fact(
            value=100 * getattr(one.chance, name), evidence=key, unit="%", about=(one.guideline, f"chance_{name}"),
            measure=lambda: 100 * getattr(anew()[number].chance, name, float("nan")),
        )  # fmt: skip

    source = Fact(value=one.chance.source, evidence=key, measure=lambda: getattr(anew()[number].chance, "source", ""))
    template = "The chance of cancer by {source} lies from {low} to {high}."
    return [
        Claim(template=template, facts={"source": source, "low": fact("low"), "high": fact("high")}, kind="guideline")
    ]


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return sentences.listed([str(each).replace("_", " ") for each in value]) if value else ""
    return str(value).rstrip(".")


def _words(names: tuple[str, ...]) -> str:
    return sentences.listed([each.replace("_", " ") for each in names]) if names else ""
