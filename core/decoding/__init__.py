"""One transformer decoder that all tasks share, and the heads that read it."""
