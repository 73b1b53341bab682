"""Point clouds: reading, laying on the nominal part, deviation in mm. Knows nothing of verdicts."""
