"""Governance of `finance/compliance`: rules and ranker apart, on decided cases of folders or of made-up worlds."""
