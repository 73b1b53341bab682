"""Typologies of money laundering as rules with parameters, each with the evidence that makes it fire."""
