"""What may lie behind a defect, and what to check next: a failure mode and effects analysis as a graph with sources."""
