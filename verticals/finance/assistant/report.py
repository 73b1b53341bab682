"""The page a person reads who takes over: what is wanted, what was said, what the pages answer. Every sentence is a
claim that is read again from the turn or the page it cites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Key, Report, Rows, Section, Tone
from .articles import Articles
from .dialogue import filled
from .records import Assistance, Citation, Slot, Turn
from .reply import named
from .slots import mentioned

TONES: Mapping[str, Tone] = {"answer": "good", "ask": "warn", "hand over": "warn", "out of scope": "plain"}
VERDICTS = {
    "answer": "Answered from the help pages",
    "ask": "The customer is asked what is meant",
    "hand over": "Handed over to a person",
    "out of scope": "Not a question for this bank",
}


def report_of(
    answer: Assistance,
    turns: Sequence[Turn],
    articles: Articles | None,
    *,
    probability: float,
    warnings: Sequence[str],
    provenance: Mapping[str, str],
) -> Report:
    """The page, verified as it is made; `probability` is of the intent, as the model gives it again."""
    evidence = {f"turn {number}": Evidence(kind="text", shows=f"turn {number}, {turn.speaker}: {turn.text}")
                for number, turn in enumerate(turns, start=1)}  # fmt: skip
    evidence["reading"] = Evidence(kind="model", shows=f"the reading of turn {len(turns)}, {provenance['model']}")
    for each in answer.citations:
        evidence[_key(each)] = Evidence(kind="text", shows=f"help page {each.article}, line {each.line}")
    sections = (
        Section(heading="What the customer wants", claims=tuple(_wanted(answer, articles, turns, probability)),
                tables=_candidates(answer, articles)),
        Section(heading="What was said", claims=tuple(_named(answer, turns)), tables=(_dialogue(turns),)),
        Section(heading="What the help pages say", claims=tuple(_quoted(answer, articles)),
                notes=() if answer.citations else (answer.reply,)),
    )  # fmt: skip
    return Report(
        title="A customer's question",
        verdict=VERDICTS[answer.decision],
        tone=TONES[answer.decision],
        keys=(
            Key(label="Topic", value=named(answer.intent, articles) if answer.intent else "not known"),
            Key(label="Probability", value=f"{answer.confidence:.2f}"),
            Key(label="Turns", value=str(len(turns))),
        ),
        sections=sections,
        evidence=evidence,
        warnings=tuple(warnings),
        provenance=provenance,
    )


def _wanted(
    answer: Assistance, articles: Articles | None, turns: Sequence[Turn], probability: float
) -> Iterator[Claim]:
    if answer.intent is not None:
        topic = named(answer.intent, articles)
        yield Claim(
            template="The question is read as {topic}, with probability {probability}.",
            facts={
                "topic": Fact(value=topic, evidence="reading", measure=partial(named, answer.intent, articles)),
                "probability": Fact(value=answer.confidence, evidence="reading", digits=2, measure=lambda: probability),
            },
        )
    for turn, topic in answer.state.topics[:-1]:
        yield Claim(
            template="Before, in {turn}, the customer asked about {topic}.",
            facts={
                "turn": Fact(value=f"turn {turn}", evidence=f"turn {turn}", measure=partial(_customer, turns, turn)),
                "topic": Fact(
                    value=named(topic, articles), evidence="reading", measure=partial(named, topic, articles)
                ),
            },
        )


def _customer(turns: Sequence[Turn], turn: int) -> str:
    """The turn's name, if the customer spoke in it."""
    return f"turn {turn}" if turns[turn - 1].speaker == "customer" else "a turn of the assistant"


def _named(answer: Assistance, turns: Sequence[Turn]) -> Iterator[Claim]:
    """Each slot, read again from the words of its turn; what it replaced, from the turns before."""
    for name, slot in answer.state.slots.items():
        key = f"turn {slot.turn}"
        facts = {
            "value": Fact(value=", ".join(slot.values), evidence=key, measure=partial(_again, turns, name, slot.turn))
        }
        template = f"The customer names the {name}: {{value}}."
        if slot.replaced:
            template = f"The customer names the {name}: {{value}}, and before that said {{before}}."
            facts["before"] = Fact(
                value=", ".join(slot.replaced), evidence=key, measure=partial(_replaced, turns, name, slot.turn)
            )
        yield Claim(template=template, facts=facts)


def _again(turns: Sequence[Turn], name: str, turn: int) -> str:
    found = [each.value for each in mentioned(turns[turn - 1].text) if each.slot == name and not each.denied]
    return ", ".join(dict.fromkeys(found))


def _replaced(turns: Sequence[Turn], name: str, last: int) -> str:
    slots: dict[str, Slot] = {}
    for number, turn in enumerate(turns[:last], start=1):
        if turn.speaker == "customer":
            slots = filled(slots, mentioned(turn.text), number)
    return ", ".join(slots[name].replaced) if name in slots else ""


def _quoted(answer: Assistance, articles: Articles | None) -> Iterator[Claim]:
    for each in answer.citations:
        yield Claim(
            template="{sentence}",
            facts={
                "sentence": Fact(value=each.sentence, evidence=_key(each), measure=partial(_line, articles or {}, each))
            },
            kind="quotation",
        )


def _line(articles: Articles, cited: Citation) -> str:
    return dict(articles[cited.article].lines).get(cited.line, "") if cited.article in articles else ""


def _key(cited: Citation) -> str:
    return f"{cited.article}, line {cited.line}"


def _candidates(answer: Assistance, articles: Articles | None) -> tuple[Rows, ...]:
    rows = tuple((named(each.intent, articles), f"{each.probability:.3f}") for each in answer.candidates)
    caption = "Topics that cannot be ruled out (conformal set)"
    return (Rows(header=("topic", "probability"), rows=rows, caption=caption),) if rows else ()


def _dialogue(turns: Sequence[Turn]) -> Rows:
    rows = tuple((str(number), turn.speaker, turn.text) for number, turn in enumerate(turns, start=1))
    return Rows(header=("turn", "speaker", "words"), rows=rows)
