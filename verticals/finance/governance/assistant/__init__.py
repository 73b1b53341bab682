"""Governance of `finance/assistant`: intents, refusals and cited answers, on labelled messages."""
