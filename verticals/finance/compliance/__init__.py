"""Compliance: payments, parties and lists to alerts with rules, evidence and what speaks against."""
