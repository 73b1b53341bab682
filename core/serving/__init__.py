"""A task behind HTTP."""
