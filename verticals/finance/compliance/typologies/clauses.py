"""What laws, standards and examination manuals ask for, in our own words, with where each says it. It finds nothing.

The words are a guide to the source and not its text: read the source before acting on it.
"""

from __future__ import annotations

from .rule import Clause

CTR = Clause(
    source="31 CFR", place="1010.311",
    says="Cash above 10,000 dollars in a day must be reported by the institution.",
)  # fmt: skip
STRUCTURING = Clause(
    source="31 CFR", place="1010.314",
    says="Splitting cash so that the report of large cash is not made is itself forbidden.",
)  # fmt: skip
SAR = Clause(
    source="31 CFR", place="1020.320",
    says="A bank reports payments of 5,000 dollars or more that have no evident lawful purpose or evade the rules.",
)  # fmt: skip
OWNERS = Clause(
    source="31 CFR", place="1010.230",
    says="Persons who own a quarter of a legal customer or more, and one who controls it, are to be identified.",
)  # fmt: skip
FIFTY = Clause(
    source="OFAC", place="50 Percent Rule, 2014",
    says="A body owned to half or more by listed persons together counts as listed itself.",
)  # fmt: skip
R6 = Clause(
    source="FATF", place="Recommendation 6",
    says="Funds of listed persons are frozen without delay and nothing is made available to them.",
)  # fmt: skip
R8 = Clause(
    source="FATF", place="Recommendation 8",
    says="Measures against abuse of charities for terrorist financing are to be focused and in proportion.",
)  # fmt: skip
R10 = Clause(
    source="FATF", place="Recommendation 10",
    says="Payments are watched through the whole relation and must fit what is known of the customer.",
)  # fmt: skip
R12 = Clause(
    source="FATF", place="Recommendation 12",
    says="The wealth and funds of politically exposed persons are established, and the relation is watched closely.",
)  # fmt: skip
R15 = Clause(
    source="FATF", place="Recommendation 15",
    says="Virtual assets are under the same duties as other means of payment.",
)  # fmt: skip
R19 = Clause(
    source="FATF", place="Recommendation 19",
    says="Relations and payments with countries that FATF names ask for more diligence, in proportion to the risk.",
)  # fmt: skip
R20 = Clause(
    source="FATF", place="Recommendation 20",
    says="Who suspects that funds come of crime or serve terrorism reports it promptly.",
)  # fmt: skip
R24 = Clause(
    source="FATF", place="Recommendation 24",
    says="Who really owns and controls a legal body must be known in time, accurately and currently.",
)  # fmt: skip
FFIEC_CASH = Clause(
    source="FFIEC BSA/AML Manual", place="Appendix F, efforts to avoid reporting or recordkeeping",
    says="Several deposits that each stay below a reporting limit, or in many accounts, are a red flag.",
)  # fmt: skip
FFIEC_FLOW = Clause(
    source="FFIEC BSA/AML Manual", place="Appendix F, funds transfers",
    says="Funds that come and go at once, in round sums, or among many unrelated parties, are a red flag.",
)  # fmt: skip
FFIEC_ACTIVITY = Clause(
    source="FFIEC BSA/AML Manual", place="Appendix F, activity inconsistent with the customer's business",
    says="Sums or kinds of payment that do not fit the customer, or a sleeping account that wakes, are a red flag.",
)  # fmt: skip
FFIEC_SHELL = Clause(
    source="FFIEC BSA/AML Manual", place="Appendix F, shell company activity",
    says="Bodies without a visible business, shared addresses and unclear owners are a red flag.",
)  # fmt: skip
FFIEC_IDENTITY = Clause(
    source="FFIEC BSA/AML Manual", place="Appendix F, customers who provide insufficient or suspicious information",
    says="Identity that does not hold together or is shared by several customers is a red flag.",
)  # fmt: skip
FFIEC_TRADE = Clause(
    source="FFIEC BSA/AML Manual", place="Appendix F, trade finance",
    says="Prices of goods far from the market's are a red flag.",
)  # fmt: skip
FATF_TRADE = Clause(
    source="FATF/Egmont", place="Trade-Based Money Laundering, 2020",
    says="Invoices above or below the worth of the goods move value across borders.",
)  # fmt: skip
FATF_LAUNDERERS = Clause(
    source="FATF", place="Professional Money Laundering, 2018",
    says="Networks pass funds through many accounts and bring them together again, or back to where they began.",
)  # fmt: skip
FATF_OWNERS = Clause(
    source="FATF/Egmont", place="Concealment of Beneficial Ownership, 2018",
    says="Chains of bodies, nominee directors and formation agents hide who owns.",
)  # fmt: skip
FATF_CRYPTO = Clause(
    source="FATF", place="Virtual Assets Red Flag Indicators, 2020",
    says="Funds changed to virtual assets as soon as they arrive, without a reason in business, are a red flag.",
)  # fmt: skip
FATF_TF = Clause(
    source="FATF", place="Emerging Terrorist Financing Risks, 2015",
    says="Small sums collected from many and sent on to regions of conflict can finance terrorism.",
)  # fmt: skip
EUROPOL_MULES = Clause(
    source="Europol", place="European Money Mule Action, guidance on money muling",
    says="New, often young holders who receive from strangers and pass it on at once act as money mules.",
)  # fmt: skip
