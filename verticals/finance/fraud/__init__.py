"""Card fraud: events to a calibrated score, a decision and its reasons."""
