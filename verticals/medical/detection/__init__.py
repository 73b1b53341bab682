"""From a scan to candidates with calibrated scores, and from those to findings."""
