"""Recordings: reading, their spectra, and what good ones sound like. Knows nothing of verdicts."""
