"""The chapters for card fraud."""
