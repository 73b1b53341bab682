from __future__ import annotations

import json
from pathlib import Path

import pytest

from colonnade.core.errors import FileError, FormatError
from colonnade.verticals.finance.assistant.articles import read_articles
from colonnade.verticals.finance.assistant.dialogue import Reading, advance, listened
from colonnade.verticals.finance.assistant.records import Candidate, State
from colonnade.verticals.finance.assistant.reply import OUTSIDE, reply_to
from colonnade.verticals.finance.assistant.slots import mentioned
from colonnade.verticals.finance.assistant.transcript import read_transcript
from colonnade.verticals.finance.tasks import SAMPLES

NOTHING = Reading(intent=None, confidence=0.1)


@pytest.mark.parametrize(
    ("text", "slot", "value"),
    [
        ("I paid $1,250.50 with it", "amount", "1250.50 USD"), ("it was 50 euros", "amount", "50.00 EUR"),
        ("my card ending in 4711", "card", "4711"), ("card **** 1234 failed", "card", "1234"),
        ("on 3 May 2024", "date", "2024-05-03"), ("on March 5th", "date", "5 March"), 
        ("it was Yesterday", "date", "yesterday"),
        ("last friday at noon", "date", "last friday"), ("in the UK", "country", "United Kingdom"),
        ("my virtual card", "kind", "virtual"), ("I bought it at Corner Books", "shop", "Corner Books"),
        ("on 31 February", "date", None),
    ],
)  # fmt: skip
def test_values_are_found_in_words(text: str, slot: str, value: str | None):
    found = {each.slot: each for each in mentioned(text)}
    assert (found[slot].value if slot in found else None) == value
    if slot in found:
        assert text[found[slot].start : found[slot].end]


def test_what_is_denied_is_told_from_what_holds():
    found = {each.value: each.denied for each in mentioned("sorry, not 50 euros but 60 euros")}
    assert found == {"50.00 EUR": True, "60.00 EUR": False}
    assert [each.denied for each in mentioned("it wasn't Monday, it was Tuesday")] == [True, False]


def test_fifteen_turns_keep_what_was_said_through_corrections_and_other_topics():
    turns = [
        ("customer", "My transfer has not arrived", "transfer", 0.9),
        ("assistant", "How much was it?", None, 0),
        ("customer", "200 euros", None, 0.1),
        ("assistant", "When?", None, 0),
        ("customer", "Last Monday", None, 0.2),
        ("assistant", "To which country?", None, 0),
        ("customer", "To Spain. No, sorry, I meant to Portugal", None, 0.3),
        ("assistant", "Thank you.", None, 0),
        ("customer", "Actually it was not 200 euros but 250 euros", "exchange", 0.5),
        ("assistant", "I see.", None, 0),
        ("customer", "And how do I change the PIN of my card ending in 9876?", "pin", 0.95),
        ("assistant", "At a cash machine.", None, 0),
        ("customer", "Thanks. Is there any news about the transfer I asked about?", "transfer", 0.8),
        ("assistant", "Not yet.", None, 0),
        ("customer", "It was on 3 June 2024, not on Monday", None, 0.2),
    ]
    state = State()
    for speaker, text, intent, confidence in turns:
        reading = Reading(intent=intent, confidence=confidence)
        state = listened(state) if speaker == "assistant" else advance(state, text, reading)
    assert state.turns == 15
    assert state.topics == ((1, "transfer"), (11, "pin"), (13, "transfer"))
    values = {name: slot.values for name, slot in state.slots.items()}
    assert values == {
        "amount": ("250.00 EUR",), "date": ("2024-06-03",), "country": ("Portugal",), "card": ("9876",),
    }  # fmt: skip
    assert state.slots["amount"].replaced == ("200.00 EUR",)
    assert state.slots["amount"].turn == 9


def test_a_value_that_is_taken_back_is_forgotten():
    state = advance(State(), "I lost 80 euros at a cash machine", Reading(intent="cash", confidence=0.9))
    state = advance(state, "not 80 euros", NOTHING)
    assert "amount" not in state.slots
    assert state.topic == "cash"


ARTICLES = read_articles(SAMPLES / "bank_articles.md")


def _reply(message: str, intent: str = "card_arrival", probability: float = 0.9, outside: bool = False, state=None):
    candidates = (Candidate(intent=intent, probability=probability), Candidate(intent="change_pin", probability=0.05))
    return reply_to(message, candidates=candidates, outside=outside, articles=ARTICLES, state=state or State())


def test_an_answer_is_made_of_cited_lines_of_the_pages():
    said = _reply("where is my card?")
    lines = (SAMPLES / "bank_articles.md").read_text(encoding="utf-8").splitlines()
    assert said.decision == "answer"
    assert said.reply == " ".join(lines[each.line - 1] for each in said.citations)


def test_a_person_takes_over_where_one_must():
    assert _reply("let me talk to a human").decision == "hand over"
    assert _reply("someone uses it", intent="compromised_card").decision == "hand over"
    assert _reply("no page", intent="unheard_of").decision == "hand over"
    again = State(
        turns=5,
        topic="card_arrival",
        topics=((1, "card_arrival"), (2, "x"), (3, "card_arrival"), (4, "y"), (5, "card_arrival")),
    )
    assert _reply("where is my card?", state=again).decision == "hand over"


def test_what_is_out_of_scope_or_unsure_is_not_answered():
    assert _reply("what is the weather", outside=True).reply == OUTSIDE
    asked = _reply("card", probability=0.4)
    assert asked.decision == "ask"
    assert "Changing the PIN" in asked.reply
    assert not asked.citations


def test_every_sample_page_has_its_own_topic_and_no_answer_is_empty():
    assert len(ARTICLES) == 77
    assert all(each.lines for each in ARTICLES.values())
    assert ARTICLES["compromised_card"].person
    assert not ARTICLES["card_arrival"].person


@pytest.mark.parametrize("text", ["no heading\n", "## a\n", "## a\ntitle\n", "## a\nt\ns\n## a\nt\ns\n", "## \nt\ns\n"])
def test_pages_without_their_parts_are_refused(text: str, tmp_path: Path):
    (tmp_path / "pages.md").write_text(text)
    with pytest.raises(FormatError):
        read_articles(tmp_path / "pages.md")


@pytest.mark.parametrize(
    "turns",
    [[], {}, [{"speaker": "bank", "text": "x"}], [{"text": "x"}], [{"speaker": "customer", "text": " "}], ["x"]],
)
def test_a_dialogue_without_its_parts_is_refused(turns, tmp_path: Path):
    (tmp_path / "d.json").write_text(json.dumps(turns))
    with pytest.raises(FormatError):
        read_transcript(tmp_path / "d.json")
    with pytest.raises(FileError):
        read_transcript(tmp_path)
