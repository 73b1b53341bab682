"""Made-up messages of customers: what they might say of some topics, in frames, and what is for no bank to answer.

Everything here was written for this test; nobody said it. It knows nothing of how messages are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SAYINGS: Mapping[str, tuple[str, ...]] = {
    "card_arrival": (
        "my new card has still not come in the post", "I ordered a card two weeks ago and it is not here",
        "where is the card you sent me", "how do I track the card that is on its way",
    ),
    "change_pin": (
        "I would like to choose another PIN", "how can my PIN be changed", "where do I set a new PIN for the card",
        "can I change the PIN at a cash machine",
    ),
    "exchange_rate": (
        "what exchange rate do you use", "how good is your rate for dollars", "when is the exchange rate updated",
        "where do I see the rate for changing money",
    ),
    "lost_or_stolen_card": (
        "my card was stolen this morning", "I cannot find my card, I think I lost it", "somebody took my wallet with"
        " the card in it", "I left my card somewhere and it is gone",
    ),
    "pending_card_payment": (
        "my card payment is still pending", "why does a purchase show as pending", "the payment in the shop has not"
        " gone through yet and says pending", "how long is a card payment pending",
    ),
    "declined_card_payment": (
        "my card was declined in the shop", "why was my card payment refused", "the payment with my card did not work"
        " and was declined", "I tried to pay by card and got declined",
    ),
    "terminate_account": (
        "I want to close my account", "please delete my account with you", "how can I end my account",
        "I am not happy with the service and want to close the account",
    ),
    "edit_personal_details": (
        "I have moved and have a new address", "how do I change my name in the app", "my personal details need to be"
        " changed", "where can I edit my details",
    ),
    "passcode_forgotten": (
        "I have forgotten my passcode", "how do I reset the passcode of the app", "I cannot log in because I do not"
        " remember my passcode", "what if I forgot the passcode",
    ),
    "top_up_failed": (
        "my top up did not work", "why has my top-up failed", "I tried to top up and it was refused",
        "the app would not let me top up",
    ),
    "transfer_timing": (
        "how long does a transfer take", "when will my transfer arrive", "how many days does a transfer from Europe"
        " need", "how soon will the money I sent be there",
    ),
    "cash_withdrawal_charge": (
        "why was I charged a fee for taking out cash", "there is a fee for my cash withdrawal", "do you charge for"
        " withdrawing money", "I took money out and there was an extra charge",
    ),
    "age_limit": (
        "how old must I be to have an account", "can my son open an account", "is there an age limit for an account",
        "what is the youngest age for an account",
    ),
    "country_support": (
        "in which countries are you available", "what countries do you support", "can I have a card if I live in"
        " another country of the EU", "do you work in my country",
    ),
    "getting_virtual_card": (
        "how do I get a virtual card", "can I order a virtual card", "where do I find virtual cards in the app",
        "I would like to have a virtual card",
    ),
    "card_swallowed": (
        "the cash machine kept my card", "the ATM has swallowed my card", "my card is stuck in the machine",
        "the machine did not give my card back",
    ),
    "contactless_not_working": (
        "contactless does not work any more", "why can I not pay contactless", "my contactless payments fail",
        "tapping my card does not work",
    ),
    "request_refund": (
        "I want a refund for something I bought", "how do I get my money back from a shop", "please give me a refund"
        " for this purchase", "can I request a refund",
    ),
    "balance_not_updated_after_bank_transfer": (
        "I made a transfer to my account and the balance has not changed", "my bank transfer does not show in the"
        " balance", "I transferred money and it is not on my account", "the balance is not updated after my transfer",
    ),
    "verify_my_identity": (
        "how do I prove my identity", "what do you need to verify who I am", "which documents are needed for the"
        " identity check", "how can I verify my identity",
    ),
}  # fmt: skip
STRANGE = (
    "will it rain in Lisbon tomorrow", "please book a table for two on Friday", "who won the football match last night",
    "write a poem about the sea", "how do I bake bread without yeast", "my printer makes a strange noise",
    "translate good morning into Japanese", "which bus goes to the airport", "recommend a film for the weekend",
    "how tall is the highest mountain", "play some quiet music", "my dog has eaten chocolate",
    "what is the capital of Mongolia", "set an alarm for six", "how do I remove red wine from a carpet",
    "find me a dentist nearby", "what does this dream mean", "is my parcel of shoes at the depot",
    "which paint is best for a kitchen", "tell me a joke about penguins",
)  # fmt: skip
FRAMES = (
    "{}", "Hi, {}", "Hello there! {}?", "{}, can you help", "Good morning, {}", "{} - thanks", "I have a question: {}",
    "Could you tell me: {}", "ok so {}", "{}!!",
)  # fmt: skip
EACH = 4  # frames a saying is put in


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Messages with the intent and the saying that each was made of; those of no intent have none."""

    texts: tuple[str, ...]
    intents: tuple[str, ...]
    sayings: tuple[int, ...]


def said(random: np.random.Generator) -> tuple[Said, Said, tuple[str, ...]]:
    """Messages to learn from, messages to judge (of other sayings), and strange ones."""
    sides: tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]] = ([], [])
    number = 0
    for intent, sayings in SAYINGS.items():
        order = random.permutation(len(sayings))
        for place, which in enumerate(order):
            number += 1
            for frame in random.permutation(len(FRAMES))[:EACH]:
                text = _typed(FRAMES[frame].format(sayings[which]), random)
                sides[place >= len(order) // 2].append((text, intent, number))
    strange = tuple(_typed(FRAMES[int(random.integers(len(FRAMES)))].format(each), random) for each in STRANGE)
    learnt, judged = (
        Said(texts=tuple(t for t, _, _ in side), intents=tuple(i for _, i, _ in side),
             sayings=tuple(n for _, _, n in side))
        for side in sides
    )  # fmt: skip
    return learnt, judged, strange


def _typed(text: str, random: np.random.Generator) -> str:
    """As typed in haste: now and then a letter is lost, or nothing has a capital."""
    if random.random() < 0.15:
        place = int(random.integers(1, len(text) - 1))
        text = text[:place] + text[place + 1 :]
    return text.lower() if random.random() < 0.3 else text
