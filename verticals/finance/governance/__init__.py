"""Governance: the evidence that a model-risk reviewer asks for, run on data and written as one page."""
