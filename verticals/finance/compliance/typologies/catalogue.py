"""Every rule with its parameters, its clauses and what looks like it and is lawful. It finds nothing itself.

Sources: FFIEC BSA/AML Examination Manual, Appendix F; FATF reports as each clause names them. Parameters are defaults
of ours: a bank sets its own from its own customers.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import clauses as say
from .flow import Gathering, Mule, Through, fan_in, fan_out, mule, through
from .habits import BeyondMeans, RoundSums, Sleeper, beyond_means, round_sums, sleeper
from .listed import Exposed, Listed, exposed, sanctioned
from .ownership import Reuse, Shell, reuse, shell
from .paths import Circle, Layers, Reunion, circle, layers, reunion
from .places import Exposure, Pooled, exposure, pooled
from .rule import Rule
from .structuring import BelowLimit, Feeders, below_limit, feeders
from .trade import OffMarket, off_market

RULES: tuple[Rule, ...] = (
    Rule(
        id="STRUCT-1", title="Cash deposits just below the limit of a report",
        parameters=BelowLimit(), find=below_limit,
        clauses=(say.CTR, say.STRUCTURING, say.FFIEC_CASH),
        lawful="a shop that takes much cash, with a steady history of such deposits",
        asks=("what the cash was earned with", "deposits at other branches and banks"),
    ),
    Rule(
        id="STRUCT-2", title="Small cash into many accounts, gathered in one and sent abroad", parameters=Feeders(),
        find=feeders, clauses=(say.STRUCTURING, say.FFIEC_CASH, say.FATF_LAUNDERERS),
        lawful="branches that sweep their takings into the firm's account, which pays a supplier abroad",
        asks=("how the depositors know each other", "the contract behind the payment abroad"),
    ),
    Rule(
        id="RAPID", title="Money that leaves as soon as it comes", parameters=Through(), find=through,
        clauses=(say.FFIEC_FLOW, say.R10, say.SAR),
        lawful="brokers, notaries and escrow; a salary that goes on to rent and savings",
        asks=("the balance that was left", "the purpose of both payments"),
    ),
    Rule(
        id="FANIN", title="Many payers to one account in days", parameters=Gathering(), find=fan_in,
        clauses=(say.FFIEC_FLOW, say.FATF_LAUNDERERS),
        lawful="shops, landlords, clubs, shared bills and collections",
        asks=("what was paid for", "whether the payers know each other"),
    ),
    Rule(
        id="FANOUT", title="One account to many payees in days", parameters=Gathering(), find=fan_out,
        clauses=(say.FFIEC_FLOW, say.FATF_LAUNDERERS),
        lawful="wages, suppliers and refunds",
        asks=("a list of employees or suppliers",),
    ),
    Rule(
        id="SCATTER-GATHER", title="Spread over accounts and brought together again",
        parameters=Reunion(), find=reunion,
        clauses=(say.FATF_LAUNDERERS, say.FFIEC_FLOW),
        lawful="a group's branches that pay one supplier from the centre's funds",
        asks=("who controls the accounts between",),
    ),
    Rule(
        id="CYCLE", title="Money that comes back to where it began", parameters=Circle(), find=circle,
        clauses=(say.FATF_LAUNDERERS, say.FFIEC_FLOW),
        lawful="a group's treasury that pools and lends within the group",
        asks=("the agreements between the parties", "who owns each of them"),
    ),
    Rule(
        id="DORMANT", title="A sleeping account that wakes to large sums", parameters=Sleeper(), find=sleeper,
        clauses=(say.FFIEC_ACTIVITY, say.R10),
        lawful="an inheritance, a tax refund, the sale of a house",
        asks=("where the money comes from", "who has access to the account now"),
    ),
    Rule(
        id="ROUND", title="Many large payments of round sums", parameters=RoundSums(), find=round_sums,
        clauses=(say.FFIEC_FLOW,), lawful="rent and instalments",
        asks=("invoices for the round sums",),
    ),
    Rule(
        id="GEO", title="Payments with a listed country without a tie to it", parameters=Exposure(), find=exposure,
        clauses=(say.R19, say.FFIEC_ACTIVITY), lawful="migrants who send money home; trade that was declared",
        asks=("the purpose and the party at the other end",),
    ),
    Rule(
        id="PROFILE", title="Far more than the declared means", parameters=BeyondMeans(), find=beyond_means,
        clauses=(say.R10, say.FFIEC_ACTIVITY), lawful="the sale of a house, a bonus, a gift",
        asks=("the origin of the funds", "an up-to-date declaration of income"),
    ),
    Rule(
        id="SHELL", title="A body without a visible owner or business", parameters=Shell(), find=shell,
        clauses=(say.OWNERS, say.R24, say.FATF_OWNERS, say.FFIEC_SHELL),
        lawful="customers of a registered agent; subsidiaries of a listed group",
        asks=("the register of owners", "what the body sells, and to whom"),
    ),
    Rule(
        id="MULE", title="A new account that takes from strangers and passes it on", parameters=Mule(), find=mule,
        clauses=(say.EUROPOL_MULES, say.FFIEC_FLOW), lawful="students whose family pays the first rent",
        asks=("how the holder knows the payers", "messages that recruited the holder"),
    ),
    Rule(
        id="LAYER", title="Changed to virtual assets or other currencies at once", parameters=Layers(), find=layers,
        clauses=(say.R15, say.FATF_CRYPTO, say.FFIEC_FLOW), lawful="traders and importers who hedge",
        asks=("the wallet or account at the far end",),
    ),
    Rule(
        id="SANCTION", title="A name on a sanctions list, or owned by one", parameters=Listed(), find=sanctioned,
        clauses=(say.R6, say.FIFTY), lawful="people of the same name",
        asks=("date and place of birth, and an identity document",),
    ),
    Rule(
        id="PEP", title="A politically exposed person with large receipts", parameters=Exposed(), find=exposed,
        clauses=(say.R12,), lawful="most exposed persons; the duty is to know their funds",
        asks=("the source of wealth",),
    ),
    Rule(
        id="TBML", title="Trade at prices far from the market's", parameters=OffMarket(), find=off_market,
        clauses=(say.FATF_TRADE, say.FFIEC_TRADE), lawful="goods whose price moved, special grades",
        asks=("invoice, bill of lading and customs entry",),
    ),
    Rule(
        id="TF", title="Small sums gathered and sent to a region of conflict", parameters=Pooled(), find=pooled,
        clauses=(say.R8, say.R20, say.FATF_TF), lawful="registered charities; families who support relatives",
        asks=("who receives the money there", "the charity's registration and programme"),
    ),
    Rule(
        id="IDENT-REUSE", title="One identity or device of several unrelated customers", parameters=Reuse(), find=reuse,
        clauses=(say.FFIEC_IDENTITY, say.R10), lawful="families and shared flats",
        asks=("the original identity documents",),
    ),
)  # fmt: skip

BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}
