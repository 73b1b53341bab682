"""Calibration, conformal prediction, risk control, subset report and attribution."""
