"""Photographs: reading, and what good ones look like. Knows nothing of verdicts."""
