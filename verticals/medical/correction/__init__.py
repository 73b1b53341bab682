"""Corrections by hand: clicks, boxes and deletes redraw a finding, and everything that follows from it."""
