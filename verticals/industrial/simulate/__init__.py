"""Generates units of a part with a scan, a photograph and a sound of each, good or with a defect of known truth."""
