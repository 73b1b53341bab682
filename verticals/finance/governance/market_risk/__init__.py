"""The chapters for market risk."""
