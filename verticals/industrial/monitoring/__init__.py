"""Is the process, and the gauge that watches it, still what it was? Charts, capability, alarms, gauge studies."""
