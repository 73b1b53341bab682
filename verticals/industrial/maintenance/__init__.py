"""Maintenance of a machine: remaining life and health from its sensors, bearing faults from its vibration."""
