"""Other hospitals: fitting to their scans, and the gate that a fitted detector has to pass."""
