"""Governance of `finance/notes`: claims, answers and planted falsehoods, on filings with questions."""
