"""The same nodules on two dates."""
